"""Sets of rows that filters asked for are found once, and kept within a budget."""

from __future__ import annotations

import pytest
from pyroaring import BitMap

from vicinal.engine.segments.column_budget import ColumnBudget
from vicinal.engine.segments.sealed.postings import kept_sets
from vicinal.engine.segments.sealed.postings.kept_sets import KeptSets


class Finding:
    """Finds a set, and counts how often it was asked to."""

    def __init__(self, rows: range) -> None:
        self.rows, self.times = rows, 0

    def __call__(self) -> BitMap:
        self.times += 1
        return BitMap(self.rows)


def test_a_set_is_found_once() -> None:
    kept, find = KeptSets(), Finding(range(0, 9, 2))
    for _ in range(3):
        assert kept.get("a", ("equal", "x"), find) == BitMap([0, 2, 4, 6, 8])
    assert find.times == 1
    other = Finding(range(3))
    assert kept.get("b", ("equal", "x"), other) == BitMap([0, 1, 2])
    kept.drop("a")
    assert kept.get("b", ("equal", "x"), other) == kept.get("b", ("equal", "x"), other)
    kept.get("a", ("equal", "x"), find)
    assert (find.times, other.times) == (2, 1)


def test_small_sets_are_not_kept_where_they_are_as_quickly_found() -> None:
    kept, find = KeptSets(), Finding(range(10))
    for least, times in ((11, 2), (10, 3), (10, 3)):
        kept.get("a", "all", find, least)
        kept.get("a", "all", find, least)
        assert find.times == times


def test_what_was_asked_takes_room_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_sets, "_BUDGET", ColumnBudget(1 << 20))
    kept, find = KeptSets(), Finding(range(10))
    for number in range(100):
        kept.get("a", ("prefix", f"{number}" * 10_000), find)
        # Where there is too much, all of a field goes.
        assert kept.nbytes <= 1 << 20
    kept.drop("a")
    kept.get("a", ("prefix", "x" * 10_000), find)
    assert kept.nbytes > 10_000
    kept.get("a", ("other", *range(100_000)), find)
    assert kept.nbytes <= 1 << 20


def test_the_least_used_fields_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_sets, "_BUDGET", ColumnBudget(20_000))
    kept, older, newer = KeptSets(), Finding(range(0, 16_000, 2)), Finding(range(1, 16_000, 2))
    kept.get("older", 1, older)
    kept.get("newer", 1, newer)
    # It was asked for again, so that the other is the one that goes.
    kept.get("older", 1, older)
    kept.get("newest", 1, newer)
    assert kept.nbytes < 20_000
    kept.get("older", 1, older)
    assert older.times == 1
    kept.get("newer", 1, newer)
    assert newer.times == 3
