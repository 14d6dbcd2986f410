"""Scores of points by id, without input and output."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....engine.input.score_request import ScoreRequest, score_request
from ....engine.vector_kinds.registry import kind_of
from ....proto.v1 import search_pb2 as pb
from ....storage.columns.ids import IdColumn
from ....storage.columns.vectors import VectorColumn
from ...wire.methods import METHODS
from ...wire.searching.scores import put_candidates, read_scores, scored_by
from ...wire.vectors import put_vectors
from ..calls.call import Operation
from ..calls.caller import Caller
from .call_limits import MESSAGE_BYTES, CallLimits, ServerLimits
from .handle import CollectionHandle
from .live_schema import LiveSchema
from .parts import cut, in_parts, nothing
from .responses import parsed

_SCORE = METHODS["/vicinal.v1.SearchService/Score"]
# Of the counts of a query's candidates.
_COUNT_BYTES = 8

Scores = NDArray[np.float32]


class ScoreOperations:
    """The call of one collection that scores points."""

    def __init__(
        self, handle: CollectionHandle, caller: Caller, limits: ServerLimits, schema: LiveSchema
    ) -> None:
        self._handle = handle
        self._caller = caller
        self._limits = limits
        self._schema = schema

    def score(
        self, query: Any, ids: Any, field: str | None, tokens: Any, tenant: str | None
    ) -> Operation[Scores]:
        """Return the exact scores of named points, in as many calls as the server's limits make necessary."""
        scope = self._handle.scope(tenant)
        asked = yield from self._schema.checked(
            lambda schema: score_request(schema, query, ids, field, tokens)
        )
        queries = kind_of(asked.spec).query_column(asked.spec, asked.queries)
        limits = yield from self._limits.get()
        start = scope + scored_by(asked.field, asked.tokens).SerializeToString()
        if asked.offsets is None:
            found = yield from self._shared(start, limits, queries, asked.ids)
        else:
            found = yield from self._own(start, limits, queries, asked, asked.offsets)
        return found[0] if asked.single else found

    def _shared(
        self, start: bytes, limits: CallLimits, queries: VectorColumn, ids: IdColumn
    ) -> Operation[Scores]:
        """Score the same points with every query."""
        room = limits.message_bytes - MESSAGE_BYTES
        id_bytes = ids.row_bytes()
        # Queries have what the ids leave, and at least half.
        most = min(int(id_bytes.sum()), room // 2)
        id_parts = cut(id_bytes, most, min(limits.points, limits.results), "ids")
        widest = max(stop - first for first, stop in id_parts)
        most_queries = max(1, min(limits.queries, limits.results // max(1, widest)))
        parts = cut(queries.row_bytes(), room - most, most_queries, "query")

        def send(first: int, end: int) -> Operation[Scores]:
            answers = []
            for lo, hi in id_parts:
                piece = queries.slice(first, end)
                answers.append((yield from self._send(start, piece, ids.slice(lo, hi), None, hi - lo)))
            return np.concatenate(answers, axis=1)

        return np.concatenate((yield from in_parts(parts, send, nothing)))

    def _own(
        self,
        start: bytes,
        limits: CallLimits,
        queries: VectorColumn,
        asked: ScoreRequest,
        offsets: NDArray[np.int64],
    ) -> Operation[Scores]:
        """Score points of its own with each query."""
        room = limits.message_bytes - MESSAGE_BYTES
        ends = np.concatenate([[0], np.cumsum(asked.ids.row_bytes())])
        sizes = queries.row_bytes() + np.diff(ends[offsets]) + _COUNT_BYTES
        most_ids = min(limits.points, limits.results)
        found = np.full((len(queries), asked.width), np.nan, np.float32)
        if asked.width > most_ids or sizes.max(initial=0) > room:
            for row in range(len(queries)):
                ids = asked.ids.slice(offsets[row], offsets[row + 1])
                scored = yield from self._shared(start, limits, queries.slice(row, row + 1), ids)
                found[row, : len(ids)] = scored[0]
            return found

        def send(first: int, end: int) -> Operation[None]:
            bounds = offsets[first : end + 1]
            width = int(np.diff(bounds).max(initial=0))
            ids = asked.ids.slice(bounds[0], bounds[-1])
            piece = queries.slice(first, end)
            found[first:end, :width] = yield from self._send(start, piece, ids, bounds - bounds[0], width)

        most_queries = max(1, min(limits.queries, most_ids // max(1, asked.width)))
        yield from in_parts(cut(sizes, room, most_queries, "query"), send, nothing)
        return found

    def _send(
        self,
        start: bytes,
        queries: VectorColumn,
        ids: IdColumn,
        offsets: NDArray[np.int64] | None,
        width: int,
    ) -> Operation[Scores]:
        request = pb.ScoreRequest()
        put_vectors(request.queries, queries)
        put_candidates(request, ids, offsets)
        answer = yield from self._caller.call(_SCORE, start + request.SerializeToString(), harmless=True)
        return read_scores(parsed(pb.ScoreResponse, answer), len(queries), width)
