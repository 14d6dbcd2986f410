"""What reads of a collection return, whatever kind of database it is in."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import vicinal
from vicinal import F
from vicinal.engine.api import CollectionApi

DIM = 8


def fill(films: CollectionApi, n: int) -> np.ndarray:
    rows = np.random.default_rng(3).standard_normal((n, DIM)).astype(np.float32)
    films.upsert(range(n), rows, [{"year": 1990 + i, "genre": "ab"[i % 2]} for i in range(n)])
    return rows


def told(answer: Any) -> list[str]:
    hits, batch, explained, page, point = answer
    return [repr(list(one)) for one in (hits, *batch, explained.hits)] + [
        str(explained),
        repr(page),
        repr(point),
    ]


class ReadConformance:
    """Reads of a collection of one dense field."""

    def test_answers_are_pickled_and_copied(self, films: CollectionApi) -> None:
        rows = fill(films, 30)
        answer = (
            films.search(rows[7], 3, with_vectors=True),
            films.search(rows[:2], 3, filter=F("year") < 1992, with_payload=False),
            films.explain(rows[7], 3),
            films.scroll(limit=2),
            films.get([7], with_vectors=True)[0],
        )
        before, pickled = told(answer), pickle.dumps(answer)
        films.delete(list(range(30)))
        for again in (pickle.loads(pickled), tuple(map(copy.copy, answer)), copy.deepcopy(answer)):
            assert told(again) == before
            assert again[1].ids.tolist() == answer[1].ids.tolist()
            np.testing.assert_array_equal(again[1].counts, [2, 2])
            assert again[0].payload_column().to_list() == [hit.payload for hit in answer[0]]

    def test_errors_are_pickled(self, films: CollectionApi) -> None:
        with pytest.raises(vicinal.InvalidArgument) as refused:
            films.search(np.ones(DIM), k=0)
        refused.value.add_note("seen")
        again = pickle.loads(pickle.dumps(refused.value))
        assert (type(again), str(again), again.field) == (vicinal.InvalidArgument, str(refused.value), "k")
        assert again.__notes__ == ["seen"]
