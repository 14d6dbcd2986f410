"""This engine under filters: as it plans itself, and each of its plans by force."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import vicinal

from ...engine.progress import Progress
from ...engine.results.explanation import PlanKind
from ...indexes.protocol import IndexSpec
from ..datasets import Dataset
from ..datasets.dataset import Floats
from ..harness.loaded import COLLECTION, FIELD, LOAD_ROWS, dense_field
from ..harness.scratch import scratch_folder
from ..peers import Effort, grid
from ..peers.peer import PROBES, widths
from .cells import Question
from .searcher import Answering
from .shapes import MadePayloads

if TYPE_CHECKING:
    from ...engine.collection import Collection
    from ...engine.results.explanation import SegmentPlan

# Of the codes of all rows, how many are scored for each result.
_RESCORED = (1, 1.5, 2, 3, 4, 6, 10, 20)


@contextmanager
def filtered_collection(
    below: Path, data: Dataset, payloads: MadePayloads, step: Progress, index: IndexSpec | None = None
) -> Iterator[Collection]:
    """Load the data with the payloads into one segment of a new database, for the time of the context.

    Its index is the default one, unless another is given.
    """
    with scratch_folder(below) as inside, vicinal.open(inside) as database:
        fields: Mapping[str, Any] = payloads.fields
        collection = database.create_collection(COLLECTION, {FIELD: dense_field(data, index)}, fields=fields)
        for start in range(0, data.rows, LOAD_ROWS):
            stop = min(start + LOAD_ROWS, data.rows)
            vectors = {FIELD: data.vectors[start:stop]}
            collection.upsert(np.arange(start, stop, dtype=np.uint64), vectors, payloads.of(start, stop))
            step("write", stop / data.rows)
        collection.merge(progress=step)
        yield collection


@dataclass(frozen=True, eq=False)
class OwnSearcher:
    """The collection, searched by the efforts of one plan."""

    name: str
    collection: Collection
    data: Dataset
    made: Callable[[int, int], Sequence[Effort]]
    by_rows: bool = False

    def queries(self) -> Floats:
        return self.data.queries

    def efforts(self, k: int, matches: int) -> Sequence[Effort]:
        return self.made(k, matches)

    def under(self, question: Question) -> Answering:
        search, expression = self.collection.search, question.filter
        return lambda query, k, effort: search(query, k, filter=expression, **effort.parameters).ids

    def close(self) -> None:
        """The collection is closed with its database."""


def planned(collection: Collection, data: Dataset, target: float) -> OwnSearcher:
    """Return the engine as a caller has it, who asks for a recall."""
    asked = Effort(f"recall {target}", {"recall": target})
    return OwnSearcher("vicinal", collection, data, lambda k, matches: [asked])


def forced_plans(collection: Collection, data: Dataset) -> list[OwnSearcher]:
    """Return each plan that a caller can ask for: the exact scan, and those that the index has knobs for."""
    spec = collection.schema.vectors[FIELD].index
    plans = [OwnSearcher("exact", collection, data, lambda k, matches: grid(exact=(True,)))]
    for name, knobs in _KNOBS.items():
        try:
            spec.knobs(knobs(1)[0])
        except ValueError:
            continue
        plans.append(OwnSearcher(name, collection, data, partial(_efforts, knobs)))
    return plans


def _efforts(knobs: Callable[[int], list[dict[str, int]]], k: int, matches: int) -> list[Effort]:
    return [
        Effort(", ".join(f"{name} {value}" for name, value in one.items()), {"effort": one})
        for one in knobs(k)
    ]


# What forces each plan, by rising effort.
_KNOBS: dict[str, Callable[[int], list[dict[str, int]]]] = {
    "codes": lambda k: [{"rescore": round(times * k)} for times in _RESCORED],
    "walk": lambda k: [{"ef": width} for width in widths(k)],
    "cells": lambda k: [{"cells": count} for count in (*PROBES, 1024, 2048)],
    "lists": lambda k: [{"n_probe": count} for count in PROBES],
}
_PLAN_OF_KNOB = {"n_probe": "lists", "cells": "cells", "ef": "walk"}


def plan_name(plan: SegmentPlan) -> str:
    """Return the plan of a segment in one word."""
    if plan.kind is PlanKind.EXACT_SCAN:
        return "exact"
    name = next((name for knob, name in _PLAN_OF_KNOB.items() if plan.knobs.get(knob)), "codes")
    return f"{name}+scan" if plan.fallbacks else name
