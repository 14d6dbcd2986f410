"""`vicinal bench recall`: what a recall target gives, before and after calibrating on real queries."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.table import Table

from ...engine.progress import Progress
from ..datasets import Dataset, DatasetError
from ..harness.loaded import found_ids
from ..harness.timing import Watch, exclusive, timed
from ..harness.truth import Truth, recall
from ..report.tables import NOTHING, table

if TYPE_CHECKING:
    from ...engine.collection import Collection

TARGETS = (0.90, 0.95, 0.99)


def measure_targets(
    collection: Collection,
    dataset: Dataset,
    truth: Truth,
    calibrating: int,
    repetitions: int,
    watch: Watch,
    lock: Path | None,
    step: Progress,
) -> list[dict[str, Any]]:
    """Compare targets with what is reached: on all queries unseen, then on the others after calibrating.

    Parameters
    ----------
    calibrating : int
        The first so many queries are given to `calibrate`; the others measure it.
    """
    if not 1 <= calibrating < len(dataset.queries):
        raise DatasetError(
            f"calibrating on {calibrating} of {len(dataset.queries)} queries leaves none to measure"
        )
    records = []
    for state in ("unseen", "calibrated"):
        first = 0
        if state == "calibrated":
            step("calibrate", 0.5)
            with exclusive(lock):
                collection.calibrate(dataset.queries[:calibrating])
            first = calibrating
        for done, target in enumerate(TARGETS):
            step(f"{state} {target}", (done + len(TARGETS) * (state == "calibrated")) / (2 * len(TARGETS)))
            found = _measure(collection, dataset, truth, target, first, repetitions, watch, lock)
            records.append({"k": truth.k, "state": state, "calibrated_on": first, **found})
    return records


def _measure(
    collection: Collection,
    dataset: Dataset,
    truth: Truth,
    target: float,
    first: int,
    repetitions: int,
    watch: Watch,
    lock: Path | None,
) -> dict[str, Any]:
    queries = dataset.queries[first:]
    answer = partial(found_ids, collection, queries, k=truth.k, recall=target)
    reached = recall(dataset, truth, answer(), first_query=first)
    explained = collection.explain(queries, k=truth.k, recall=target)
    seconds = []
    for _ in range(repetitions):
        with exclusive(lock), watch.watching():
            seconds.append(timed(answer))
    expected = explained.expected_recall
    return {
        "target": target,
        "queries_measured": len(queries),
        "recall": round(reached, 5),
        "over_target": round(reached - target, 5),
        "expected_recall": None if expected is None else round(expected, 5),
        "us_per_query": round(float(np.median(seconds)) / len(queries) * 1e6, 2),
        "hops_per_query": round(explained.hops / explained.queries, 1),
        "plan": explained.plan,
        "repetitions": repetitions,
    }


def targets_table(records: list[dict[str, Any]]) -> Table:
    """The records for a terminal."""
    rows = [
        [
            record["state"],
            f"{record['queries_measured']:,}",
            f"{record['target']:.2f}",
            f"{record['recall']:.4f}",
            f"{record['over_target']:+.4f}",
            NOTHING if record["expected_recall"] is None else f"{record['expected_recall']:.4f}",
            f"{record['us_per_query']:.1f}",
            record["plan"],
        ]
        for record in records
    ]
    columns = ("calibration", "queries", "target", "recall", "over target", "expected", "us/query", "plan")
    return table("Target and measured recall", columns, rows)
