"""What an index of multi-vectors keeps in memory, measured where nothing else was built before."""

from __future__ import annotations

import gc
import os
import tempfile
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np

from ...indexes.rows.multi import MultiRows
from ..datasets.multi.dataset import MultiDataset, part_of
from ..harness.machine import resident_bytes
from ..harness.one_thread import in_one_thread
from ..multi_peers import MultiPeer, MultiSearcher
from ..peers import Build, Effort

# An index of so many rows is built first, of all kinds, so that code is loaded that searches load.
_WARM_ROWS, _WARM_TOKENS = 2_100, 2


def resident_growth(
    peer: Callable[[], MultiPeer], data: MultiDataset, build: Build, folder: Path, effort: Effort, k: int
) -> int | None:
    """Return the bytes by which a new process grows that opens an index and answers all queries.

    Pages of mapped files count as far as they were read; None where the system does not tell, or the
    process did not live to tell.

    Parameters
    ----------
    peer : callable
        Makes the adapter in the new process.
    """
    documents = part_of(data.documents, 0, 1)
    # The documents themselves are not read.
    alone = MultiRows(np.array(documents.offsets), np.array(documents.tokens))
    asked = MultiDataset(data.name, alone, data.queries)
    try:
        return in_one_thread(_growth, peer, asked, build, folder, effort, k)
    except BrokenProcessPool:
        return None


def _growth(
    make: Callable[[], MultiPeer], data: MultiDataset, build: Build, folder: Path, effort: Effort, k: int
) -> int | None:
    peer, pid = make(), os.getpid()
    with tempfile.TemporaryDirectory() as small:
        rng = np.random.default_rng(0)
        shape = (_WARM_ROWS * _WARM_TOKENS, data.dim)
        tokens = rng.standard_normal(shape).astype(data.documents.tokens.dtype)
        offsets = np.arange(0, len(tokens) + 1, _WARM_TOKENS)
        few = MultiDataset(data.name, MultiRows(offsets, tokens), data.queries[:1])
        peer.prepare(few, build, Path(small), Path(small))
        peer.build(few, build, Path(small), Path(small))()
        _answer(peer, few, build, Path(small), effort, k).close()
    gc.collect()
    before = resident_bytes(pid)
    searcher = _answer(peer, data, build, folder, effort, k)
    after = resident_bytes(pid)
    searcher.close()
    return None if before is None or after is None else after - before


def _answer(
    peer: MultiPeer, data: MultiDataset, build: Build, folder: Path, effort: Effort, k: int
) -> MultiSearcher:
    """Answer all queries and return what has answered them, still open."""
    searcher = peer.open(data, build, folder)
    search = searcher.search(effort, k)
    for number in range(len(data.queries)):
        search(searcher.asked(*data.query(number)))
    gc.collect()
    return searcher
