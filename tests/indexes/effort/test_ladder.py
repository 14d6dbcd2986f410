"""The ladder of efforts: what is taken for a recall, and promised of it, between what was measured."""

from __future__ import annotations

import numpy as np
import pytest

from vicinal.indexes.effort.ladder import KS, Ladder

RUNGS = (10, 20, 40, 56, 80, 112, 160)
# By k of 1, 10, 50 and 100; the third brings no more at 112 than at 80, and no pool is narrower than its k.
RECALL = [
    [0.8, 0.9, 0.96, 0.98, 0.99, 0.995, 0.996],
    [0.7, 0.85, 0.94, 0.97, 0.98, 0.99, 0.995],
    [0, 0, 0, 0.89, 0.95, 0.95, 0.99],
    [0, 0, 0, 0, 0, 0.93, 0.98],
]
KNOWN = np.array(RECALL, np.float32)


def ladder(pool: bool = True) -> Ladder:
    return Ladder(RUNGS, KNOWN, np.arange(len(RUNGS), dtype=np.float32), pool)


@pytest.mark.parametrize("pool", [True, False])
@pytest.mark.parametrize("k", [1, 2, 9, 10, 11, 20, 30, 49, 50, 51, 99, 100, 101, 400])
def test_a_recall_that_is_taken_a_knob_for_is_promised_of_that_knob(k: int, pool: bool) -> None:
    steps, promised = ladder(pool), []
    for recall in (0.9, 0.92, 0.95, 0.97, 0.98):
        knob = steps.rung_for(k, recall)
        promised.append(steps.recall_at(k, knob))
        assert promised[-1] >= recall - 1e-6
        # No more is promised than what that knob is taken for.
        assert steps.rung_for(k, promised[-1] - 1e-6) <= knob
    assert promised == sorted(promised)


@pytest.mark.parametrize("k", KS)
def test_what_was_measured_is_promised_as_it_was(k: int) -> None:
    known = KNOWN[KS.index(k)]
    assert [ladder().recall_at(k, rung) for rung in RUNGS] == pytest.approx(known)
    reached = {
        recall: rung for rung, recall in reversed(list(zip(RUNGS, known.tolist(), strict=True))) if recall
    }
    assert {recall: ladder().rung_for(k, recall) for recall in reached} == reached
    assert ladder().rung_for(k, 0.999) == RUNGS[-1]
