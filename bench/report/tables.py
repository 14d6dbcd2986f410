"""Result tables for a terminal, in human units."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.table import Table

from ..comparison.pareto import LEVELS, AtRecall, best_at, pareto_front
from ..comparison.sweep import AtEffort, Built, group_points
from ..datasets import Dataset
from ..datasets.multi.dataset import MultiDataset
from ..datasets.sparse_dataset import SparseDataset

NOTHING = "-"


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """A table whose first column is text and whose others are figures."""
    made = Table(title=title, title_justify="left")
    for place, column in enumerate(columns):
        made.add_column(column, justify="left" if place == 0 else "right", no_wrap=place == 0)
    for row in rows:
        made.add_row(*row)
    return made


def grid(
    title: str, rows: Sequence[str], columns: Sequence[str], cells: Mapping[tuple[str, str], str]
) -> Table:
    """A table of what is known at a row and a column, by their names; the first column has those of rows."""
    lines = [[row, *(cells.get((row, column), NOTHING) for column in columns)] for row in rows]
    return table(title, ["", *columns], lines)


class _Unknown:
    """A figure that is not known, in whatever form figures are shown."""

    def __format__(self, form: str) -> str:
        return NOTHING


def records_table(title: str, columns: Mapping[str, str], records: Iterable[Mapping[str, Any]]) -> Table:
    """A table of a row a record; the columns are format strings over its keys."""
    known = ({key: _Unknown() if value is None else value for key, value in one.items()} for one in records)
    return table(title, list(columns), [[form.format_map(one) for form in columns.values()] for one in known])


def seconds(value: float) -> str:
    """A duration in the unit that reads best."""
    if value >= 100:
        return f"{value:,.0f} s"
    if value >= 1:
        return f"{value:.1f} s"
    return f"{value * 1e3:.1f} ms" if value >= 1e-3 else f"{value * 1e6:.1f} us"


def size(value: float) -> str:
    """A number of bytes in the unit that reads best."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024 or unit == "GiB":
            return f"{value:,.0f} {unit}" if unit == "B" else f"{value:,.1f} {unit}"
        value /= 1024
    raise AssertionError("unreachable")


def count(value: float | None) -> str:
    """A number that an engine may not tell."""
    return NOTHING if value is None else f"{value:,.0f}"


