"""Haystack's `DocumentStore` on vicinal, a store to copy into a pipeline of your own.

It needs `pip install haystack-ai vicinal`. No field is declared: documents are filtered by whatever is in
their `meta`. Among your own modules this file needs another name than `haystack.py`.

    store = VicinalDocumentStore("documents.vicinal", dim=384)
    store.write_documents(documents)
    store.filter_documents({"field": "meta.year", "operator": ">=", "value": 1990})
    store.embedding_retrieval(query, top_k=5)
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import datetime
from functools import reduce, wraps
from operator import and_, ge, gt, le, lt, or_
from typing import Any, Concatenate, ParamSpec, TypeVar

from haystack import default_to_dict
from haystack.dataclasses import Document
from haystack.document_stores.errors import DuplicateDocumentError
from haystack.document_stores.types import DuplicatePolicy
from haystack.errors import FilterError

import vicinal
from vicinal import F, Filter

P = ParamSpec("P")
R = TypeVar("R")
_PAGE = 1000
_NONE = vicinal.has_id([])
_ALL = ~_NONE
_ORDERED: dict[str, Callable[[F, Any], Filter]] = {">": gt, ">=": ge, "<": lt, "<=": le}
_FIELDS = {"content", "blob", "score", "sparse_embedding"}


def _in_thread(method: Callable[Concatenate[Any, P], R]) -> Callable[Concatenate[Any, P], Awaitable[R]]:
    @wraps(method)
    async def call(self: Any, /, *args: P.args, **said: P.kwargs) -> R:
        return await asyncio.to_thread(method, self, *args, **said)

    return call


class VicinalDocumentStore:
    """Documents in one collection, which is made if it is not there.

    ``location`` is a folder, ``":memory:"``, or with ``remote`` a server's ``host:port``; ``dim`` the length
    of the embeddings, which documents may lack; ``metric`` is ``cosine``, ``dot`` or ``l2``.
    """

    def __init__(
        self,
        location: str = ":memory:",
        collection: str = "documents",
        dim: int = 768,
        metric: str = "cosine",
        remote: bool = False,
    ) -> None:
        self._said = dict(location=location, collection=collection, dim=dim, metric=metric, remote=remote)
        self._database = vicinal.connect(location) if remote else vicinal.open(location)
        if collection not in self._database.collections():
            self._database.create_collection(collection, vicinal.Dense(dim, metric=metric))
        self._points = self._database.collection(collection)

    def to_dict(self) -> dict[str, Any]:
        """Return what makes this store again."""
        return dict(default_to_dict(self, **self._said))

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> VicinalDocumentStore:
        """Return the store that :meth:`to_dict` described."""
        return cls(**data["init_parameters"])

    def close(self) -> None:
        """Close the database, or the connection."""
        self._database.close()

    def count_documents(self) -> int:
        """Return how many documents there are."""
        return self._points.count()

    def count_documents_by_filter(self, filters: dict[str, Any]) -> int:
        """Return how many documents satisfy the filters."""
        return self._points.count(filter=_filter(filters))

    def filter_documents(self, filters: dict[str, Any] | None = None) -> list[Document]:
        """Return the documents that satisfy the filters, in the order they were written."""
        return [_document(point) for point in self._scrolled(filters, with_vectors=True)]

    def write_documents(
        self, documents: list[Document], policy: DuplicatePolicy = DuplicatePolicy.NONE
    ) -> int:
        """Write documents, and return how many were; without a policy, one that is there is an error."""
        if not isinstance(documents, list) or not all(isinstance(one, Document) for one in documents):
            raise ValueError("write_documents() takes a list of Documents")
        overwrites = policy == DuplicatePolicy.OVERWRITE
        # Of several with one id the last overwrites the others, or is skipped as they are there.
        latest = {one.id: one for one in (documents if overwrites else reversed(documents))}
        kept = [latest[name] for name in dict.fromkeys(one.id for one in documents)]
        if policy in (DuplicatePolicy.FAIL, DuplicatePolicy.NONE):
            known = [point.id for point in self._points.get(list(latest), with_payload=False) if point]
            if known or len(kept) < len(documents):
                raise DuplicateDocumentError(f"there are documents of these ids: {known or 'one id twice'}")
        if not kept:
            return 0
        written = self._points.upsert(
            [one.id for one in kept],
            [one.embedding for one in kept],
            [_payload(one) for one in kept],
            mode="upsert" if overwrites else "insert_only",
        )
        return len(documents) if overwrites else written.points

    def delete_documents(self, document_ids: list[str]) -> None:
        """Delete documents; those that are not there are passed over."""
        self._points.delete(document_ids)

    def delete_all_documents(self, recreate_collection: bool = False) -> None:
        """Delete every document; with ``recreate_collection``, the collection too, and make it anew."""
        if not recreate_collection:
            self._points.delete(filter=_ALL)
            return
        name, schema = self._points.name, self._points.schema
        self._database.drop_collection(name)
        self._points = self._database.create_collection(name, schema.vectors, fields=schema.fields)

    def delete_by_filter(self, filters: dict[str, Any]) -> int:
        """Delete what satisfies the filters, and return how many there were."""
        return self._points.delete(filter=_filter(filters))

    def update_by_filter(self, filters: dict[str, Any], meta: dict[str, Any]) -> int:
        """Set keys of the meta of what satisfies the filters, and return how many there were."""
        return self._points.update_payload(meta, filter=_filter(filters), key="meta")

    def embedding_retrieval(
        self, query_embedding: list[float], *, filters: dict[str, Any] | None = None, top_k: int = 10
    ) -> list[Document]:
        """Return the documents nearest to an embedding, best first, with their scores."""
        hits = self._points.search(query_embedding, top_k, filter=_filter(filters), with_vectors=True)
        return [_document(hit, float(hit.score)) for hit in hits]

    def count_unique_metadata_by_filter(
        self, filters: dict[str, Any], metadata_fields: list[str]
    ) -> dict[str, int]:
        """Return how many values each field has in what satisfies the filters."""
        return {name: len(self._values(name, filters)) for name in metadata_fields}

    def get_metadata_fields_info(self) -> dict[str, dict[str, str]]:
        """Return the Python type of each field of the meta, as first met."""
        types: dict[str, dict[str, str]] = {}
        for point in self._scrolled(None, with_payload=["meta"]):
            for name, value in point.payload.get("meta", {}).items():
                types.setdefault(name, {"type": type(value).__name__})
        return types

    def get_metadata_field_min_max(self, metadata_field: str) -> dict[str, Any]:
        """Return the least and the most value of a field of numbers or dates."""
        least, most = self._points.min_max(_path(metadata_field)) or (None, None)
        return {"min": least, "max": most}

    def get_metadata_field_unique_values(
        self,
        metadata_field: str,
        search_term: str | None = None,
        from_: int = 0,
        size: int | None = 10,
        filters: dict[str, Any] | None = None,
    ) -> tuple[list[Any], int]:
        """Return a page of the values of a field, in the order of their texts, and how many there are."""
        values = self._values(metadata_field, filters)
        if search_term:
            values = [value for value in values if search_term.lower() in str(value).lower()]
        return values[from_ : None if size is None else from_ + size], len(values)

    def _values(self, metadata_field: str, filters: dict[str, Any] | None) -> list[Any]:
        """Return the values of a field, 1, 1.0, True and "1" being four."""
        path = _path(metadata_field)
        found: dict[tuple[str, str], Any] = {}
        for point in self._scrolled(filters, with_payload=[path]):
            value: Any = point.payload
            for key in path.split("."):
                value = value.get(key) if isinstance(value, Mapping) else None
            for one in value if isinstance(value, list) else [value]:
                if one is not None:
                    found[str(one), type(one).__name__] = one
        return [found[key] for key in sorted(found)]

    def _scrolled(self, filters: dict[str, Any] | None, **carried: Any) -> Iterator[vicinal.Point]:
        chosen, after = _filter(filters), None
        while True:
            page = self._points.scroll(filter=chosen, limit=_PAGE, after=after, **carried)
            yield from page.points
            after = page.next
            if after is None:
                return

    count_documents_async = _in_thread(count_documents)
    count_documents_by_filter_async = _in_thread(count_documents_by_filter)
    filter_documents_async = _in_thread(filter_documents)
    write_documents_async = _in_thread(write_documents)
    delete_documents_async = _in_thread(delete_documents)
    delete_all_documents_async = _in_thread(delete_all_documents)
    delete_by_filter_async = _in_thread(delete_by_filter)
    update_by_filter_async = _in_thread(update_by_filter)
    embedding_retrieval_async = _in_thread(embedding_retrieval)
    count_unique_metadata_by_filter_async = _in_thread(count_unique_metadata_by_filter)
    get_metadata_fields_info_async = _in_thread(get_metadata_fields_info)
    get_metadata_field_min_max_async = _in_thread(get_metadata_field_min_max)
    get_metadata_field_unique_values_async = _in_thread(get_metadata_field_unique_values)


def _payload(document: Document) -> dict[str, Any]:
    said = document.to_dict(flatten=False)
    return {"meta": said["meta"], **{name: said[name] for name in _FIELDS if said[name] is not None}}


def _document(point: Any, score: float | None = None) -> Document:
    embedding = next(iter(point.vectors.values()), None)
    said = {**point.payload, "id": point.id}
    if embedding is not None:
        said["embedding"] = embedding.tolist()
    if score is not None:
        said["score"] = score
    return Document.from_dict(said)


def _path(field: str) -> str:
    """Return where a field is in the payload; `meta.` may be left out."""
    return field if field.startswith("meta.") or field in {"id", *_FIELDS} else f"meta.{field}"


def _filter(said: dict[str, Any] | None) -> Filter | None:
    """Return Haystack's filter as vicinal's; FilterError if it is none."""
    try:
        return _translated(said) if said else None
    except vicinal.InvalidArgument as error:
        raise FilterError(str(error)) from error


def _translated(said: Any) -> Filter:
    if not isinstance(said, Mapping) or "operator" not in said:
        raise FilterError(f"a filter has an operator; got {said!r:.200}")
    operator = said["operator"]
    if "field" in said:
        if "value" not in said:
            raise FilterError(f"a comparison has a value; got {said!r:.200}")
        return _comparison(said["field"], operator, said["value"])
    if operator not in ("AND", "OR", "NOT") or not said.get("conditions"):
        raise FilterError(f"expected a field, or AND, OR or NOT with conditions; got {said!r:.200}")
    clauses = [_translated(one) for one in said["conditions"]]
    joined = reduce(or_ if operator == "OR" else and_, clauses)
    return ~joined if operator == "NOT" else joined


def _comparison(field: str, operator: str, value: Any) -> Filter:
    path = _path(field)
    if operator in ("in", "not in"):
        if not isinstance(value, list):
            raise FilterError(f"{operator!r} takes a list; got {value!r:.200}")
        apart = [one for one in value if path == "id" or one is None or _is_date(one)]
        clauses = [_equal(path, one) for one in apart]
        if len(apart) < len(value):
            clauses.append(F(path).is_in([one for one in value if one not in apart]))
        found = reduce(or_, clauses, _NONE)
        return found if operator == "in" else ~found
    if operator in ("==", "!="):
        return _equal(path, value) if operator == "==" else ~_equal(path, value)
    if operator not in _ORDERED:
        raise FilterError(f"{operator!r} is no operator; expected ==, !=, >, >=, <, <=, in or not in")
    if value is None:
        return _NONE
    # Of texts only dates have an order.
    if isinstance(value, bool | list) or (isinstance(value, str) and not _is_date(value)):
        raise FilterError(f"{operator!r} takes a number or a date in ISO 8601; got {value!r:.200}")
    return _ORDERED[operator](F(path), value)


def _equal(path: str, value: Any) -> Filter:
    field = F(path)
    if path == "id":
        return vicinal.has_id([value])
    if value is None:
        return ~field.exists() | field.is_null()
    same: Filter = field == value
    # The same moment, in whatever way it is written.
    return same | field.between(value, value) if _is_date(value) else same


def _is_date(value: Any) -> bool:
    try:
        return bool(datetime.fromisoformat(value)) and len(value) >= len("2024-05-01")
    except (TypeError, ValueError):
        return False
