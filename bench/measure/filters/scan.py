"""`vicinal bench scan`: counting by payload fields that no index has, the first time and later."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
import typer
from rich.table import Table

import vicinal

from ...harness.loaded import FIELD
from ...harness.scratch import scratch_folder
from ...harness.timing import timed
from ...report.tables import records_table
from ..measurement import Finding, Needs, Prepared, Record
from ..options import OUT, DatasetOption, KOption, LockOption, OutOption, RepetitionsOption

if TYPE_CHECKING:
    from ....engine.collection import Collection
    from ....engine.filters.expression import Filter

_LOAD_ROWS = 50_000
GENRES, CITIES, YEARS = 3, 1000, 120


def payload(row: int) -> dict[str, Any]:
    """Some 150 bytes, of which each field is asked for."""
    return {
        "title": f"title of number {row}",
        "year": 1900 + row % YEARS,
        "genre": f"genre {row % GENRES}",
        "score": row / 7,
        "at": f"20{row % 25:02d}-{row % 12 + 1:02d}-{row % 28 + 1:02d}T00:00:00Z",
        "maker": {"city": f"city {row % CITIES}"},
    }


@dataclass(frozen=True)
class Asked:
    """One field, its type, a filter for the first scan, and one for later ones with the rows it passes."""

    field: str
    type: str
    first: Filter
    then: Filter
    matches: int


def asked(n: int) -> list[Asked]:
    """What is asked of ``n`` payloads, with answers that come from how they are made."""
    from ....engine.filters.field import F

    rows = np.arange(n)
    late = int(np.count_nonzero(rows % 25 >= 20))
    title = F("title")
    return [
        Asked("genre", "keyword", F("genre") == "none", F("genre") == "genre 1", len(rows[1::GENRES])),
        Asked("title", "keyword", title == "none", title == "title of number 7", int(n > 7)),
        Asked("year", "integer", F("year") < 0, F("year") >= 1960, int((rows % YEARS >= 60).sum())),
        Asked("score", "float", F("score") < 0, F("score") < 10, int((rows / 7 < 10).sum())),
        Asked("at", "datetime", F("at") < "1900-01-01", F("at") >= "2020-01-01", late),
        Asked(
            "maker.city", "keyword", F("maker.city") == 1, F("maker.city") == "city 1", len(rows[1::CITIES])
        ),
    ]


@dataclass(frozen=True)
class ScanMeasurement:
    """Time to count by payload fields without an index, the first time and later, beside an index."""

    name: ClassVar = "scan"
    needs: ClassVar = Needs()
    dataset: DatasetOption = "random-1000000x4-l2"
    k: KOption = 10
    out: OutOption = OUT
    repetitions: RepetitionsOption = 5
    rows: Annotated[int | None, typer.Option(min=1, help="Use only the first so many vectors.")] = None
    lock: LockOption = None

    def run(self, ready: Prepared) -> Iterator[Finding]:
        """Give each row a payload, and count by its fields without and with an index."""
        with scratch_folder(ready.scratch) as place, vicinal.open(place) as database:
            field = vicinal.Dense(ready.data.dim, index=vicinal.Flat())
            collection = database.create_collection("scanned", {FIELD: field})
            self._load(ready, collection)
            questions = asked(ready.data.rows)
            records = [self._scanned(ready, collection, one) for one in questions]
            for one in questions:
                collection.add_field(one.field, one.type)
            collection.wait_indexed(progress=ready.step)
            for one, record in zip(questions, records, strict=True):
                record["indexed_ms"] = self._least(ready, collection, one)
        yield Finding(records, [_table(records)], [_wrong(records)])

    def _load(self, ready: Prepared, collection: Collection) -> None:
        n = ready.data.rows
        for start in range(0, n, _LOAD_ROWS):
            ready.step("write", start / n)
            ids = np.arange(start, min(start + _LOAD_ROWS, n), dtype=np.uint64)
            vectors = ready.data.vectors[start : start + _LOAD_ROWS]
            collection.upsert(ids, vectors={FIELD: vectors}, payloads=list(map(payload, ids.tolist())))
        collection.merge(progress=ready.step)

    def _scanned(self, ready: Prepared, collection: Collection, one: Asked) -> Record:
        ready.step(one.field, 0.0)
        with ready.timing():
            first = timed(partial(collection.count, filter=one.first))
        return {
            "field": one.field,
            "type": one.type,
            "rows": ready.data.rows,
            "matches": one.matches,
            "counted": collection.count(filter=one.then),
            "first_seconds": round(first, 4),
            "later_ms": self._least(ready, collection, one),
            "repetitions": self.repetitions,
        }

    def _least(self, ready: Prepared, collection: Collection, one: Asked) -> float:
        with ready.timing():
            spent = [timed(partial(collection.count, filter=one.then)) for _ in range(self.repetitions)]
        return round(float(np.median(spent)) * 1e3, 4)


def _wrong(records: list[Record]) -> str | None:
    wrong = [one["field"] for one in records if one["counted"] != one["matches"]]
    return f"wrong counts by {', '.join(wrong)}" if wrong else None


def _table(records: list[Record]) -> Table:
    columns = {
        "field": "{field}",
        "type": "{type}",
        "matches": "{matches:,}",
        "first s": "{first_seconds:.2f}",
        "later ms": "{later_ms:.2f}",
        "indexed ms": "{indexed_ms:.3f}",
    }
    return records_table(f"Fields without an index, {records[0]['rows']:,} payloads", columns, records)
