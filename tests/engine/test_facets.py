"""Facets and ends of random payloads, in growing and sealed segments, against dicts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_facets import check_facets, ends, known_as
from naive_filter import FIELDS, UNDECLARED, filters, holds, payloads

import vicinal
from vicinal import Dense, F, Facet
from vicinal.engine.collection import Collection, columnar
from vicinal.engine.counting.counted_collection import facets

DIM = 2


def stored(rows: list[dict[str, Any]], cut: int, fields: dict[str, str]) -> Collection:
    """Return a collection of the payloads, the first of them sealed, and points beside that were deleted."""
    things = vicinal.open(":memory:").create_collection("things", Dense(DIM), fields=fields)
    n = len(rows)
    vectors = np.ones((n, DIM), np.float32)
    things.upsert(range(cut), vectors[:cut], rows[:cut])
    things.upsert([10**6], vectors[:1], rows[:1])
    things.flush()
    things.delete([10**6])
    things.upsert(range(cut, n), vectors[cut:], rows[cut:])
    return things


def check(things: Collection, rows: list[dict[str, Any]], fields: dict[str, str], **said: Any) -> None:
    for path in (*FIELDS, *UNDECLARED):
        kind = fields.get(path)
        found = things.facet(path, limit=None, **said)
        check_facets(found, rows, path, kind)
        assert things.facet(path, limit=2, **said) == found[:2]
        if kind in (None, "integer", "float", "datetime"):
            told = things.min_max(path, **said)
            expected = ends(rows, path, kind)
            assert (told is None) == (expected is None), path
            if told is not None and expected is not None:
                kinds = kind or ("datetime" if isinstance(told[0], str) else "float")
                assert (known_as(told[0], kinds), known_as(told[1], kinds)) == expected, path


@settings(max_examples=40, deadline=None)
@given(st.lists(payloads(), min_size=1, max_size=12), st.data())
def test_random_payloads(rows: list[dict[str, Any]], data: st.DataObject) -> None:
    fields = {path: kind for path, kind in FIELDS.items() if data.draw(st.booleans())}
    cut = data.draw(st.integers(1, len(rows)))
    things = stored(rows, cut, fields)
    check(things, rows, fields)
    expression = data.draw(filters)
    left = [row for i, row in enumerate(rows) if holds(expression, row, i, fields)]
    check(things, left, fields, filter=expression)
    # Of fields that are declared later, segments have no postings at first.
    added = next((path for path in FIELDS if path not in fields), None)
    if added is not None:
        things.add_field(added, FIELDS[added])
        check(things, rows, fields | {added: FIELDS[added]})


def test_values_of_which_there_are_many_are_ranked_by_arrays() -> None:
    rng = np.random.default_rng(1)
    numbers = rng.integers(0, 3000, 9000).tolist()
    rows = [{"n": i, "word": f"w{i:04}", "free": i, "half": i % 2 == 0} for i in numbers]
    things = stored(rows, 8500, {"n": "integer", "word": "keyword", "half": "bool"})
    counts = np.bincount(numbers, minlength=3000)
    order = np.lexsort((np.arange(3000), -counts))[: np.count_nonzero(counts)].tolist()
    for limit in (1, 7, 500, None):
        expected = [Facet(i, int(counts[i])) for i in order[:limit]]
        assert things.facet("n", limit=limit) == expected
        assert things.facet("free", limit=limit) == expected
        assert things.facet("word", limit=limit) == [Facet(f"w{f.value:04}", f.count) for f in expected]
    few = F("n").between(10, 12)
    assert {facet.value for facet in things.facet("word", filter=few)} == {"w0010", "w0011", "w0012"}
    assert {facet.value for facet in things.facet("half", filter=few)} == {True, False}
    assert things.min_max("free", filter=few) == (10, 12)


def test_what_is_gathered_of_a_segment_is_kept_and_counted_as_memory() -> None:
    rows = [{"word": f"w{i % 9}"} for i in range(500)]
    things = stored(rows, 500, {"word": "keyword"})
    before = things.info().segments[0].bytes_memory
    for _ in range(2):
        assert len(things.facet("word")) == 9
        assert 2000 < things.info().segments[0].bytes_memory - before < 6000


@pytest.mark.parametrize("limit", [0, -1, 100_001, 2.0, "3", True])
def test_limits(limit: Any) -> None:
    things = stored([{"n": 1}], 1, {})
    with pytest.raises(vicinal.InvalidArgument, match="limit"):
        things.facet("n", limit=limit)


def test_a_process_that_reads_beside_the_writer_counts_what_was_written(tmp_path: Path) -> None:
    fields = {"genre": "keyword", "year": "integer"}
    with vicinal.open(tmp_path / "db") as db:
        films = db.create_collection("films", Dense(DIM), fields=fields)
        films.upsert(range(3), np.ones((3, DIM)), [{"genre": "noir", "year": 1950 + i} for i in range(3)])
        films.flush()
        with vicinal.open(tmp_path / "db", read_only=True) as reader:
            seen = reader.collection("films")
            assert seen.facet("genre") == [Facet("noir", 3)]
            films.upsert([2, 3], np.ones((2, DIM)), [{"genre": "war", "year": 1990}, {"genre": "noir"}])
            assert seen.facet("genre") == films.facet("genre") == [Facet("noir", 3), Facet("war", 1)]
            assert seen.min_max("year") == (1950, 1990)
            assert set(seen.search([1.0, 0.0], group_by="genre").values) == {"noir", "war"}


@pytest.mark.parametrize("fields", [{}, {"word": "keyword"}, {"word": "datetime"}])
def test_values_are_admitted_while_they_are_counted(fields: dict[str, str]) -> None:
    n = 6000
    times = np.datetime_as_string(np.datetime64("2020-01-01T00:00:00") + np.arange(n), timezone="UTC")
    rows = [{"word": time} for time in times.tolist()]
    things = columnar(stored(rows, n // 2, fields))
    told: list[int] = []
    assert len(facets(things, "word", None, None, None, told.append)) == n
    # No object that holds a value and a count is smaller.
    assert sum(told) >= 100 * n

    taken = 0

    def admit(more: int) -> None:
        nonlocal taken
        taken += more
        if taken > sum(told) // 6:
            raise vicinal.ResourceExhausted("no memory is left")

    with pytest.raises(vicinal.ResourceExhausted):
        facets(things, "word", None, None, None, admit)
    # Of times all that are found are counted at once, as numbers of 8 bytes.
    assert taken < sum(told) or fields.get("word") == "datetime"
    told.clear()
    facets(things, "word", None, 10, None, told.append)
    assert sum(told) < 10_000 or fields.get("word") != "datetime"
