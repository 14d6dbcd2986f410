"""Builds the pruned posting lists of Seismic and cuts each into blocks with summaries."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..protocol import BuildJob
from ..rows.addresses import address
from .forward import Forward
from .terms import Terms

# A list keeps so many rows whatever their weights, so that a search for any term of its query fills a page.
LEAST_POSTINGS = 64
# Lists of so many postings are cut in one call of a kernel, after which one may be asked to stop.
_CHUNK_POSTINGS = 1 << 19
# Entries of summaries that a posting brings, at first guess.
_ENTRIES_A_POSTING = 8
# Entries of summaries of one part.
_MOST_KEYS = 1 << 16


def choose_postings(
    indptr: NDArray[np.int64],
    weights: NDArray[np.float32],
    terms: Terms,
    forward: Forward,
    n_postings: int,
    max_fraction: float,
) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """Return where each slot's list starts, and the rows of all lists.

    The ``n_terms * n_postings`` heaviest entries of all rows are kept, but no more of a term than
    ``max_fraction`` times ``n_postings``, and no fewer than 64 as long as there are any (Seismic's global
    threshold).
    """
    from ..kernels.blocking import choose_postings as scattered

    n_terms = len(terms.numbers)
    most = max(LEAST_POSTINGS, int(max_fraction * n_postings))
    # at_least[s, c]: rows that hold slot s with code c or more.
    at_least = np.cumsum(forward.histogram[:, ::-1], axis=1)[:, ::-1]
    budget = n_terms * n_postings - int(terms.frequencies[len(at_least) :].sum())
    least = _least_codes(at_least, forward.steps[: len(at_least)], budget, most)
    # A code is taken whole or up to a quota, so that lists end exactly where they should.
    kept = np.take_along_axis(at_least, least[:, None], axis=1)[:, 0]
    wanted = np.clip(kept, np.minimum(at_least[:, 1], LEAST_POSTINGS), most)
    least = np.maximum(256 - 1 - np.argmax(at_least[:, ::-1] >= wanted[:, None], axis=1), 1)
    above = np.where(
        least < 255, np.take_along_axis(at_least, np.minimum(least + 1, 255)[:, None], 1)[:, 0], 0
    )
    lengths, codes, quota = terms.frequencies.copy(), np.ones(n_terms, np.int64), terms.frequencies.copy()
    lengths[: len(wanted)], codes[: len(least)], quota[: len(wanted)] = wanted, least, wanted - above
    starts = np.zeros(n_terms + 1, np.int64)
    np.cumsum(lengths, out=starts[1:])
    chosen, places = np.empty(int(starts[-1]), np.uint32), starts.copy()
    scattered(
        address(indptr),
        address(terms.places),
        address(weights),
        len(indptr) - 1,
        len(weights),
        address(terms.slots),
        len(terms.slots),
        address(forward.steps),
        n_terms,
        codes,
        quota,
        places,
        address(chosen),
    )
    return starts, chosen


def _least_codes(
    at_least: NDArray[np.int64], steps: NDArray[np.float32], budget: int, most: int
) -> NDArray[np.int64]:
    """Return the least code of each slot under one threshold that leaves about ``budget`` entries."""
    low, high = 0.0, float(steps.max(initial=0)) * 256

    def codes(threshold: float) -> NDArray[np.int64]:
        least: NDArray[np.int64] = np.clip(np.ceil(threshold / steps), 1, 255).astype(np.int64)
        return least

    for _ in range(40):
        middle = (low + high) / 2
        kept = np.take_along_axis(at_least, codes(middle)[:, None], axis=1)[:, 0]
        if int(np.minimum(kept, most).sum()) > budget:
            low = middle
        else:
            high = middle
    return codes(high)


def build_blocks(
    forward: Forward,
    starts: NDArray[np.int64],
    postings: NDArray[np.uint32],
    *,
    longest: int,
    centroid_fraction: float,
    min_cluster_size: int,
    max_block_size: int,
    summary_energy: float,
    job: BuildJob,
    threads: int,
) -> dict[str, NDArray[Any]]:
    """Return the arrays of the blocks; ``postings`` are put in their order."""
    record = forward.record()
    n_lists = len(starts) - 1
    chunks, first = [], 0
    while first < n_lists:
        last = int(np.searchsorted(starts, starts[first] + _CHUNK_POSTINGS, side="right")) - 1
        chunks.append((first, min(max(last, first + 1), n_lists)))
        first = chunks[-1][1]

    def cut(bounds: tuple[int, int]) -> tuple[NDArray[Any], ...]:
        return _cut_lists(
            forward,
            record,
            starts,
            postings,
            bounds,
            (centroid_fraction, min_cluster_size, max_block_size, summary_energy, job.seed, longest),
        )

    parts: dict[tuple[int, int], tuple[NDArray[Any], ...]] = {}
    with ThreadPoolExecutor(threads) as pool:
        waiting = {pool.submit(cut, chunk): chunk for chunk in chunks}
        try:
            for done in as_completed(waiting):
                parts[waiting[done]] = done.result()
                job.progress(len(parts) / len(chunks))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return _joined([parts[chunk] for chunk in chunks])


def _cut_lists(
    forward: Forward,
    record: NDArray[Any],
    starts: NDArray[np.int64],
    postings: NDArray[np.uint32],
    bounds: tuple[int, int],
    how: tuple[Any, ...],
) -> tuple[NDArray[Any], ...]:
    from ..kernels.blocking import build_blocks

    first, last = bounds
    count = int(starts[last] - starts[first])
    room = max(1 << 16, count * _ENTRIES_A_POSTING)
    kept = postings[starts[first] : starts[last]].copy()
    while True:
        list_parts, ends = np.empty(last - first, np.int64), np.empty(count, np.uint32)
        parts = np.empty((3, count), np.int64)
        tables, pairs = np.empty(room, np.uint32), np.empty(room, np.uint16)
        keys, spare = np.empty(_MOST_KEYS, np.uint64), np.empty(_MOST_KEYS, np.uint64)
        n_blocks, n_parts = build_blocks(
            address(record),
            address(forward.steps),
            address(forward.heaviest),
            starts,
            address(postings),
            first,
            last,
            *how,
            list_parts,
            ends,
            *parts,
            tables,
            pairs,
            keys,
            spare,
        )
        if n_blocks >= 0:
            break
        # Lists that were cut lie in another order, in which a list would be cut in another way.
        postings[starts[first] : starts[last]] = kept
        room *= 2
    parts = parts[:, :n_parts]
    n_tables, n_pairs = (int(part[-1]) if n_parts else 0 for part in parts[1:])
    counts = np.diff(parts, axis=1, prepend=0)
    return list_parts, ends[:n_blocks].copy(), *counts, tables[:n_tables].copy(), pairs[:n_pairs].copy()


def _joined(parts: list[tuple[NDArray[Any], ...]]) -> dict[str, NDArray[Any]]:
    list_parts, ends, blocks, tables, pairs, table, pair = ([part[i] for part in parts] for i in range(7))
    return {
        "list_parts": _offsets(list_parts),
        "part_blocks": _offsets(blocks),
        "part_tables": _offsets(tables),
        "part_pairs": _offsets(pairs),
        "block_ends": np.concatenate([*ends, np.empty(0, np.uint32)]),
        "summaries": np.concatenate([*table, np.empty(0, np.uint32)]),
        "pairs": np.concatenate([*pair, np.empty(0, np.uint16)]),
    }


def _offsets(counts: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    joined = np.concatenate([*counts, np.empty(0, np.int64)])
    offsets = np.zeros(len(joined) + 1, np.int64)
    np.cumsum(joined, out=offsets[1:])
    return offsets
