"""`vicinal bench filter`: recall and time under filters that people would write."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from ...engine.progress import Progress
from ..datasets import Dataset, DatasetError
from ..harness.loaded import found_ids
from ..harness.timing import Watch, exclusive, timed
from ..harness.truth import exact_truth, recall
from ..report.tables import NOTHING, table
from .single import each_alone

if TYPE_CHECKING:
    from ...engine.collection import Collection
    from ...engine.filters.expression import Filter

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
    from ...engine.filters.expression import F

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
    from ...engine.filters.expression import F

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


def measure_filters(
    collection: Collection,
    dataset: Dataset,
    k: int,
    target: float,
    repetitions: int,
    watch: Watch,
    lock: Path | None,
    step: Progress,
) -> list[dict[str, Any]]:
    """Search under every natural filter and check the answers against exact ones.

    Returns
    -------
    list of dict
        One record per filter: share of rows, exact count or not, recall, rows that fail the filter, queries
        with too few rows, time in a batch and alone, and plan.
    """
    filters = natural_filters(dataset)
    records = []
    for done, natural in enumerate(filters):
        step(natural.text, done / len(filters))
        records.append(_measure(collection, dataset, natural, k, target, repetitions, watch, lock))
    return records


def _measure(
    collection: Collection,
    dataset: Dataset,
    natural: NaturalFilter,
    k: int,
    target: float,
    repetitions: int,
    watch: Watch,
    lock: Path | None,
) -> dict[str, Any]:
    queries, expression = dataset.queries, natural.expression
    wanted = min(k, len(natural.rows))
    truth = exact_truth(dataset, wanted, rows=natural.rows)
    answer = partial(found_ids, collection, queries, k=k, filter=expression, recall=target)
    ids = answer()
    answered = ids < dataset.rows
    explained = collection.explain(queries, k=k, filter=expression, recall=target)
    seconds, alone = [], []
    for _ in range(repetitions):
        with exclusive(lock), watch.watching():
            seconds.append(timed(answer))
            alone.append(each_alone(collection, queries, k=k, filter=expression, recall=target).mean())
    return {
        "k": k,
        "target": target,
        "filter": natural.text,
        "share": round(natural.share, 6),
        "matches": len(natural.rows),
        "counted": collection.count(filter=expression),
        "recall": round(recall(dataset, truth, ids[:, :wanted]), 5),
        "rows_failing_filter": int((~np.isin(ids[answered], natural.rows)).sum()),
        "queries_with_too_few_rows": int((answered.sum(axis=1) != wanted).sum()),
        "us_per_query": round(float(np.median(seconds)) / len(queries) * 1e6, 2),
        "single_mean_us": round(float(np.median(alone)) * 1e6, 2),
        "distances_per_query": explained.distances / len(queries),
        "expected_recall": explained.expected_recall,
        "plan": explained.plan,
        "repetitions": repetitions,
    }


def filter_table(records: list[dict[str, Any]]) -> Table:
    """The records for a terminal."""
    rows = [
        [
            record["filter"],
            f"{record['share']:.2%}",
            f"{record['matches']:,}" + ("" if record["counted"] == record["matches"] else " (counted wrong)"),
            f"{record['recall']:.4f}",
            f"{record['rows_failing_filter']:,}",
            f"{record['queries_with_too_few_rows']:,}",
            f"{record['us_per_query']:.1f}",
            f"{record['single_mean_us']:.1f}",
            record["plan"] or NOTHING,
        ]
        for record in records
    ]
    columns = ("filter", "share", "matches", "recall", "failing", "too few", "us/query", "alone", "plan")
    return table("Filtered search", columns, rows)
