"""`vicinal bench promise`: what is asked for and what is got, where data are unkind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
import typer
from rich.table import Table

import vicinal

from ...engine.errors import InvalidArgument
from ...engine.schema.vector_field import VectorField
from ...indexes.protocol import FieldShape, IndexSpec
from ...indexes.rows.element import Element
from ...indexes.rows.metric import Metric
from ..harness.loaded import COLLECTION, FIELD, LOAD_ROWS, found_ids
from ..harness.scratch import scratch_folder
from ..harness.spelling import spelled
from ..harness.timing import timed
from ..report.tables import records_table
from ..report.terminal import remark
from ..unkind.subjects import ALL_SETS, Subject, make_subject
from .measurement import Finding, Needs, Prepared, Record
from .options import OUT, DatasetOption, LockOption, OutOption, chosen_in, index_in, numbers_in

if TYPE_CHECKING:
    from ...engine.collection import Collection

_INDEXES = ('"hnsw"', '{"name": "ivf", "codec": {"name": "rabitq"}}', '"seismic"', '"muvera"')
_KS, _TARGETS = "1,10,100,300", "0.90,0.95,0.99"
# How far the mean, and the mean of the worst tenth of the queries, may stay behind what was asked for.
MEAN_BEHIND, WORST_BEHIND = 0.02, 0.10
_WORST = 10
_ANY_DIM = 64


@dataclass(frozen=True)
class PromiseMeasurement:
    """Recall asked for and got, in the mean and by the worst tenth, on data that are hard to search.

    Nothing is calibrated: what is promised comes from the rows alone. Sets of dense vectors are made from the
    texts of the dataset, whose queries they are asked; those of sparse and of multi-vectors are artificial.
    Each index searches the sets of its kind.
    """

    name: ClassVar = "promise"
    needs: ClassVar = Needs()
    dataset: DatasetOption = "sample"
    out: OutOption = OUT
    sets: Annotated[str, typer.Option(help=f"Some of {', '.join(ALL_SETS)}, separated by commas.")] = (
        ",".join(ALL_SETS)
    )
    index: Annotated[
        list[str] | None,
        typer.Option(
            help="This index instead of a graph, inverted lists of codes, Seismic and MUVERA: JSON as in a "
            "schema, or a factory string of faiss. Repeat it for several."
        ),
    ] = None
    ks: Annotated[str, typer.Option("--k", help="Neighbours per query, separated by commas.")] = _KS
    targets: Annotated[str, typer.Option(help="Recalls asked for, separated by commas.")] = _TARGETS
    size: Annotated[int, typer.Option(min=1000, help="Rows of each set.")] = 20_000
    asked: Annotated[int, typer.Option(min=10, help="Queries of each set, if there are so many.")] = 200
    seeds: Annotated[str, typer.Option(help="Sets are made from each, separated by commas.")] = "0"
    lock: LockOption = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        """Look at what is asked for before anything is read."""
        _ = self._sets, self._specs, self._ks, self._targets, self._seeds

    @property
    def k(self) -> int:
        """The most neighbours that are asked for."""
        return max(self._ks)

    @property
    def _sets(self) -> list[str]:
        return chosen_in("--sets", self.sets, ALL_SETS)

    @property
    def _specs(self) -> list[IndexSpec]:
        return [index_in(text) for text in self.index or _INDEXES]

    @property
    def _ks(self) -> list[int]:
        return [int(k) for k in numbers_in("--k", self.ks, 1, 500)]

    @property
    def _targets(self) -> list[float]:
        return numbers_in("--targets", self.targets, 0.01, 1.0)

    @property
    def _seeds(self) -> list[int]:
        return [int(seed) for seed in numbers_in("--seeds", self.seeds, 0, 2**31)]

    def run(self, ready: Prepared) -> Iterator[Finding]:
        """Make, load and search each set."""
        records: list[Record] = []
        cells = [(seed, name) for seed in self._seeds for name in self._sets]
        for done, (seed, name) in enumerate(cells):
            ready.step(name, done / len(cells))
            subject = make_subject(name, ready.data, self.size, self.asked, seed, self.k)
            for spec in self._specs:
                if not _takes(spec, subject.kind):
                    continue
                try:
                    schema = subject.field(spec)
                except InvalidArgument as error:
                    remark(f"{name}: {error}")
                    continue
                known = {"set": name, **subject.describe(), "rows": subject.rows, "seed": seed}
                found = list(self._asked(ready, subject, schema, known | {"index": spelled(spec)}))
                records += found
                yield Finding(found, [_table(found)])
        yield Finding([], [_summary(records)], [_behind(records)])

    def _asked(
        self, ready: Prepared, subject: Subject, schema: VectorField, known: Record
    ) -> Iterator[Record]:
        with scratch_folder(ready.scratch) as place, vicinal.open(place) as database:
            collection = database.create_collection(COLLECTION, vectors={FIELD: schema})
            for start in range(0, subject.rows, LOAD_ROWS):
                stop = min(start + LOAD_ROWS, subject.rows)
                ids = np.arange(start, stop, dtype=np.uint64)
                collection.upsert(ids, vectors={FIELD: subject.part(start, stop)})
            collection.merge()
            for k in self._ks:
                for target in self._targets:
                    yield known | {"k": k, "target": target} | _got(ready, collection, subject, k, target)


def _takes(spec: IndexSpec, kind: str) -> bool:
    """Whether an index is of that kind of vectors."""
    made_of = (None, None) if kind == "sparse" else (Element.FLOAT32, _ANY_DIM)
    try:
        spec.check(FieldShape(kind, Metric.DOT, *made_of))
    except ValueError:
        return False
    return True


def _got(ready: Prepared, collection: Collection, subject: Subject, k: int, target: float) -> Record:
    asked = subject.queries
    explained = collection.explain(asked, k=k, recall=target)
    ids = found_ids(collection, asked, k=k, recall=target)
    with ready.timing():
        seconds = timed(partial(found_ids, collection, asked, k=k, recall=target))
    each = np.sort(subject.recall(ids, k))
    mean, worst = float(each.mean()), float(each[: -(-len(each) // _WORST)].mean())
    expected, n = explained.expected_recall, len(each)
    return {
        "queries_measured": n,
        "recall": round(mean, 5),
        "worst_tenth_recall": round(worst, 5),
        "expected_recall": None if expected is None else round(expected, 5),
        "met": mean >= target - MEAN_BEHIND and worst >= target - WORST_BEHIND,
        "us_per_query": round(seconds / n * 1e6, 2),
        "distances_per_query": round(explained.distances / n, 1),
        "rescored_per_query": round(explained.rescored / n, 1),
        "fallbacks": explained.fallbacks,
        "plan": explained.plan,
    }


def _table(records: Sequence[Record]) -> Table:
    columns = {
        "k": "{k}",
        "target": "{target:.2f}",
        "got": "{recall:.3f}",
        "worst tenth": "{worst_tenth_recall:.3f}",
        "promised": "{expected_recall:.3f}",
        "bound": "{bound}",
        "distances": "{distances_per_query:,.0f}",
        "rescored": "{rescored_per_query:,.0f}",
        "us": "{us_per_query:,.0f}",
        "plan": "{plan}",
    }
    first = records[0]
    title = f"{first['set']}, {first['index']}, {first['rows']:,} x {first['dim']} {first['metric']}"
    shown = [{**one, "bound": "met" if one["met"] else "not met"} for one in records]
    return records_table(f"{title}, seed {first['seed']}", columns, shown)


def _summary(records: Sequence[Record]) -> Table:
    """A line for each set and index: in how many cells the bound holds, and the cells farthest behind."""
    lines = []
    for key in dict.fromkeys((one["set"], one["index"]) for one in records):
        cells = [one for one in records if (one["set"], one["index"]) == key]
        lines.append(
            {
                "set": key[0],
                "index": key[1],
                "met": sum(one["met"] for one in cells),
                "cells": len(cells),
                "mean": min(one["recall"] - one["target"] for one in cells),
                "worst": min(one["worst_tenth_recall"] - one["target"] for one in cells),
                "distances": float(np.mean([one["distances_per_query"] for one in cells])),
            }
        )
    columns = {
        "set": "{set}",
        "index": "{index}",
        "met": "{met} of {cells}",
        "mean beside target": "{mean:+.3f}",
        "worst tenth beside target": "{worst:+.3f}",
        "distances": "{distances:,.0f}",
    }
    return records_table("The bound, and the least of each", columns, lines)


def _behind(records: Sequence[Record]) -> str | None:
    behind = sum(not one["met"] for one in records)
    if not behind:
        return None
    return (
        f"in {behind} of {len(records)} cells recall was more than {MEAN_BEHIND} below the target in the "
        f"mean, or more than {WORST_BEHIND} below it in the worst tenth"
    )
