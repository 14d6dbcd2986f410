"""`vicinal bench bitset`: from a filter on indexed fields to the bitset that an index reads."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
import typer
from numpy.typing import NDArray
from pyroaring import BitMap
from rich.table import Table

import vicinal

from ....indexes.rows.row_set import RowSet
from ...harness.loaded import FIELD
from ...harness.scratch import scratch_folder
from ...report.tables import records_table
from ..measurement import Finding, Needs, Prepared, Record
from ..options import OUT, DatasetOption, KOption, LockOption, OutOption, RepetitionsOption

if TYPE_CHECKING:
    from ....engine.collection import Collection
    from ....engine.filters.expression import Filter

_LOAD_ROWS = 50_000
# How often within a repetition, as one takes less than the clock is sure of.
_TIMES = 20
_FIELDS = {"tenth": "keyword", "number": "integer"}


@dataclass(frozen=True)
class Asked:
    """A filter and the rows that pass it; no other asks for the same values, which are kept."""

    name: str
    expression: Filter
    rows: NDArray[np.bool_]


def asked(tenths: NDArray[np.int64], numbers: NDArray[np.int64]) -> list[Asked]:
    """What is asked of rows with these values."""
    from ....engine.filters.field import F

    n, tenth, number = len(tenths), F("tenth"), F("number")
    few, half = n // 10, n // 2
    return [
        Asked("keyword", tenth == "0", tenths == 0),
        Asked("range", number < half, numbers < half),
        Asked("keyword AND range", (tenth == "1") & (number >= half), (tenths == 1) & (numbers >= half)),
        Asked("keyword AND less", (tenth == "2") & (number < few), (tenths == 2) & (numbers < few)),
        Asked("NOT keyword", ~(tenth == "3"), tenths != 3),
        Asked("keyword IN 5", tenth.is_in(list("45678")), (tenths >= 4) & (tenths <= 8)),
    ]


@dataclass(frozen=True)
class BitsetMeasurement:
    """Processor time to make a bitset of the rows that pass a filter, the first time and later."""

    name: ClassVar = "bitset"
    needs: ClassVar = Needs()
    dataset: DatasetOption = "random-1000000x4-l2"
    k: KOption = 10
    out: OutOption = OUT
    repetitions: RepetitionsOption = 5
    rows: Annotated[int | None, typer.Option(min=1, help="Use only the first so many vectors.")] = None
    lock: LockOption = None

    def run(self, ready: Prepared) -> Iterator[Finding]:
        """Give each row two values drawn at random, and filter by them."""
        n, random = ready.data.rows, np.random.default_rng(0)
        tenths, numbers = random.integers(0, 10, n), random.integers(0, n, n)
        with scratch_folder(ready.scratch) as place, vicinal.open(place) as database:
            field = vicinal.Dense(ready.data.dim, index=vicinal.Flat())
            collection = database.create_collection("filtered", {FIELD: field}, fields=_FIELDS)
            for start in range(0, n, _LOAD_ROWS):
                ready.step("write", start / n)
                part = slice(start, min(start + _LOAD_ROWS, n))
                drawn = zip(tenths[part].tolist(), numbers[part].tolist(), strict=True)
                payloads = [{"tenth": str(tenth), "number": number} for tenth, number in drawn]
                ids = np.arange(part.start, part.stop, dtype=np.uint64)
                collection.upsert(ids, vectors={FIELD: ready.data.vectors[part]}, payloads=payloads)
            collection.merge(progress=ready.step)
            # The kernel is loaded before anything is timed.
            _ = RowSet.from_bitmap(BitMap([0, 2]), 3).words
            records = [self._record(ready, collection, one) for one in asked(tenths, numbers)]
        yield Finding(records, [_table(records)], [_wrong(records)])

    def _record(self, ready: Prepared, collection: Collection, one: Asked) -> Record:
        from ....engine.filters.binding import bind

        ready.step(one.name, 0.0)
        bound = bind(one.expression, collection.schema)
        with ready.timing():
            spent = [_spent(collection, bound) for _ in range(1 + _TIMES * self.repetitions)]
        return {
            "filter": one.name,
            "rows": ready.data.rows,
            "matches": int(one.rows.sum()),
            "counted": collection.count(filter=one.expression),
            "first_us": round(spent[0] / 1e3, 1),
            "later_us": round(min(spent[1:]) / 1e3, 1),
            "repetitions": self.repetitions,
        }


def _spent(collection: Collection, bound: Filter) -> int:
    """Return the nanoseconds of this process to make the bitset of each segment."""
    start = time.process_time_ns()
    for view in collection._state.snapshot.views:
        _ = RowSet.from_bitmap(view.matching(bound, None), view.n_rows).words
    return time.process_time_ns() - start


def _wrong(records: list[Record]) -> str | None:
    wrong = [one["filter"] for one in records if one["counted"] != one["matches"]]
    return f"wrong counts by {', '.join(wrong)}" if wrong else None


def _table(records: list[Record]) -> Table:
    columns = {
        "filter": "{filter}",
        "matches": "{matches:,}",
        "first us": "{first_us:,.0f}",
        "later us": "{later_us:,.1f}",
    }
    return records_table(f"Filter to bitset, {records[0]['rows']:,} rows, processor time", columns, records)
