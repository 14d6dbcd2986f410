"""`vicinal bench recall`: what a recall target gives, before and after calibrating on real queries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Annotated, ClassVar

import numpy as np
import typer
from rich.table import Table

from ..datasets import DatasetError
from ..harness.loaded import exact_note, found_ids
from ..harness.timing import exclusive, timed
from ..harness.truth import recall
from ..report.tables import records_table
from .measurement import Finding, Needs, Prepared, Record
from .options import CollectionOptions, RepetitionsOption

TARGETS = (0.90, 0.95, 0.99)


@dataclass(frozen=True)
class RecallMeasurement(CollectionOptions):
    """What recall targets give: unseen on all queries, then calibrated on some and measured on the others."""

    name: ClassVar = "recall"
    needs: ClassVar = Needs(truth=True, collection=True)
    calibrating: Annotated[int, typer.Option(min=50, help="Queries given to calibrate().")] = 200
    repetitions: RepetitionsOption = 3

    def run(self, ready: Prepared) -> Iterator[Finding]:
        """Compare targets with what is reached, before and after calibrating."""
        queries = ready.data.queries
        if self.calibrating >= len(queries):
            raise DatasetError(
                f"calibrating on {self.calibrating} of {len(queries)} queries leaves none to measure"
            )
        records = [self._record(ready, "unseen", target, 0) for target in TARGETS]
        ready.step("calibrate", 0.5)
        with exclusive(self.lock):
            ready.collection.calibrate(queries[: self.calibrating])
        records += [self._record(ready, "calibrated", target, self.calibrating) for target in TARGETS]
        yield Finding(records, [_table(records)], [exact_note(records)])

    def _record(self, ready: Prepared, state: str, target: float, first: int) -> Record:
        """What a target gives on the queries from the first of those that measure."""
        ready.step(f"{state} {target}", (TARGETS.index(target) / len(TARGETS) + (first > 0)) / 2)
        collection, queries = ready.collection, ready.data.queries[first:]
        answer = partial(found_ids, collection, queries, k=self.k, recall=target)
        reached = recall(ready.data, ready.truth, answer(), first_query=first)
        explained = collection.explain(queries, k=self.k, recall=target)
        seconds = []
        for _ in range(self.repetitions):
            with ready.timing():
                seconds.append(timed(answer))
        expected = explained.expected_recall
        return {
            "k": self.k,
            "state": state,
            "calibrated_on": first,
            "target": target,
            "queries_measured": len(queries),
            "recall": round(reached, 5),
            "over_target": round(reached - target, 5),
            "expected_recall": None if expected is None else round(expected, 5),
            "us_per_query": round(float(np.median(seconds)) / len(queries) * 1e6, 2),
            "hops_per_query": round(explained.hops / explained.queries, 1),
            "plan": explained.plan,
            "repetitions": self.repetitions,
        }


def _table(records: list[Record]) -> Table:
    columns = {
        "calibration": "{state}",
        "queries": "{queries_measured:,}",
        "target": "{target:.2f}",
        "recall": "{recall:.4f}",
        "over target": "{over_target:+.4f}",
        "expected": "{expected_recall:.4f}",
        "us/query": "{us_per_query:.1f}",
        "plan": "{plan}",
    }
    return records_table("Target and measured recall", columns, records)
