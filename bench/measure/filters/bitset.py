"""`vicinal bench bitset`: from a filter on indexed fields to the bitset that an index reads."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
import typer
from numpy.typing import NDArray
from rich.table import Table

import vicinal

from ....engine.filters.evaluation.scanning import ScanWork
from ....engine.segments.allowed import KeptAllowed
from ....indexes.warmup import warmup
from ...harness.loaded import FIELD
from ...harness.scratch import scratch_folder
from ...report.tables import records_table
from ..measurement import Finding, Needs, Prepared, Record
from ..options import OUT, DatasetOption, KOption, LockOption, OutOption

if TYPE_CHECKING:
    from ....engine.collection import Collection
    from ....engine.filters.expression import Filter

_LOAD_ROWS = 50_000
# How often a filter that is kept is asked again.
_TIMES = 100
_TENTHS = ("first", "second", "third", "fourth", "fifth")
_FIELDS = {**dict.fromkeys(_TENTHS, "keyword"), "name": "keyword", "number": "integer"}
# Rows of a name.
_ROWS_OF_NAME, _MANY = 200, 1000


@dataclass(frozen=True)
class Asked:
    """Filters of one form, each with how many rows pass; none of them asks for what another has left kept."""

    name: str
    expressions: list[Filter]
    matches: list[int]


def asked(tenths: NDArray[np.int64], numbers: NDArray[np.int64], names: NDArray[np.int64]) -> list[Asked]:
    """What is asked of rows with these values: of ``tenths`` in each of the fields ``_TENTHS``."""
    from ....engine.filters.field import F

    n, number = len(tenths), F("number")
    by_number = np.argsort(numbers, kind="stable")
    shares, few, half = np.bincount(tenths, minlength=10), n // 10, n // 2
    values = [str(tenth) for tenth in range(10)]
    first, second, third, fourth, fifth = map(F, _TENTHS)

    def below(bound: int) -> NDArray[np.int64]:
        return np.bincount(tenths[by_number[: np.searchsorted(numbers[by_number], bound)]], minlength=10)

    bounds = [half + 1000 * tenth for tenth in range(10)]
    less = [few + 1000 * tenth for tenth in range(10)]
    halves = [values[:5], values[5:]]
    in_names = [[f"n{name}" for name in range(start, start + 5 * _MANY, 5)] for start in range(5)]
    of_names = [int((names % 5 == start)[names < start + 5 * _MANY].sum()) for start in range(5)]
    in_numbers = [range(start, n, max(1, n // _MANY)) for start in range(5)]
    of_numbers = [int(np.isin(numbers, some).sum()) for some in in_numbers]
    return [
        Asked("keyword", [first == value for value in values], shares.tolist()),
        Asked("range", [number < bound for bound in bounds], [int(below(bound).sum()) for bound in bounds]),
        Asked(
            "keyword AND range",
            [(second == value) & (number < bound + 1) for value, bound in zip(values, bounds, strict=True)],
            [int(below(bound + 1)[tenth]) for tenth, bound in enumerate(bounds)],
        ),
        Asked(
            "keyword AND less",
            [(third == value) & (number < bound) for value, bound in zip(values, less, strict=True)],
            [int(below(bound)[tenth]) for tenth, bound in enumerate(less)],
        ),
        Asked("NOT keyword", [~(fourth == value) for value in values], (n - shares).tolist()),
        Asked(
            "keyword IN 5",
            [fifth.is_in(some) for some in halves],
            [int(shares[:5].sum()), int(shares[5:].sum())],
        ),
        Asked(f"keyword IN {_MANY:,}", [F("name").is_in(some) for some in in_names], of_names),
        Asked(f"number IN {_MANY:,}", [number.is_in(list(some)) for some in in_numbers], of_numbers),
    ]


@dataclass(frozen=True)
class BitsetMeasurement:
    """Processor time to make the bitset of the rows that pass a filter, when nothing is kept and later."""

    name: ClassVar = "bitset"
    needs: ClassVar = Needs()
    dataset: DatasetOption = "random-1000000x4-l2"
    k: KOption = 10
    out: OutOption = OUT
    rows: Annotated[int | None, typer.Option(min=1, help="Use only the first so many vectors.")] = None
    lock: LockOption = None

    def run(self, ready: Prepared) -> Iterator[Finding]:
        """Give each row two values drawn at random, and filter by them."""
        n, random = ready.data.rows, np.random.default_rng(0)
        tenths, numbers = random.integers(0, 10, n), random.integers(0, n, n)
        names = random.integers(0, max(1, n // _ROWS_OF_NAME), n)
        with scratch_folder(ready.scratch) as place, vicinal.open(place) as database:
            field = vicinal.Dense(ready.data.dim, index=vicinal.Flat())
            collection = database.create_collection("filtered", {FIELD: field}, fields=_FIELDS)
            for start in range(0, n, _LOAD_ROWS):
                ready.step("write", start / n)
                part = slice(start, min(start + _LOAD_ROWS, n))
                drawn = zip(*(each[part].tolist() for each in (tenths, numbers, names)), strict=True)
                payloads = [
                    {**dict.fromkeys(_TENTHS, str(tenth)), "number": number, "name": f"n{name}"}
                    for tenth, number, name in drawn
                ]
                ids = np.arange(part.start, part.stop, dtype=np.uint64)
                collection.upsert(ids, vectors={FIELD: ready.data.vectors[part]}, payloads=payloads)
            collection.merge(progress=ready.step)
            # The kernels are loaded before anything is timed.
            warmup()
            records = [self._record(ready, collection, one) for one in asked(tenths, numbers, names)]
        yield Finding(records, [_table(records)], [_wrong(records)])

    def _record(self, ready: Prepared, collection: Collection, one: Asked) -> Record:
        from ....engine.filters.binding import bind

        ready.step(one.name, 0.0)
        bound = [bind(expression, collection.schema) for expression in one.expressions]
        with ready.timing():
            first = [_spent(collection, expression) for expression in bound]
            later = [_spent(collection, bound[-1]) for _ in range(_TIMES)]
        return {
            "filter": one.name,
            "rows": ready.data.rows,
            "matches": one.matches,
            "counted": [collection.count(filter=expression) for expression in one.expressions],
            "first_us": round(first[0] / 1e3, 1),
            "unkept_us": round(min(first) / 1e3, 1),
            "later_us": round(min(later) / 1e3, 1),
        }


def _spent(collection: Collection, bound: Filter) -> int:
    """Return the nanoseconds of this thread to make the bitset of each segment."""
    start = time.thread_time_ns()
    for view in collection._state.snapshot.views:
        # A view remembers whole filters; what is measured is kept of their clauses alone.
        view._kept = KeptAllowed()
        (allowed,) = view.allowed(bound, None, ScanWork())
        assert allowed.scope.rows is not None
        _ = allowed.scope.rows.words
    return time.thread_time_ns() - start


def _wrong(records: list[Record]) -> str | None:
    wrong = [one["filter"] for one in records if one["counted"] != one["matches"]]
    return f"wrong counts by {', '.join(wrong)}" if wrong else None


def _table(records: list[Record]) -> Table:
    columns = {
        "filter": "{filter}",
        "matches": "{matches[0]:,}",
        "very first us": "{first_us:,.0f}",
        "nothing kept us": "{unkept_us:,.0f}",
        "later us": "{later_us:,.1f}",
    }
    return records_table(f"Filter to bitset, {records[0]['rows']:,} rows, processor time", columns, records)
