"""`vicinal bench filtered`: filters of every selectivity, correlation and shape, beside other engines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
import typer

from ....indexes.protocol import IndexSpec
from ...datasets import DatasetError
from ...filtered.cells import Matrix, Passing, Question, measured_correlation, part_of
from ...filtered.contest import Contest, Entry, regret
from ...filtered.groups import QueryGroups, grouped
from ...filtered.orders import CORRELATIONS, SELECTIVITIES, row_orders
from ...filtered.own import filtered_collection, forced_plans, plan_name, planned
from ...filtered.searcher import FilteredSearcher, ask
from ...filtered.shapes import NATURAL, SHAPES, MadePayloads
from ...filtered_peers import find_filtered_peers
from ...harness.loaded import FIELD, found_ids
from ...harness.machine import cores
from ...harness.scratch import scratch_folder
from ...harness.spelling import spelled
from ...harness.timing import percentiles, timed
from ...harness.truth import Truth, recall_by_query
from ...report.filtered import broken_notes, filtered_tables
from ...report.terminal import skipped
from ..measurement import Finding, Needs, Prepared, Record
from ..options import (
    OUT,
    DatasetOption,
    LockOption,
    OutOption,
    PeersOption,
    QueriesOption,
    RowsOption,
    index_in,
    names_in,
    numbers_in,
)

if TYPE_CHECKING:
    from ....engine.collection import Collection

# The share of the queries that are answered worst.
_WORST = 10


def _texts(numbers: Sequence[float], times: float = 1) -> str:
    return ",".join(f"{number * times:g}" for number in numbers)


@dataclass(frozen=True)
class FilteredMeasurement:
    """Recall and time under filters, by selectivity, correlation with the query, shape and k.

    One configuration for all cells: one index, asked for a recall. One thread.
    """

    name: ClassVar = "filtered"
    needs: ClassVar = Needs()
    dataset: DatasetOption = "sample"
    ks: Annotated[str, typer.Option("--k", help="Neighbours per query, separated by commas.")] = "10,100"
    selectivity: Annotated[str, typer.Option(help="Percent of the rows that pass.")] = _texts(
        SELECTIVITIES, 100
    )
    correlation: Annotated[
        str, typer.Option(help="Between passing a filter and being near the query, from -1 to 1.")
    ] = _texts(CORRELATIONS)
    shape: Annotated[str, typer.Option(help=f"Some of {', '.join(SHAPES)}.")] = ",".join(SHAPES)
    out: OutOption = OUT
    groups: Annotated[
        int, typer.Option(min=1, help="Groups of queries, each of which has filters of its own.")
    ] = 4
    group_size: Annotated[int, typer.Option("--group-size", min=2, help="Queries of a group.")] = 50
    target: Annotated[float, typer.Option(min=0.01, max=1.0, help="Recall asked for.")] = 0.95
    passes: Annotated[int, typer.Option(min=1, help="Timings of each query; the median counts.")] = 1
    peers: PeersOption = ""
    index: Annotated[
        str | None,
        typer.Option(
            help="Another index than the default: JSON as in a schema, or a factory string of faiss."
        ),
    ] = None
    plans: Annotated[bool, typer.Option("--plans", help="Measure each plan by force as well.")] = False
    queries: QueriesOption = field(default=None, kw_only=True)
    rows: RowsOption = field(default=None, kw_only=True)
    lock: LockOption = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        """Look at what is asked for before anything is read."""
        unknown = sorted({*names_in(self.shape)} - {*SHAPES})
        if unknown or not names_in(self.shape):
            expected = ", ".join(SHAPES)
            raise typer.BadParameter(f"{self.shape!r}; expected some of {expected}", param_hint="--shape")
        _ = self._selectivities, self._correlations, self.k, self._index

    @property
    def k(self) -> int:
        """The most neighbours that are asked for."""
        return max(self._ks)

    @property
    def _index(self) -> IndexSpec | None:
        return None if self.index is None else index_in(self.index)

    @property
    def _ks(self) -> list[int]:
        return [int(k) for k in numbers_in("--k", self.ks, 1, 10_000)]

    @property
    def _selectivities(self) -> list[float]:
        return [share / 100 for share in numbers_in("--selectivity", self.selectivity, 1e-6, 100)]

    @property
    def _correlations(self) -> list[float]:
        return numbers_in("--correlation", self.correlation, -1, 1)

    def run(self, ready: Prepared) -> Iterator[Finding]:
        """Make the filters, load the data with what they ask for, and measure each cell."""
        shapes = names_in(self.shape)
        made = [shape for shape in shapes if shape != NATURAL]
        if not made and not ready.data.fields:
            raise DatasetError(f"{ready.data.name} has no payload fields to filter on")
        ready.step("order the rows", 0.0)
        groups = grouped(ready.data, self.groups, self.group_size)
        orders = row_orders(groups, self._correlations) if made else []
        matrix = Matrix(groups, orders, self._selectivities)
        payloads = MadePayloads(ready.data, matrix.levels, shapes)
        passing = list(matrix.made())
        if NATURAL in shapes and ready.data.fields:
            passing += matrix.natural()
        peers, missing = find_filtered_peers(names_in(self.peers))
        skipped(missing)
        with ExitStack() as held:
            loading = filtered_collection(ready.scratch, groups.data, payloads, ready.step, self._index)
            collection = held.enter_context(loading)
            rivals: list[FilteredSearcher] = [*(forced_plans(collection, groups.data) if self.plans else ())]
            place = held.enter_context(scratch_folder(ready.scratch))
            for peer in peers:
                ready.step(f"build {peer.name}", 0.0)
                for searcher in peer.build(groups.data, payloads, cores(), place):
                    held.callback(searcher.close)
                    rivals.append(searcher)
            cells = _Cells(self, ready, groups, collection, rivals)
            records: list[Record] = []
            for done, one in enumerate(passing):
                ready.step(_stage(one), done / len(passing))
                truth = matrix.truth(one, self.k)
                asked = [NATURAL] if one.natural is not None else made
                records += cells.records(one, asked, self._ks, truth)
        yield Finding(records, filtered_tables(records, self.target), broken_notes(records, self.target))


class _Cells:
    """Measures what passes, by shape and k."""

    def __init__(
        self,
        asked: FilteredMeasurement,
        ready: Prepared,
        groups: QueryGroups,
        collection: Collection,
        rivals: Sequence[FilteredSearcher],
    ) -> None:
        self._asked, self._ready, self._groups = asked, ready, groups
        self._collection = collection
        self._ours = planned(collection, groups.data, asked.target)
        self._rivals = rivals
        self._built = spelled(collection.schema.vectors[FIELD].index)

    def records(
        self, passing: Passing, shapes: Sequence[str], ks: Sequence[int], truth: Truth
    ) -> Iterator[Record]:
        """Yield a record of each shape and k."""
        for k in ks:
            exact = part_of(truth, k)
            known: dict[str, Entry] = {}
            for shape in shapes:
                questions = passing.questions(self._groups, shape)
                yield {
                    "shape": shape,
                    "selectivity": passing.selectivity,
                    "correlation": passing.correlation,
                    "k": k,
                    "filter": passing.text,
                    "matches": passing.matches,
                    "share": round(passing.matches / self._groups.data.rows, 6),
                    **_local(passing, self._groups.data.rows),
                    "index": self._built,
                    "target": self._asked.target,
                    "passes": self._asked.passes,
                    **self._ours_at(questions, k, exact),
                    **self._against(questions, k, exact, known),
                }

    def _ours_at(self, questions: Sequence[Question], k: int, truth: Truth) -> Record:
        """Recall, wrong answers, work and time of the engine as it plans itself."""
        ours, collection, data = self._ours, self._collection, self._groups.data
        effort, times, spent = ours.efforts(k, 0)[0], [], []
        answering = [(one, ours.under(one)) for one in questions]
        options: dict[str, Any] = {"k": k, **effort.parameters}
        explained = [
            collection.explain(data.queries[one.queries], filter=one.filter, **options) for one in questions
        ]
        for _ in range(self._asked.passes):
            with self._ready.timing():
                ids, seconds = ask(ours, answering, k, effort)
                times.append(seconds)
                spent.append(
                    sum(
                        timed(
                            partial(
                                found_ids,
                                collection,
                                data.queries[one.queries],
                                filter=one.filter,
                                **options,
                            )
                        )
                        for one in questions
                    )
                )
        shares = np.sort(recall_by_query(data, truth, ids[:, : truth.k]))
        asked = len(shares)
        return {
            "queries": asked,
            "recall": round(float(shares.mean()), 5),
            "worst_tenth_recall": round(float(shares[: -(-asked // _WORST)].mean()), 5),
            **percentiles(np.median(np.stack(times), axis=0)),
            "us_per_query": round(float(np.median(spent)) / asked * 1e6, 2),
            "plan": "/".join(dict.fromkeys(plan_name(plan) for one in explained for plan in one.segments)),
            "compared_per_query": round(sum(one.distances for one in explained) / asked, 1),
            "rescored_per_query": round(sum(one.rescored for one in explained) / asked, 1),
            "fallbacks": sum(one.fallbacks for one in explained),
            "payloads_read": sum(one.payloads_read for one in explained),
            **_wrong(collection, questions, ids, truth.k),
        }

    def _against(
        self, questions: Sequence[Question], k: int, truth: Truth, known: dict[str, Entry]
    ) -> Record:
        """What else there is to search with, each tuned, and how much longer ours takes than the best."""
        if not self._rivals:
            return {}
        asked = self._asked
        contest = Contest(self._groups.data, questions, truth, k, asked.target, asked.passes)
        with self._ready.timing():
            entries = contest.entries(self._ours, self._rivals, known)
        return {
            "entries": [one.record() for one in entries],
            "best": _best(entries).name,
            "regret": round(regret(entries), 3),
        }


def _best(entries: Sequence[Entry]) -> Entry:
    return min((one for one in entries if one.reached or one is entries[0]), key=lambda one: one.p50_us)


def _wrong(
    collection: Collection, questions: Sequence[Question], ids: np.ndarray[Any, Any], wanted: int
) -> Record:
    """What no recall excuses: rows that do not pass, too few of them, or a wrong count."""
    failing = sum(
        int((~np.isin(ids[one.queries][ids[one.queries] >= 0], one.rows)).sum()) for one in questions
    )
    few = sum(int(((ids[one.queries] >= 0).sum(axis=1) < wanted).sum()) for one in questions)
    miscounted = sum(collection.count(filter=one.filter) != len(one.rows) for one in questions)
    return {
        "rows_failing_filter": failing,
        "queries_with_too_few_rows": few,
        "filters_counted_wrong": miscounted,
    }


def _local(passing: Passing, rows: int) -> Record:
    share = passing.matches / rows
    return {
        "local_selectivity": round(passing.local, 6),
        "measured_correlation": round(measured_correlation(passing.local, share), 4),
    }


def _stage(passing: Passing) -> str:
    if passing.text is not None:
        return passing.text
    return f"{passing.selectivity * 100:g} %, correlation {passing.correlation:g}"
