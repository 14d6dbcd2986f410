"""The vocabularies of a collection, one for each vector field that takes tokens."""

from __future__ import annotations

from ...storage.catalog.catalog import Catalog
from ...storage.catalog.records import CollectionRecord
from ...storage.catalog.vocabulary import StoredVocabulary
from ..schema.collection_schema import CollectionSchema
from ..vector_kinds.registry import kind_of
from .vocabulary import Vocabulary


class Vocabularies:
    """Finds the vocabulary of a field; of one that was dropped and added anew, another. For any thread."""

    def __init__(self, catalog: Catalog, record: CollectionRecord) -> None:
        self._catalog = catalog
        self._number = record.number
        self._uuid = record.uuid
        self._opened: dict[tuple[str, int], Vocabulary] = {}

    def of(self, schema: CollectionSchema, field: str) -> Vocabulary | None:
        """Return the vocabulary of a field of ``schema``; None where its vectors are not given by tokens."""
        spec = schema.vectors[field]
        if not kind_of(spec).has_tokens(spec):
            return None
        key = field, schema.since.get(field, 0)
        found = self._opened.get(key)
        if found is None:
            # Of two threads that come at once, both get the same one.
            made = Vocabulary(self._catalog, self.stored(schema, field), field)
            found = self._opened.setdefault(key, made)
        return found

    def stored(self, schema: CollectionSchema, field: str) -> StoredVocabulary:
        """Return what the catalog has of the vocabulary of a field."""
        since = schema.since.get(field, 0)
        return StoredVocabulary(self._number, self._uuid, field, since, self._catalog.store.path)
