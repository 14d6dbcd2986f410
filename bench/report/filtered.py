"""What `vicinal bench filtered` shows: a grid for each shape and k, and what holds over all cells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from rich.table import Table

from ..filtered.shapes import NATURAL
from .tables import NOTHING, grid, records_table, table

Record = dict[str, Any]
# How many times as long as the best a cell may take.
BOUND = 1.5
# From how many times the best on a grid names it.
TOLD = 1.1


def filtered_tables(records: Sequence[Record], target: float) -> list[Table]:
    """Return grids of selectivity by correlation, a list of natural filters, and what holds over all."""
    tables = []
    made = [one for one in records if one["shape"] != NATURAL]
    for shape, k in dict.fromkeys((one["shape"], one["k"]) for one in made):
        tables.append(_grid([one for one in made if (one["shape"], one["k"]) == (shape, k)], shape, k))
    if made:
        tables.append(_local_table(made))
    natural = [one for one in records if one["shape"] == NATURAL]
    if natural:
        tables.append(_natural_table(natural))
    beside = [_beside_table(records)] if any("entries" in one for one in records) else []
    return [*tables, *beside, _summary(records, target)]


def _grid(records: Sequence[Record], shape: str, k: int) -> Table:
    cells = {(_percent(one), _signed(one)): _cell(one) for one in records}
    told = "recall, of the worst tenth, us alone at p50, plan"
    if "regret" in records[0]:
        told += f", times the best from {TOLD}"
    return grid(f"{shape}, k {k}: {told}; by selectivity and correlation", *_axes(records), cells)


def _axes(records: Sequence[Record]) -> tuple[list[str], list[str]]:
    """Return the names of selectivities and of correlations, each ascending."""
    rows = sorted(records, key=lambda one: float(one["selectivity"]))
    columns = sorted(records, key=lambda one: float(one["correlation"]))
    return list(dict.fromkeys(map(_percent, rows))), list(dict.fromkeys(map(_signed, columns)))


def _percent(record: Record) -> str:
    return f"{record['selectivity'] * 100:g} %"


def _signed(record: Record) -> str:
    return f"{record['correlation']:+g}" if record["correlation"] else "0"


def _cell(record: Record) -> str:
    text = "{recall:.3f} {worst_tenth_recall:.2f} {p50_us:,.0f} {plan}".format_map(record)
    if record.get("regret", 0) < TOLD:
        return text
    return f"{text} {record['regret']:.2f}x {record['best']}"


def _local_table(records: Sequence[Record]) -> Table:
    """Show how selective filters are near the queries."""
    cells = {(_percent(one), f"{one['correlation']:+g}"): _near(one) for one in records}
    rows, columns = (list(dict.fromkeys(names)) for names in zip(*sorted(cells, key=_place), strict=True))
    columns.sort(key=float)
    return grid(
        "Percent that pass of the rows nearest to a query, measured correlation", rows, columns, cells
    )


def _place(cell: tuple[str, str]) -> tuple[float, float]:
    return float(cell[0].split()[0]), float(cell[1])


def _near(record: Record) -> str:
    return f"{record['local_selectivity'] * 100:.3g} {record['measured_correlation']:+.2f}"


def _natural_table(records: Sequence[Record]) -> Table:
    columns = {
        "filter": "{filter}",
        "k": "{k}",
        "share": "{share:.2%}",
        "near": "{local_selectivity:.2%}",
        "recall": "{recall:.4f}",
        "worst tenth": "{worst_tenth_recall:.3f}",
        "us alone": "{p50_us:.1f}",
        "us/query": "{us_per_query:.1f}",
        "compared": "{compared_per_query:,.0f}",
        "plan": "{plan}",
    }
    if "regret" in records[0]:
        columns |= {"times the best": "{regret:.2f}", "best": "{best}"}
    return records_table("Filters on the data's own fields", columns, records)


def _beside_table(records: Sequence[Record]) -> Table:
    """Show each other way to search: where it reaches the recall, and how much longer ours takes there."""
    rows = []
    compared = [(one, entry) for one in records for entry in one.get("entries", [])[1:]]
    for name in dict.fromkeys(entry["name"] for _, entry in compared):
        found = [(one, entry) for one, entry in compared if entry["name"] == name]
        there = [(one, entry) for one, entry in found if entry["reached"]]
        alone = [one["entries"][0]["p50_us"] / entry["p50_us"] for one, entry in there]
        shared = [one["us_per_query"] / entry["p50_us"] for one, entry in there]
        figures = [NOTHING] * 4
        if there:
            figures = [
                f"{times:.2f}" for times in (np.median(alone), max(alone), min(alone), np.median(shared))
            ]
        rows.append([name, f"{len(found)}", f"{len(there)}", *figures])
    columns = ["beside", "cells", "reached", "ours takes, median", "most", "least", "ours in batches, median"]
    return table("Times the p50 of each, where it reaches the recall", columns, rows)


def _summary(records: Sequence[Record], target: float) -> Table:
    rows = []
    for shape, k in dict.fromkeys((one["shape"], one["k"]) for one in records):
        found = [one for one in records if (one["shape"], one["k"]) == (shape, k)]
        worst = min(found, key=lambda one: float(one["recall"]))
        rows.append(
            [
                f"{shape}, k {k}",
                f"{len(found)}",
                f"{sum(one['recall'] < target for one in found)}",
                f"{worst['recall']:.4f}",
                _where(worst),
                f"{min(one['worst_tenth_recall'] for one in found):.3f}",
                f"{np.median([one['p50_us'] for one in found]):.0f}",
                f"{max(one['p50_us'] for one in found):,.0f}",
                *_regrets(found),
            ]
        )
    columns = ["cells", "", f"below {target:g}", "least recall", "where", "worst tenth", "us, median", "most"]
    return table("Over all cells", [*columns, f"over {BOUND}x the best", "most", "where"], rows)


def _regrets(records: Sequence[Record]) -> list[str]:
    if "regret" not in records[0]:
        return [NOTHING] * 3
    worst = max(records, key=lambda one: float(one["regret"]))
    over = sum(one["regret"] > BOUND for one in records)
    return [f"{over}", f"{worst['regret']:.2f}", f"{_where(worst)}, {worst['best']}"]


def _where(record: Record) -> str:
    if record["shape"] == NATURAL:
        return str(record["filter"])
    return f"{_percent(record)}, {_signed(record)}"


def broken_notes(records: Sequence[Record], target: float) -> list[str | None]:
    """What to tell the reader of wrong answers, of cells below the recall asked for, and of slow ones."""
    return [*_broken(records, target)]


def _broken(records: Sequence[Record], target: float) -> Iterator[str]:
    wrong = [one for one in records if _is_wrong(one)]
    if wrong:
        named = ", ".join(dict.fromkeys(f"{one['shape']} {_where(one)}" for one in wrong))
        yield f"wrong rows, too few or a wrong count under {named}"
    low = sum(one["recall"] < target for one in records)
    if low:
        yield f"recall below {target:g} in {low} of {len(records)} cells"
    slow = sum(one.get("regret", 0) > BOUND for one in records)
    if slow:
        yield f"more than {BOUND} times the best in {slow} of {len(records)} cells"


def _is_wrong(record: Record) -> bool:
    found = ("rows_failing_filter", "queries_with_too_few_rows", "filters_counted_wrong")
    return any(record[name] for name in found)