def plural(number: int, noun: str) -> str:
    """A number with its noun."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def describe(dataset: Dataset) -> str:
    """The dataset in one line."""
    line = (
        f"{dataset.name}: {dataset.rows:,} x {dataset.dim}, {dataset.metric}, "
        f"{len(dataset.queries):,} queries, hash {dataset.content_hash}"
    )
    return f"{line} ({dataset.note})" if dataset.note else line


def describe_sparse(dataset: SparseDataset) -> str:
    """Sparse data in one line."""
    documents, queries = dataset.documents, dataset.queries
    line = (
        f"{dataset.name}: {len(documents):,} documents of {documents.nonzeros / len(documents):.1f} terms, "
        f"{len(queries):,} queries of {queries.nonzeros / len(queries):.1f}, hash {dataset.content_hash}"
    )
    return f"{line} ({dataset.note})" if dataset.note else line


def describe_multi(dataset: MultiDataset) -> str:
    """Multi-vectors in one line."""
    documents, queries = dataset.documents, dataset.queries
    tokens, asked = (len(rows.tokens) / len(rows) for rows in (documents, queries))
    line = (
        f"{dataset.name}: {len(documents):,} documents of {tokens:.1f} tokens x {dataset.dim}, "
        f"{len(queries):,} queries of {asked:.1f}, hash {dataset.content_hash}"
    )
    return f"{line} ({dataset.note})" if dataset.note else line


def builds_table(builds: Sequence[Built]) -> Table:
    """Build time, and bytes a vector in memory and on the disk."""
    rows = [[b.label, seconds(b.build_seconds), *_bytes_a_vector(b)] for b in builds]
    return table("Builds, all cores; bytes a vector", ("build", "time", "in memory", "on disk"), rows)


def _bytes_a_vector(built: Built) -> tuple[str, str]:
    return f"{built.memory_per_vector:,.0f}", f"{built.disk_per_vector:,.0f}"


def front_table(points: Sequence[AtEffort], k: int, threads: int) -> Table:
    """The Pareto front of every engine over all of its builds."""
    rows = []
    for builds in group_points(points).values():
        for point in pareto_front(point for several in builds.values() for point in several):
            record = point.record()
            rows.append(
                [
                    point.built.label,
                    *_bytes_a_vector(point.built),
                    point.effort.label,
                    f"{point.recall:.4f}",
                    f"{point.seconds * 1e6:.1f}",
                    f"{point.least_seconds * 1e6:.1f}",
                    f"{1 / point.seconds:,.0f}",
                    *(f"{record[name]:.1f}" for name in ("p50_us", "p95_us", "p99_us")),
                    count(point.work.distances),
                    NOTHING if point.work.bytes_touched is None else size(point.work.bytes_touched),
                ]
            )
    title = (
        f"Pareto front, batches on {plural(threads, 'thread')}; bytes a vector in memory and on disk; "
        "p50 to p99 of single queries in us"
    )
    columns = (
        "build",
        "memory",
        "disk",
        "effort",
        f"recall@{k}",
        "us/query",
        "least",
        "queries/s",
        "p50",
        "p95",
        "p99",
    )
    return table(title, (*columns, "distances", "bytes touched"), rows)


def equal_recall_table(points: Sequence[AtEffort]) -> Table:
    """Time at equal recall of every engine, and how many times faster the first one is."""
    groups = group_points(points)
    ours = next(iter(groups))
    columns = ["engine"]
    for level in LEVELS:
        columns += [f"us at {level:.2f}", "build", "bytes", f"{ours} is"]
    rows = []
    for peer, builds in groups.items():
        row = [peer]
        for level in LEVELS:
            row += _compared(best_at(builds, level), best_at(groups[ours], level), builds)
        rows.append(row)
    title = (
        "At equal recall (interpolated between neighbouring points, never beyond); bytes a vector in memory"
    )
    return table(title, columns, rows)


def _compared(
    at: AtRecall | None, ours: AtRecall | None, builds: Mapping[str, Sequence[AtEffort]]
) -> list[str]:
    """An engine's best at a recall: its time, build and bytes, and how many times faster ours is."""
    if at is None:
        return [NOTHING] * 4
    memory = builds[at.build][0].built.memory_per_vector
    times = NOTHING if ours is None else f"{at.seconds / ours.seconds:.2f}x"
    return [f"{at.seconds * 1e6:.1f}", at.build, f"{memory:,.0f}", times]


def equal_memory_table(points: Sequence[AtEffort]) -> Table:
    """Each build of the first engine beside the best of all others that keeps no more bytes a vector."""
    groups = group_points(points)
    ours, *others = groups
    columns = [f"{ours}'s build", "bytes"]
    for level in LEVELS:
        columns += [f"us at {level:.2f}", "best of the others", "us", "bytes", f"{ours} is"]
    rows = []
    for label, found in groups[ours].items():
        most = found[0].built.memory_per_vector
        small = {
            several[0].built.label: several
            for peer in others
            for several in groups[peer].values()
            if several[0].built.memory_per_vector <= most
        }
        row = [label, f"{most:,.0f}"]
        for level in LEVELS:
            own = best_at({label: found}, level)
            time, build, size_of_it, times = _compared(best_at(small, level), own, small)
            row += [NOTHING if own is None else f"{own.seconds * 1e6:.1f}", build, time, size_of_it, times]
        rows.append(row)
    return table("At equal recall and no more bytes a vector in memory", columns, rows)
