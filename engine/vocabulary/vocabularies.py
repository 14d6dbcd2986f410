"""The vocabularies of a collection, one for each vector field that takes tokens."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from ...storage.catalog.catalog import Catalog
from ...storage.catalog.key_value_store import WriteTransaction
from ...storage.catalog.records import CollectionRecord
from ...storage.catalog.vocabulary import StoredVocabulary
from ..errors import InvalidArgument, NotFound
from ..handoff import undisturbed
from ..schema.collection_schema import CollectionSchema
from ..vector_kinds.registry import kind_of
from .query_table import QueryTable
from .token_columns import column_with_ids
from .vocabulary import Vocabulary


class Vocabularies:
    """Finds the vocabulary of a field; of one that was dropped and added anew, another. For any thread."""

    def __init__(self, catalog: Catalog, record: CollectionRecord) -> None:
        self._catalog = catalog
        self._number = record.number
        self._uuid = record.uuid
        self._opened: dict[tuple[str, int], Vocabulary] = {}
        self._tables: dict[tuple[str, int], QueryTable] = {}

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

    def query_table(self, schema: CollectionSchema, field: str) -> QueryTable | None:
        """Return the weights of a field's queries; None where it has none, and queries say theirs.

        Raises
        ------
        NotFound
            The field was dropped.
        """
        spec = schema.vectors[field]
        if kind_of(spec).query_weights(spec) is None:
            return None
        key = field, schema.since.get(field, 0)
        found = self._tables.get(key)
        if found is None:
            found = self._tables[key] = undisturbed(lambda: self._read_table(schema, field))
        return found

    def create(self, txn: WriteTransaction, schema: CollectionSchema, field: str) -> None:
        """Store what a field begins with: the weights of its queries, and ids for their tokens."""
        spec = schema.vectors[field]
        weights = kind_of(spec).query_weights(spec)
        if weights is None or weights.column is None:
            return
        vocabulary = self.of(schema, field)

        def ids_of(_: str, tokens: list[str]) -> NDArray[np.uint32]:
            assert vocabulary is not None
            return vocabulary.assigned_ids(txn, tokens)

        arrays = column_with_ids(field, weights.column, ids_of).arrays()
        table = QueryTable.of(arrays["indices"], arrays["values"])
        self.stored(schema, field).put_query_weights(txn, table.encode())

    def _read_table(self, schema: CollectionSchema, field: str) -> QueryTable:
        with self._catalog.read() as txn:
            payload = self.stored(schema, field).query_weights(txn)
        if payload is None:
            raise NotFound(f"vector field {field!r} was dropped while the call read it", field="field")
        return QueryTable.decode(payload, self._catalog.store.path)

    def stored(self, schema: CollectionSchema, field: str) -> StoredVocabulary:
        """Return what the catalog has of the vocabulary of a field."""
        since = schema.since.get(field, 0)
        return StoredVocabulary(self._number, self._uuid, field, since, self._catalog.store.path)


def check_given(schema: CollectionSchema, added: Iterable[str]) -> None:
    """Raise InvalidArgument when a field that is to be made has a digest of weights instead of weights."""
    for name in added:
        spec = schema.vectors[name]
        weights = kind_of(spec).query_weights(spec)
        if weights is not None and weights.column is None:
            raise InvalidArgument(
                f"vectors[{name!r}] has query_weights of a schema that was read, which has their digest "
                "alone; pass the mapping of weights",
                field="query_weights",
            )
