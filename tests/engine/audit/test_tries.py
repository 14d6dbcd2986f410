"""What is concluded of audits, by what they found alone."""

from __future__ import annotations

import numpy as np
import pytest

from vicinal.engine.audit.audited_searches import AuditedSearches
from vicinal.engine.audit.tries import Tries, Try
from vicinal.engine.input.options import search_options
from vicinal.engine.search.calls.search_kind import SearchKind, kind_of_search


def add(tries: Tries, recall: dict[int, float], times: int, target: float = 0.95) -> None:
    for _ in range(times):
        tries.add(Try(10, target, min(tries.raised, max(recall)), recall))


def test_nothing_is_concluded_of_few_tries() -> None:
    tries = Tries()
    add(tries, {0: 0.0, 1: 1.0}, 7)
    assert tries.raised == 0
    add(tries, {0: 0.0, 1: 1.0}, 1)
    assert tries.raised == 1


def test_an_effort_is_raised_to_the_lowest_rung_that_would_have_done() -> None:
    tries = Tries()
    add(tries, {0: 0.5, 1: 0.6, 2: 0.7, 3: 0.9, 4: 1.0}, 8)
    assert tries.raised == 4


def test_a_rung_that_does_no_better_is_not_taken() -> None:
    tries = Tries()
    add(tries, {0: 0.5, 1: 0.7, 2: 0.7, 3: 0.7}, 20)
    assert tries.raised == 1
    tries = Tries()
    add(tries, {0: 0.5}, 20)
    assert tries.raised == 0


@pytest.mark.parametrize("found", [0.95, 1.0])
def test_what_is_reached_is_left_as_it_is(found: float) -> None:
    tries = Tries()
    add(tries, {0: found}, 200)
    assert tries.raised == 0


def test_results_of_one_query_are_missed_together() -> None:
    # As many are missed as where each of ten queries misses one: in the mean it is short, but only by chance.
    tries = Tries()
    for recall in [0.0, *[1.0] * 9]:
        tries.add(Try(10, 0.95, 0, {0: recall, 1: 1.0}))
    assert float(tries.recalls.mean()) < 0.95
    assert tries.raised == 0


def test_an_effort_goes_back_rung_by_rung_when_less_is_enough() -> None:
    tries = Tries()
    add(tries, {0: 0.5, 1: 0.7, 2: 1.0}, 8)
    assert tries.raised == 2
    seen = set()
    for _ in range(300):
        seen.add(tries.raised)
        served = tries.raised
        tries.add(Try(10, 0.95, served, {max(0, served - 1): 1.0, served: 1.0}))
    assert tries.raised == 0
    assert seen == {0, 1, 2}


def test_where_less_falls_short_an_effort_stays() -> None:
    tries = Tries()
    add(tries, {0: 0.5, 1: 0.9, 2: 1.0}, 8)
    for _ in range(300):
        tries.add(Try(10, 0.95, 2, {1: 0.9, 2: 1.0}))
        assert tries.raised == 2


def test_all_that_can_be_asked_for_is_enough() -> None:
    # Higher rungs than those that find 0.998 are not measured.
    tries = Tries()
    add(tries, {0: 0.999, 1: 1.0}, 64, target=1.0)
    assert tries.raised == 0


def test_kinds_are_apart_and_the_oldest_goes() -> None:
    audited = AuditedSearches()
    kinds = [SearchKind(f"field {i}", 1, 2, False, None) for i in range(65)]
    for kind in kinds:
        for _ in range(8):
            audited.add(kind, Try(10, 0.95, 0, {0: 0.0, 1: 1.0}), audited.measured)
    assert set(audited.raised) == set(kinds[1:])
    assert len(audited.info()) == 64


def test_what_is_forgotten_does_not_come_back() -> None:
    audited = AuditedSearches()
    kinds = [SearchKind(field, 1, 2, False, None) for field in ("one", "other")]
    before = audited.measured
    for kind in kinds:
        for _ in range(8):
            audited.add(kind, Try(10, 0.95, 0, {0: 0.0, 1: 1.0}), before)
    audited.forget("one")
    assert list(audited.raised) == kinds[1:]
    # It was searched before.
    audited.add(kinds[0], Try(10, 0.95, 1, {0: 0.0, 1: 1.0}), before)
    assert [one.field for one in audited.info()] == ["other"]


def test_info_says_what_was_asked_for_and_what_was_found() -> None:
    audited = AuditedSearches()
    kind = SearchKind("text", 1, 2, True, (None, 8))
    for i in range(20):
        recall = 0.5 if i < 2 else 1.0
        audited.add(kind, Try(10 if i else 7, 0.94 if i % 2 else 0.96, 0, {0: recall, 1: 1.0}), 0)
    (info,) = audited.info()
    assert (info.field, info.k, info.filtered, info.tokens) == ("text", 10, True, (None, 8))
    assert (info.tries, info.raised) == (20, 0)
    np.testing.assert_allclose([info.promised, info.found, info.worst], [0.95, 0.95, 0.5])


def test_searches_that_ask_for_about_as_much_are_alike() -> None:
    def kind(k: int, **said: object) -> SearchKind:
        return kind_of_search("f", search_options(k, dict(said)), False)  # type: ignore[arg-type]

    assert kind(7) == kind(10) == kind(10, recall=0.94)
    assert len({kind(k) for k in (1, 10, 50, 100, 101)}) == 5
    targets = (0.8, 0.9, 0.95, 0.98, 0.99, 1.0)
    assert len({kind(10, recall=target) for target in targets}) == len(targets)
    assert kind(10) != kind_of_search("f", search_options(10, {}), True)
