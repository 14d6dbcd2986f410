"""What points are going to take in memory, estimated before they are read."""

from __future__ import annotations

from ....engine.schema.collection_schema import CollectionSchema
from ....engine.schema.vector_field import Dense, Multi, VectorField

# Where nothing is known: a payload of some fields, a sparse vector of a sentence, the tokens of a paragraph.
_UNKNOWN_PAYLOAD = 1_024.0
_SPARSE_BYTES = 128 * 8
_TOKENS = 64
# An id, a score, a place, as columns and as messages.
_ROW_BYTES = 64
# As it is read, and as it is sent.
_COPIES = 2
_MOST_KNOWN = 4_096


class PointSizes:
    """Estimates of points by collection: vectors by the schema, payloads by those that were seen.

    Threads may learn at the same time; the last one counts, which is as good as any.
    """

    def __init__(self) -> None:
        self._payload: dict[str, float] = {}

    def learn(self, uuid: str, points: int, payload_bytes: int) -> None:
        """Remember what the payloads of some points of a collection took. Larger ones count at once."""
        if not points:
            return
        seen, known = payload_bytes / points, self._payload.get(uuid)
        if known is None:
            if len(self._payload) >= _MOST_KNOWN:
                self._payload.clear()
            self._payload[uuid] = seen
        else:
            self._payload[uuid] = max(seen, known + (seen - known) / 16)

    def estimate(self, uuid: str, schema: CollectionSchema, with_payload: bool, with_vectors: bool) -> float:
        """Return the bytes that reading and sending one point takes."""
        size = float(_ROW_BYTES)
        if with_payload:
            size += _COPIES * self._payload.get(uuid, _UNKNOWN_PAYLOAD)
        if with_vectors:
            size += _COPIES * sum(map(_vector_bytes, schema.vectors.values()))
        return size


def _vector_bytes(field: VectorField) -> int:
    match field:
        case Dense():
            return field.element.width(field.dim) * field.element.dtype.itemsize
        case Multi():
            return _TOKENS * field.dim * field.element.dtype.itemsize
        case _:
            return _SPARSE_BYTES
