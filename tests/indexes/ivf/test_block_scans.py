"""What is kept of chunks of blocks is what is nearest, however good the guess of a bound was."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numba import njit
from numpy.typing import NDArray

from vicinal.indexes.kernels.block_scans import CHUNK_BLOCKS, SAMPLED, keep_chunk
from vicinal.indexes.kernels.fast_scan import BLOCK_ROWS
from vicinal.indexes.kernels.list_records import LISTS, SEARCH, view_lists, view_search
from vicinal.indexes.kernels.list_scans import room_for
from vicinal.indexes.kernels.memory import view_u64
from vicinal.indexes.kernels.reservoir import select_least
from vicinal.indexes.rows.addresses import address
from vicinal.indexes.rows.dense import aligned

CHUNK = CHUNK_BLOCKS * BLOCK_ROWS


@njit  # type: ignore[untyped-decorator]
def kept(
    lists_address: Any, search_address: Any, n_blocks: int, count: int, bound: Any, pool: int, met: Any
) -> Any:
    lists, search = view_lists(lists_address), view_search(search_address)
    keys = view_u64(search.keys, room_for(pool))
    return keep_chunk(lists, search, n_blocks, np.uint64(0), lists.n_entries, keys, count, bound, pool, met)


@njit  # type: ignore[untyped-decorator]
def least(keys: Any, count: int, wanted: int) -> None:
    select_least(keys, count, wanted)


def nearest_of(chunks: list[NDArray[np.float32]], pool: int) -> NDArray[np.int64]:
    """Return the entries that are kept of some chunks, one behind the other, ascending."""
    entries = sum(len(chunk) for chunk in chunks)
    buffers = {
        "chunk_near": aligned((CHUNK + BLOCK_ROWS,), np.float32),
        "chunk_entries": aligned((CHUNK_BLOCKS,), np.int64),
        "sample": aligned((SAMPLED,), np.uint64),
        "keys": aligned((int(room_for.py_func(pool)),), np.uint64),
    }
    lists, search = np.zeros(1, LISTS), np.zeros(1, SEARCH)
    members = np.arange(entries, dtype=np.uint32)
    lists["members"], lists["n_entries"] = address(members), entries
    for name, buffer in buffers.items():
        search[name] = address(buffer)
    count, bound, begin, met = 0, np.float32(np.inf), 0, np.zeros(2, np.int64)
    for chunk in chunks:
        n_blocks = -(-len(chunk) // BLOCK_ROWS)
        near = buffers["chunk_near"][: n_blocks * BLOCK_ROWS]
        near[:] = np.inf
        near[: len(chunk)] = chunk
        buffers["chunk_entries"][:n_blocks] = begin + BLOCK_ROWS * np.arange(n_blocks)
        count, bound = kept(address(lists), address(search), n_blocks, count, np.float32(bound), pool, met)
        begin += len(chunk)
    if count > pool:
        least(buffers["keys"], count, pool)
    return np.sort(buffers["keys"][: min(count, pool)] & 0xFFFFFFFF).astype(np.int64)


def chunks_of(order: str) -> list[NDArray[np.float32]]:
    rng = np.random.default_rng(1)
    drawn = [rng.standard_normal(n).astype(np.float32) for n in (CHUNK, 40, CHUNK, 1000)]
    if order == "rising":
        return [np.sort(chunk) for chunk in drawn]
    if order == "falling":
        return [-np.sort(-chunk) for chunk in drawn]
    if order == "equal":
        return [np.zeros_like(chunk) for chunk in drawn]
    if order == "misleading":
        # What is sampled is nearer than all else: the guess is below nearly everything.
        for chunk in drawn:
            chunk[np.arange(SAMPLED) * len(chunk) // SAMPLED] -= 100
    return drawn


@pytest.mark.parametrize("order", ["random", "rising", "falling", "equal", "misleading"])
@pytest.mark.parametrize("pool", [1, 45, 300, 700, 5000, 20_000])
def test_the_nearest_are_kept(order: str, pool: int) -> None:
    chunks = chunks_of(order)
    near = np.concatenate(chunks)
    expected = np.sort(np.argsort(near, kind="stable")[:pool])
    found = nearest_of(chunks, pool)
    if order == "equal":
        # Which of those at the bound are kept depends on nothing but their order.
        assert len(found) == len(np.unique(found)) == min(pool, len(near))
    else:
        np.testing.assert_array_equal(found, expected)
