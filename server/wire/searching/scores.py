"""Scores by id as messages."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....engine.errors import InvalidArgument
from ....engine.input.options import Budgets
from ....proto.v1 import search_pb2 as pb
from ....storage.columns.ids import IdColumn
from ..packed_column import put_packed
from ..point_ids import put_ids, read_ids
from .hits import damaged
from .options import put_budgets, read_budgets

_SCORES = pb.ScoreResponse.SCORES_FIELD_NUMBER


def scored_by(field: str, tokens: Budgets | None) -> pb.ScoreRequest:
    """Return a request that says by what is scored, but not yet whom."""
    message = pb.ScoreRequest(field=field)
    put_budgets(message.tokens, tokens)
    return message


def read_scored_by(message: pb.ScoreRequest) -> tuple[str | None, Budgets | None]:
    """Return the field, and how many tokens count; the engine checks what each may be."""
    return message.field or None, read_budgets(message.tokens) if message.HasField("tokens") else None


def put_candidates(message: pb.ScoreRequest, ids: IdColumn, offsets: NDArray[np.int64] | None) -> None:
    """Fill ``message`` with ids, those of each query beginning at its offset if there are any."""
    put_ids(message.ids, ids.column())
    if offsets is not None:
        message.counts.extend(np.diff(offsets).tolist())


def read_candidates(message: pb.ScoreRequest, queries: int) -> list[Any]:
    """Return one list of ids, or one for each query; the engine checks what each may be.

    Raises
    ------
    InvalidArgument
        When there are counts, and they are not one for each query, or not those of the ids.
    """
    ids, counts = read_ids(message.ids), message.counts
    if not counts:
        return list(ids)
    if len(counts) != queries or sum(counts) != len(ids):
        raise InvalidArgument(
            f"there are {len(counts)} counts that add up to {sum(counts)}, for {queries} queries and "
            f"{len(ids)} ids; give one for each query, or none where all have the same ids",
            field="ids",
        )
    rest = iter(ids)
    return [list(islice(rest, count)) for count in counts]


def put_scores(message: pb.ScoreResponse, scores: NDArray[np.float32]) -> None:
    """Fill ``message`` with the scores of a batch, (q, c)."""
    put_packed(message, _SCORES, scores.ravel())


def read_scores(message: pb.ScoreResponse, queries: int, width: int) -> NDArray[np.float32]:
    """Return the scores of a batch, (queries, width).

    Raises
    ------
    Corruption
        When there are more or fewer.
    """
    if len(message.scores) != queries * width:
        raise damaged(f"there are {len(message.scores)} scores for {queries} queries of {width} ids")
    return np.fromiter(message.scores, np.float32, queries * width).reshape(queries, width)
