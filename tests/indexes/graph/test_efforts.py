"""How hard a graph is searched, by a ladder that is given."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from vicinal.indexes.effort.ladder import KS, Ladder
from vicinal.indexes.graph.efforts import Efforts
from vicinal.indexes.graph.opened import WIDTHS
from vicinal.indexes.graph.spreads import Spreads

N = 100_000


def efforts() -> Efforts:
    """Return those of a graph whose pools need as many rows behind the results as rise with their root."""
    ks, widths = np.array(KS)[:, None], np.array(WIDTHS)[None, :]
    behind = np.maximum(widths - ks, 0)
    recall = np.where(widths < ks, 0, 1 - 0.2 * np.exp(-behind / (8 * np.sqrt(ks))))
    # Rows about a query are as many as the fifteenth power of their distance.
    spread = (np.maximum(widths, ks + 12) / ks) ** (1 / 15)
    spreads = Spreads(WIDTHS, spread.astype(np.float32), np.zeros(spread.shape, np.float32), 0.0)
    ladder = Ladder(WIDTHS, recall.astype(np.float32), 20.0 * widths[0].astype(np.float32))
    return Efforts(N, 3.0, 1 / 16, lambda count, _contiguous: count * 1e-8, ladder, None, spreads)


@pytest.mark.parametrize("recall", [0.9, 0.95, 0.99])
def test_a_few_more_results_cost_little_more(recall: float) -> None:
    chosen = [efforts().choose(k, recall, None, 1.0) for k in range(8, 126)]
    # None is a scan of the codes of all rows.
    assert all(effort.knobs.ef and (effort.expected_recall or 0) >= recall - 1e-6 for effort in chosen)
    for fewer, more in pairwise(chosen):
        assert fewer.knobs.ef <= more.knobs.ef <= fewer.knobs.ef + 9
        assert 0.9 < (more.knobs.goal - 1) / (fewer.knobs.goal - 1) < 1.1


@pytest.mark.parametrize("recall", [0.9, 0.95, 0.99])
def test_rows_that_chance_took_widen_a_walk_by_less_than_their_share(recall: float) -> None:
    # A third of what is nearest is gone: the tenth of the others is the fifteenth.
    whole, fewer = (efforts().choose(10, recall, None, share) for share in (1.0, 2 / 3))
    same = efforts().choose(15, recall, None, 1.0)
    assert same.knobs.ef <= fewer.knobs.ef <= max(same.knobs.ef + 1, 1.5 * 16.5)
    assert fewer.knobs.ef < 1.5 * whole.knobs.ef
    assert (fewer.knobs.spread, fewer.knobs.goal) == pytest.approx((same.knobs.spread, same.knobs.goal), 1e-2)
    assert (fewer.expected_recall or 0) >= recall - 1e-6
