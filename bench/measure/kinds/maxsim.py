"""MaxSim of one query with documents in memory: every element, NumPy, and what the machine can do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from rich.table import Table

import vicinal

from ....engine.errors import InvalidArgument
from ....engine.progress import silent
from ....indexes.exact.multi import MultiScan
from ....indexes.rows.element import Element
from ....indexes.rows.multi import MultiRows, encoded
from ...comparison.kept_builds import noting_failure, opened
from ...datasets.multi.dataset import MultiDataset
from ...harness.multiply_adds import multiply_adds_per_second
from ...harness.one_thread import in_one_thread
from ...harness.scratch import scratch_folder
from ...harness.timing import interleaved, timed
from ...multi_peers import MultiPeer
from ...multi_peers.peer import SCAN
from ...report.tables import records_table
from ..measurement import Record

TOKENS, DIM, ASKED, K = 80, 128, 32, 10
# Passes over all of them in turn, for each repetition asked for.
PASSES = 10


def kernel_records(documents: int, repetitions: int) -> list[Record]:
    """Compare a query with so many documents in a process of one thread.

    A record has microseconds a document, the median and the least of all passes, and multiply-adds a second
    with their share of what the machine does in registers, by the least. The first record is NumPy's.
    """
    return in_one_thread(_records, documents, PASSES * repetitions)


def peer_records(
    peers: Sequence[MultiPeer], documents: int, repetitions: int, best: float, scratch: Path
) -> tuple[list[Record], list[str]]:
    """Compare a query with the same documents by every engine that can compare it with all of them.

    Returns
    -------
    records : list
    failed : list of str
        What engines raised meanwhile.
    """
    data, records = compared(documents), []
    failed: list[str] = []
    for peer in peers:
        for build in peer.builds(data):
            if build.label != SCAN:
                continue
            with (
                noting_failure(failed, peer, build),
                scratch_folder(scratch) as folder,
                opened(peer, data, build, folder, silent) as (_, searcher),
            ):
                search = searcher.search(peer.efforts(build)[0], K)
                asked = searcher.asked(*data.query(0))
                search(asked)
                seconds = [timed(partial(search, asked)) for _ in range(PASSES * repetitions)]
                records.append(_record(peer.name, documents, seconds, best))
    return records, failed


def compared(documents: int) -> MultiDataset:
    """Return a query of 32 tokens and so many documents of 80, of float32 and unit length."""
    rng = np.random.default_rng(0)
    sizes = (documents * TOKENS, ASKED)
    given, asked = (rng.standard_normal((size, DIM), dtype=np.float32) for size in sizes)
    for tokens in (given, asked):
        tokens /= np.linalg.norm(tokens, axis=1)[:, None]
    rows = MultiRows(np.arange(0, len(given) + 1, TOKENS), given)
    return MultiDataset("compared", rows, MultiRows(np.array([0, ASKED]), asked))


def stored_elements() -> list[Element]:
    """Return what tokens of a multi-vector field can be made of."""
    return [element for element in Element if _can_be_stored(element)]


def kernels_table(records: Sequence[Record]) -> Table:
    """The records beside each other."""
    columns = {
        "MaxSim by": "{engine}",
        "us a document": "{us_a_document:.2f}",
        "least": "{least_us_a_document:.2f}",
        "10^9 multiply-adds/s": "{giga_multiply_adds:.1f}",
        "of the machine's": "{share_of_peak:.0%}",
        "documents": "{documents:,}",
    }
    best = records[0]["peak_giga_multiply_adds"]
    title = (
        f"One query of {ASKED} tokens with documents of {TOKENS} x {DIM} in memory, one thread; "
        f"the machine does {best:.1f}e9 multiply-adds of float32 a second in registers"
    )
    return records_table(title, columns, records)


def _can_be_stored(element: Element) -> bool:
    try:
        vicinal.Multi(DIM, element=element)
    except InvalidArgument:
        return False
    return True


def _records(documents: int, passes: int) -> list[Record]:
    data = compared(documents)
    given, offsets = data.documents.tokens, data.documents.offsets
    asked = data.queries.tokens.T

    def by_numpy() -> object:
        return np.maximum.reduceat(given @ asked, offsets[:-1], axis=0).sum(axis=1)

    calls: dict[str, Callable[[], object]] = {"NumPy": by_numpy}
    for element in stored_elements():
        tokens, scales = encoded(given, element)
        scan = MultiScan(MultiRows(offsets, tokens, scales=scales, dim=DIM))
        calls[f"vicinal {element.value}"] = partial(scan.search, data.queries, K)
    for call in calls.values():
        call()
    best = multiply_adds_per_second()
    seconds = interleaved(calls, passes)
    best = max(best, multiply_adds_per_second())
    return [_record(name, documents, spent, best) for name, spent in seconds.items()]


def _record(engine: str, documents: int, seconds: Sequence[float], best: float) -> Record:
    reached = documents * TOKENS * DIM * ASKED / min(seconds)
    return {
        "part": "kernels",
        "engine": engine,
        "documents": documents,
        "us_a_document": round(float(np.median(seconds)) / documents * 1e6, 4),
        "least_us_a_document": round(min(seconds) / documents * 1e6, 4),
        "giga_multiply_adds": round(reached / 1e9, 3),
        "share_of_peak": round(reached / best, 4),
        "peak_giga_multiply_adds": round(best / 1e9, 3),
    }
