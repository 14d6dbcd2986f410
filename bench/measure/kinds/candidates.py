"""How many candidates an index must bring so that exact scores find what is nearest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.table import Table

from ...comparison.equal_recall import row_numbers
from ...comparison.halves import Half
from ...datasets.multi.dataset import MultiDataset
from ...multi_peers.vicinal import CANDIDATES, VicinalSearcher
from ...peers import Build, Effort
from ...report.tables import NOTHING, table
from ..measurement import Record

LEVELS = (0.80, 0.95)
# Of MS MARCO, by encodings of 10,240 dimensions; for 95 % of the very nearest, and by how many dimensions.
PAPER = ("60", "75-300")


def candidate_records(
    searcher: VicinalSearcher, build: Build, efforts: Sequence[Effort], half: Half[MultiDataset]
) -> list[Record]:
    """Search with ever more candidates, those efforts that say how many; what each brings is a record."""
    asked, records = half.asked(searcher), []
    for effort in efforts:
        told = effort.parameters.get("effort", {})
        if CANDIDATES not in told:
            continue
        explained = searcher.collection.explain(asked, k=half.k, **effort.parameters)
        ids = row_numbers(searcher, list(explained.hits.ids), half.k)
        records.append(
            {
                "part": "candidates",
                "k": half.k,
                "engine": "vicinal",
                "build": build.label,
                "effort": effort.label,
                "documents": half.data.rows,
                "scored": round(explained.rescored / explained.queries, 2),
                "recall": round(half.recall(ids), 5),
            }
        )
    return records


def needed(records: Sequence[Record], level: float) -> float | None:
    """Return how many candidates reach a recall, between two that were tried; None if none do."""
    scored = np.log([one["scored"] for one in records])
    recalls = np.maximum.accumulate([one["recall"] for one in records])
    place = int(np.searchsorted(recalls, level))
    if place == len(recalls):
        return None
    if place == 0:
        return float(np.exp(scored[0]))
    below, above = recalls[place - 1], recalls[place]
    share = (level - below) / (above - below)
    return float(np.exp(scored[place - 1] + share * (scored[place] - scored[place - 1])))


def candidates_table(records: Sequence[Record], k: int) -> Table:
    """Candidates needed of every build for each level of recall, beside the paper's."""
    rows = [["MUVERA's paper, MS MARCO", *PAPER]]
    for build in dict.fromkeys(one["build"] for one in records):
        own = [one for one in records if one["build"] == build]
        rows.append([build, *(_words(needed(own, level), own[0]["documents"]) for level in LEVELS)])
    columns = ("index", *(f"for {level:.0%} of the {k} nearest" for level in LEVELS))
    return table("Candidates scored exactly", columns, rows)


def _words(candidates: float | None, documents: int) -> str:
    if candidates is None:
        return NOTHING
    # So few documents may have no index, or none that brings fewer.
    return f"all {documents:,}" if round(candidates) >= documents else f"{candidates:,.0f}"
