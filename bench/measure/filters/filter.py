"""`vicinal bench filter`: recall and time under filters that people would write."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
import typer
from numpy.typing import NDArray
from rich.table import Table

from ...datasets import Dataset, DatasetError
from ...harness.loaded import found_ids
from ...harness.timing import timed
from ...harness.truth import exact_truth, recall
from ...report.tables import records_table
from ..measurement import Finding, Needs, Prepared, Record
from ..options import CollectionOptions, RepetitionsOption
from ..single import each_alone

if TYPE_CHECKING:
    from ....engine.filters.expression import Filter

LEVELS = (0.001, 0.01, 0.1, 0.5)
# A natural filter passes about the wanted share: neither 1.6 times more nor less.
TOLERATED = 1.6


@dataclass(frozen=True)
class NaturalFilter:
    """A filter on one payload field and the rows that pass it, found without the engine."""

    text: str
    expression: Filter
    rows: NDArray[np.int64]
    share: float


def natural_filters(dataset: Dataset, levels: Sequence[float] = LEVELS) -> list[NaturalFilter]:
    """For every indexed field and level, the filter whose share of rows comes nearest, if it comes near."""
    if dataset.payloads is None or not dataset.fields:
        raise DatasetError(f"{dataset.name} has no payload fields to filter on")
    found = []
    for level in levels:
        for field, kind in dataset.fields.items():
            values = [payload.get(field) for payload in dataset.payloads]
            made = _keyword(field, values, level) if kind == "keyword" else _threshold(field, values, level)
            if made is not None and 1 / TOLERATED <= made.share / level <= TOLERATED:
                found.append(made)
    return found


def _keyword(field: str, values: list[Any], level: float) -> NaturalFilter | None:
    from ....engine.filters.field import F

    counts = Counter(value for value in values if isinstance(value, str))
    wanted = level * len(values)
    if not counts:
        return None
    nearest = min(counts, key=lambda value: abs(np.log(counts[value] / wanted)))
    if 1 / TOLERATED <= counts[nearest] / wanted <= TOLERATED:
        rows = np.flatnonzero([value == nearest for value in values])
        return NaturalFilter(f"{field} == {nearest!r}", F(field) == nearest, rows, len(rows) / len(values))
    chosen: list[str] = []
    total = 0
    for value, count in counts.most_common():
        if total + count <= wanted:
            chosen.append(value)
            total += count
    if not chosen:
        return None
    rows = np.flatnonzero([value in chosen for value in values])
    text = f"{field} in {chosen[0]!r} and {len(chosen) - 1} more"
    return NaturalFilter(text, F(field).is_in(chosen), rows, len(rows) / len(values))


def _threshold(field: str, values: list[Any], level: float) -> NaturalFilter | None:
    from ....engine.filters.field import F

    numbers = np.array(
        [value if isinstance(value, int | float) else np.nan for value in values], dtype=np.float64
    )
    known = np.sort(numbers[~np.isnan(numbers)])
    if not len(known):
        return None
    least = known[max(0, len(known) - max(1, round(level * len(values))))]
    bound = int(least) if least.is_integer() else float(least)
    rows = np.flatnonzero(numbers >= bound)
    return NaturalFilter(f"{field} >= {bound}", F(field) >= bound, rows, len(rows) / len(values))


@dataclass(frozen=True)
class FilterMeasurement(CollectionOptions):
    """Recall, time and plan under natural filters that pass about 0.1, 1, 10 and 50 % of the rows."""

    name: ClassVar = "filter"
    needs: ClassVar = Needs(collection=True, payloads=True)
    target: Annotated[float, typer.Option(min=0.01, max=1.0, help="Recall asked for.")] = 0.95
    repetitions: RepetitionsOption = 3

    def run(self, ready: Prepared) -> Iterator[Finding]:
        """Search under every natural filter and check the answers against exact ones."""
        filters = natural_filters(ready.data)
        records = []
        for done, natural in enumerate(filters):
            ready.step(natural.text, done / len(filters))
            records.append(self._record(ready, natural))
        yield Finding(records, [_table(records)], [wrong_note(records)])

    def _record(self, ready: Prepared, natural: NaturalFilter) -> Record:
        """Share of rows, exact count or not, recall, wrong answers, time in a batch and alone, and plan."""
        data, collection = ready.data, ready.collection
        queries, wanted = data.queries, min(self.k, len(natural.rows))
        options: dict[str, Any] = {"k": self.k, "filter": natural.expression, "recall": self.target}
        truth = exact_truth(data, wanted, rows=natural.rows)
        answer = partial(found_ids, collection, queries, **options)
        ids = answer()
        answered = ids < data.rows
        explained = collection.explain(queries, **options)
        seconds, alone = [], []
        for _ in range(self.repetitions):
            with ready.timing():
                seconds.append(timed(answer))
                alone.append(each_alone(collection, queries, **options).mean())
        return {
            "k": self.k,
            "target": self.target,
            "filter": natural.text,
            "share": round(natural.share, 6),
            "matches": len(natural.rows),
            "counted": collection.count(filter=natural.expression),
            "recall": round(recall(data, truth, ids[:, :wanted]), 5),
            "rows_failing_filter": int((~np.isin(ids[answered], natural.rows)).sum()),
            "queries_with_too_few_rows": int((answered.sum(axis=1) != wanted).sum()),
            "us_per_query": round(float(np.median(seconds)) / len(queries) * 1e6, 2),
            "single_mean_us": round(float(np.median(alone)) * 1e6, 2),
            "distances_per_query": explained.distances / len(queries),
            "expected_recall": explained.expected_recall,
            "plan": explained.plan,
            "repetitions": self.repetitions,
        }


def wrong_note(records: Sequence[Record]) -> str | None:
    """What to tell the reader when an answer is wrong, whatever its recall."""
    wrong = [
        one["filter"]
        for one in records
        if one["rows_failing_filter"] or one["queries_with_too_few_rows"] or one["counted"] != one["matches"]
    ]
    return f"wrong rows, too few or a wrong count under {', '.join(wrong)}" if wrong else None


def _table(records: list[Record]) -> Table:
    columns = {
        "filter": "{filter}",
        "share": "{share:.2%}",
        "matches": "{matches:,}{counting}",
        "recall": "{recall:.4f}",
        "failing": "{rows_failing_filter:,}",
        "too few": "{queries_with_too_few_rows:,}",
        "us/query": "{us_per_query:.1f}",
        "alone": "{single_mean_us:.1f}",
        "plan": "{plan}",
    }
    counting = {True: "", False: " (counted wrong)"}
    shown = [{**one, "counting": counting[one["counted"] == one["matches"]]} for one in records]
    return records_table("Filtered search", columns, shown)
