"""What reading points costs: what is the same for all of them is asked for once."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

import vicinal
from vicinal.engine.vocabulary.vocabulary import Vocabulary


def test_tokens_are_asked_for_once_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    tokens_of = Vocabulary.tokens_of

    def told(vocabulary: Vocabulary, ids: NDArray[np.uint32]) -> list[str]:
        asked.append(len(ids))
        return tokens_of(vocabulary, ids)

    monkeypatch.setattr(Vocabulary, "tokens_of", told)
    with vicinal.open(":memory:") as db:
        fields = {"dense": vicinal.Dense(2), "words": vicinal.Sparse(tokens=True)}
        points = db.create_collection("points", fields)
        words = [{f"w{i}": 1.0, "all": 2.0} for i in range(20)]
        points.upsert(range(20), {"dense": np.ones((20, 2)), "words": words})
        for _ in range(2):
            asked.clear()
            found = points.get([3, 99, *range(20)], with_vectors=True)
            assert [None if one is None else one.vectors["words"] for one in found] == [
                words[3],
                None,
                *words,
            ]
            assert len(asked) == 1
            asked.clear()
            assert [one.vectors["words"] for one in points.scroll(with_vectors=["words"]).points] == words
            assert len(asked) == 1
            asked.clear()
            assert points.get([1], with_vectors=["dense"])[0] is not None
            assert asked == []
            points.flush()
