"""`vicinal bench filtered`: filters of every selectivity, correlation and shape, beside other engines."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
import typer

from ....indexes.protocol import IndexSpec
from ...datasets import DatasetError
from ...filtered.cells import Matrix, Passing
from ...filtered.groups import grouped
from ...filtered.orders import CORRELATIONS, SELECTIVITIES, row_orders
from ...filtered.own import filtered_collection, forced_plans
from ...filtered.searcher import FilteredSearcher
from ...filtered.shapes import NATURAL, SHAPES, MadePayloads
from ...filtered_peers import find_filtered_peers
from ...harness.machine import cores
from ...harness.scratch import scratch_folder
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
from .measured_cells import MeasuredCells

if TYPE_CHECKING:
    pass

# Where there are more rows, values of all shapes for more groups would not fit into memory.
_MANY_ROWS = 250_000
_SEED = 41


def _texts(numbers: Sequence[float], times: float = 1) -> str:
    return ",".join(f"{number * times:g}" for number in numbers)


@dataclass(frozen=True)
class _Form:
    """What is measured unless something else is asked for."""

    ks: str
    selectivity: str
    correlation: str
    groups: int
    groups_of_many: int


_WHOLE = _Form("10,100", _texts(SELECTIVITIES, 100), _texts(CORRELATIONS), 4, 2)
_SHORT = _Form("10", "0.1,1,10,50", "-1,0,1", 2, 1)


@dataclass(frozen=True)
class FilteredMeasurement:
    """Recall and time under filters, by selectivity, correlation with the query, shape and k.

    One configuration for all cells: one index, asked for a recall. One thread.
    """

    name: ClassVar = "filtered"
    needs: ClassVar = Needs()
    dataset: DatasetOption = "sample"
    ks: Annotated[
        str | None, typer.Option("--k", help=f"Neighbours per query, separated by commas; {_WHOLE.ks}.")
    ] = None
    selectivity: Annotated[
        str | None, typer.Option(help=f"Percent of the rows that pass; {_WHOLE.selectivity}.")
    ] = None
    correlation: Annotated[
        str | None,
        typer.Option(
            help=f"Between passing a filter and being near the query, from -1 to 1; {_WHOLE.correlation}."
        ),
    ] = None
    shape: Annotated[str, typer.Option(help=f"Some of {', '.join(SHAPES)}.")] = ",".join(SHAPES)
    out: OutOption = OUT
    groups: Annotated[
        int | None,
        typer.Option(
            min=1,
            help=f"Groups of queries, each of which has filters of its own; {_WHOLE.groups}, or "
            f"{_WHOLE.groups_of_many} where there are more than {_MANY_ROWS:,} rows.",
        ),
    ] = None
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
    short: Annotated[
        bool,
        typer.Option(
            "--short",
            help=f"Unless others are given, k {_SHORT.ks}, {_SHORT.selectivity} percent, correlations "
            f"{_SHORT.correlation}, and half as many groups.",
        ),
    ] = False
    minutes: Annotated[
        float | None,
        typer.Option(
            min=0, help="Begin no further cell after so many minutes of measuring; they are drawn at random."
        ),
    ] = None
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
    def _form(self) -> _Form:
        return _SHORT if self.short else _WHOLE

    def _groups_of(self, rows: int) -> int:
        form = self._form
        return self.groups or (form.groups_of_many if rows > _MANY_ROWS else form.groups)

    @property
    def _ks(self) -> list[int]:
        return [int(k) for k in numbers_in("--k", self.ks or self._form.ks, 1, 10_000)]

    @property
    def _selectivities(self) -> list[float]:
        given = self.selectivity or self._form.selectivity
        return [share / 100 for share in numbers_in("--selectivity", given, 1e-6, 100)]

    @property
    def _correlations(self) -> list[float]:
        return numbers_in("--correlation", self.correlation or self._form.correlation, -1, 1)

    def run(self, ready: Prepared) -> Iterator[Finding]:
        """Make the filters, load the data with what they ask for, and measure each cell."""
        shapes = names_in(self.shape)
        made = [shape for shape in shapes if shape != NATURAL]
        if not made and not ready.data.fields:
            raise DatasetError(f"{ready.data.name} has no payload fields to filter on")
        ready.step("order the rows", 0.0)
        groups = grouped(ready.data, self._groups_of(ready.data.rows), self.group_size)
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
            cells = MeasuredCells(ready, groups, collection, rivals, self.target, self.passes)
            records: list[Record] = []
            until = math.inf
            if self.minutes is not None:
                until = time.monotonic() + 60 * self.minutes
                passing = [passing[i] for i in np.random.default_rng(_SEED).permutation(len(passing))]
            left = len(passing)
            for done, one in enumerate(passing):
                # One at least, so that there is something to show.
                if done and time.monotonic() > until:
                    break
                left -= 1
                ready.step(_stage(one), done / len(passing))
                truth = matrix.truth(one, self.k)
                asked = [NATURAL] if one.natural is not None else made
                records += cells.records(one, asked, self._ks, truth)
        cut = f"{left} of {len(passing)} sets of passing rows were left when time was over" if left else None
        yield Finding(
            records, filtered_tables(records, self.target), [*broken_notes(records, self.target), cut]
        )


def _stage(passing: Passing) -> str:
    if passing.text is not None:
        return passing.text
    return f"{passing.selectivity * 100:g} %, correlation {passing.correlation:g}"
