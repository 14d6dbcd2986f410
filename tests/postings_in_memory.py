"""What a segment file offers of its postings, without a file."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from vicinal.engine.schema.collection_schema import CollectionSchema
from vicinal.engine.segments.sealed.postings.build import build_postings
from vicinal.storage.columns.payloads import PayloadColumn


class PostingsInMemory:
    """The sets and arrays that were built of some payloads."""

    def __init__(self, schema: CollectionSchema, column: PayloadColumn) -> None:
        built, self.arrays = build_postings(schema.fields, column)
        self.values: dict[tuple[str, bytes], bytes] = {}
        for field, key, value in built:
            assert (field, key) not in self.values
            assert len(key) <= 300
            self.values[field, key] = value

    def posting(self, field: str, key: bytes) -> bytes | None:
        return self.values.get((field, key))

    def array(self, name: str) -> NDArray[Any]:
        return self.arrays[name]
