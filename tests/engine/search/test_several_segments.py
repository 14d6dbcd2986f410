"""Several segments searched as one: each for its share of the nearest, and further where it holds more."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import pytest
from counted_steps import steps
from numpy.typing import NDArray

import vicinal
from vicinal import Dense, F, Hnsw
from vicinal.engine.search.union.shared_target import FEWEST, first_wanted, holding_more, with_more
from vicinal.indexes.rows.metric import Metric
from vicinal.indexes.rows.neighbors import NO_ROW, Neighbors

PARTS, EACH, DIM, QUERIES = 4, 2500, 24, 200
N = PARTS * EACH
# Segments stay as they were flushed.
APART = vicinal.MergePolicySettings(quiet_seconds=1e9, tier_factor=1000)
RNG = np.random.default_rng(11)
CENTRES = RNG.standard_normal((40, DIM)) * 1.5
KINDS = RNG.integers(0, 40, N + QUERIES)
VECTORS = (CENTRES[KINDS] + RNG.standard_normal((N + QUERIES, DIM))).astype(np.float32)
ROWS, ASKED = VECTORS[:N], VECTORS[N:]
UNIT = ROWS / np.linalg.norm(ROWS, axis=1, keepdims=True)
NEAREST = np.argsort(-(ASKED @ UNIT.T), axis=1)
# By chance, and so that nearly all that is near is in one segment.
ORDERS = {"mixed": RNG.permutation(N), "apart": np.argsort(KINDS[:N], kind="stable")}


class Cut(NamedTuple):
    """A collection in segments, and which of them each point is in."""

    points: vicinal.Collection
    segment_of: NDArray[np.int64]


@pytest.fixture(params=ORDERS, scope="module")
def cut(request: pytest.FixtureRequest) -> Iterator[Cut]:
    with vicinal.open(":memory:", merge_policy=APART) as db:
        points = db.create_collection("points", Dense(DIM, index=Hnsw(m=8)), fields={"n": "integer"})
        segment_of = np.zeros(N, np.int64)
        for number, part in enumerate(np.array_split(ORDERS[request.param], PARTS)):
            points.upsert(part.tolist(), ROWS[part], [{"n": int(i) % 10} for i in part])
            points.flush()
            segment_of[part] = number
        assert len(points.info().segments) == PARTS
        yield Cut(points, segment_of)


def recalls(
    found: vicinal.BatchHits, k: int, allowed: NDArray[np.bool_] | None = None
) -> NDArray[np.float64]:
    """Return the recall of each query."""
    each = []
    for hits, nearest in zip(found, NEAREST, strict=True):
        among = nearest if allowed is None else nearest[allowed[nearest]]
        each.append(len(set(hits.ids) & set(among[:k].tolist())) / k)
    return np.array(each)


@pytest.mark.parametrize("k", [1, 10, 100])
@pytest.mark.parametrize("recall", [0.9, 0.95, 0.99])
def test_all_together_keep_the_promise(cut: Cut, k: int, recall: float) -> None:
    explained = cut.points.explain(ASKED, k, recall=recall)
    assert isinstance(explained.hits, vicinal.BatchHits)
    found = np.sort(recalls(explained.hits, k))
    assert found.mean() >= recall - 0.02
    assert k == 1 or found[: QUERIES // 10].mean() >= recall - 0.1
    assert "graph walk" in explained.plan


def test_they_keep_it_under_a_filter(cut: Cut) -> None:
    found = cut.points.search(ASKED, 10, filter=F("n") < 7, recall=0.95)
    assert recalls(found, 10, np.arange(N) % 10 < 7).mean() >= 0.93


def test_what_lies_unevenly_is_found_too(cut: Cut) -> None:
    most, k = first_wanted((EACH,) * PARTS, 10)[0], 10
    held = [np.bincount(cut.segment_of[nearest[:k]], minlength=PARTS).max() for nearest in NEAREST]
    uneven = np.array(held) > most
    assert uneven.any()
    assert recalls(cut.points.search(ASKED, k, recall=0.99), k)[uneven].mean() >= 0.97


def test_each_is_asked_for_its_share_at_first(cut: Cut) -> None:
    """It takes fewer distances than to look for all that is wanted in each segment."""
    k = 100
    shared = cut.points.explain(ASKED, k)
    wanted = first_wanted((EACH,) * PARTS, k)[0]
    assert all(f"for {wanted} results" in plan.effort for plan in shared.segments)
    width = max(plan.knobs["ef"] for plan in shared.segments) * k / wanted
    whole = cut.points.explain(ASKED, k, effort={"ef": math.ceil(width)})
    held = [np.bincount(cut.segment_of[nearest[:k]], minlength=PARTS).max() for nearest in NEAREST]
    # Where nearly all lie in one segment, that is searched twice.
    most = 0.6 if np.mean(held) < wanted else 1.0
    assert shared.distances < most * whole.distances


@pytest.mark.parametrize("k", [1, 10, 50])
@pytest.mark.parametrize("filter", [None, F("n") < 7])
def test_queries_alone_find_what_they_find_in_a_batch(
    cut: Cut, k: int, filter: vicinal.Filter | None
) -> None:
    for place, hits in enumerate(cut.points.search(ASKED[:60], k, filter=filter)):
        alone = cut.points.search(ASKED[place], k, filter=filter)
        assert [(hit.id, hit.score) for hit in alone] == [(hit.id, hit.score) for hit in hits]


def test_a_further_segment_takes_few_steps(cut: Cut) -> None:
    def search(place: int) -> Callable[[], object]:
        return lambda: cut.points.search(ASKED[place], 10).ids

    taken = []
    for place in range(20):
        search(place)()
        taken.append(steps(search(place)))
    # One may be asked again.
    assert min(taken) < 570 + PARTS * 200


def test_how_many_a_segment_holds_at_most() -> None:
    for k, counts in ((10, (100, 100)), (100, (900, 50, 50)), (1, (10,) * 8), (1000, (1, 10**6))):
        most = max(k, FEWEST)
        wanted = first_wanted(counts, k)
        assert sum(wanted) >= most
        assert max(wanted) <= most
        drawn = RNG.multinomial(most, np.array(counts) / sum(counts), 4000)
        assert ((drawn > wanted).mean(axis=0) < 0.06).all()


@pytest.mark.parametrize("metric", [Metric.DOT, Metric.L2])
def test_a_segment_is_asked_again_where_its_last_is_among_the_nearest(metric: Metric) -> None:
    sign, k = (-1 if metric.higher_is_nearer else 1), 12

    def found(*rows: list[float]) -> Neighbors:
        scores = sign * np.array(rows, np.float32)
        numbers = np.where(np.isinf(scores), NO_ROW, np.arange(scores.shape[1])).astype(np.uint32)
        return Neighbors(numbers, scores)

    inf, rest = np.inf, [float(i) for i in range(100, 100 + k)]
    several = [
        found([1, 2, 3], [1, 2, 900], [1, 2, inf]),
        found([4, 5], [4, 901], [7, 8]),
        found(rest, rest, rest),
    ]
    again = holding_more(several, [True, True, False], k, metric)
    assert [(place, queries.tolist()) for place, queries in again] == [(0, [0]), (1, [0, 2])]
    assert not holding_more(several, [False, False, False], k, metric)
    more = with_more(several[0], np.array([0]), found(list(range(k))), k, metric)
    assert more.rows[0].tolist() == list(range(k))
    assert more.rows[1, :3].tolist() == [0, 1, 2]
    assert (more.rows[1:, 3:] == NO_ROW).all()
    assert (more.scores[1:, 3:] == metric.worst).all()
