"""Scores by id, there and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vicinal import Corruption, InvalidArgument
from vicinal.proto.v1 import search_pb2
from vicinal.server.wire.searching.scores import put_candidates, put_scores, read_candidates, read_scores
from vicinal.storage.columns.ids import IdColumn


@pytest.mark.parametrize("lists", [[[1, 2], []], [["a", 3], [4]], [[], []]])
def test_candidates_of_each_query_there_and_back(lists: list[list[Any]]) -> None:
    message = search_pb2.ScoreRequest()
    flat = IdColumn.from_values([point_id for ids in lists for point_id in ids])
    put_candidates(message, flat, np.cumsum([0, *map(len, lists)]))
    assert read_candidates(message, 2) == lists


def test_candidates_of_all_queries_there_and_back() -> None:
    message = search_pb2.ScoreRequest()
    put_candidates(message, IdColumn.from_values(["a", 3]), None)
    assert read_candidates(message, 7) == ["a", 3]


@pytest.mark.parametrize("counts", [[1], [1, 2], [3, 0, 0], [0] * 100_000])
def test_counts_that_do_not_fit_are_refused(counts: list[int]) -> None:
    message = search_pb2.ScoreRequest(counts=counts)
    put_candidates(message, IdColumn.from_values([1, 2]), None)
    with pytest.raises(InvalidArgument, match="counts that add up to"):
        read_candidates(message, 2)


def test_scores_there_and_back() -> None:
    scores = np.array([[1.5, np.nan, -np.inf], [0, 3e38, -0.0]], np.float32)
    message = search_pb2.ScoreResponse()
    put_scores(message, scores)
    np.testing.assert_array_equal(read_scores(message, 2, 3), scores)
    with pytest.raises(Corruption, match="6 scores for 2 queries of 4 ids"):
        read_scores(message, 2, 4)
