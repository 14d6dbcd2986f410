"""Entries of inverted lists in blocks of 32: how near those of many blocks are, then which of them are kept.

Between the two stands a guess of how near the farthest kept will be, from a sample of the nearnesses: most
entries that would be replaced by nearer ones later are never listed. What is kept is the same.
"""

from __future__ import annotations

import math

import numpy as np

from .bounds import first_bit
from .fast_scan import BLOCK_ROWS, near_rows, rows_below
from .kernel import inner
from .list_scans import is_allowed, room_for, thin_out
from .memory import view_f32, view_i64, view_u32, view_u64
from .reservoir import select_least
from .top import ascending, score_of

CHUNK_BLOCKS = 128
"""Blocks whose nearnesses, 16 KiB, are looked through together."""
SAMPLED = 256
"""Nearnesses of a sample."""

_BLOCK_FLOATS = np.uint64(4 * BLOCK_ROWS)
# More of a sample than is to be kept of what it stands for: seldom are fewer below the guess.
_MORE, _SPARED = 1.25, 4
_FARTHEST = np.float32(np.inf)


@inner
def measure_block(lists, search, block, entry, end, term, scale, place):
    """Store the nearnesses of the block at an address, of entries from ``entry`` on and before ``end``.

    They go to ``place`` of the chunk.
    """
    unit, shift, weight = scale
    skipped = np.uint64(4 * entry)
    out = search.chunk_near + np.uint64(place) * _BLOCK_FLOATS
    near_rows(
        block,
        search.tables,
        lists.groups,
        unit,
        shift,
        weight,
        term,
        lists.bias + skipped if lists.bias else search.zeros,
        lists.factors + skipped if lists.factors else search.ones,
        out,
    )
    near = view_f32(out, BLOCK_ROWS)
    for i in range(end - entry, BLOCK_ROWS):
        near[i] = _FARTHEST
    view_i64(search.chunk_entries, CHUNK_BLOCKS)[place] = entry


@inner
def keep_chunk(lists, search, n_blocks, allowed, n, keys, count, bound, pool, met):
    """Keep keys of the chunk's entries that are nearer than the bound; return how many, and the bound."""
    guess = bound
    # Beside entries that were kept before, enough below the guess would not make it a bound.
    if not count and not allowed:
        guess = _likely_bound(search, n_blocks, pool, bound)
    kept, nearest = _keep(lists, search, n_blocks, allowed, n, keys, count, guess, pool, met)
    if kept < pool and guess < bound:
        return _keep(lists, search, n_blocks, allowed, n, keys, count, bound, pool, met)
    return kept, nearest


@inner
def _likely_bound(search, n_blocks, wanted, bound):
    """Guess a nearness that ``wanted`` entries of the chunk and not many more are below."""
    lanes = n_blocks * BLOCK_ROWS
    place = math.ceil(_MORE * wanted * SAMPLED / lanes) + _SPARED
    if lanes < 2 * SAMPLED or place > SAMPLED // 2:
        return bound
    near, sample = view_f32(search.chunk_near, lanes), view_u64(search.sample, SAMPLED)
    for i in range(SAMPLED):
        sample[i] = np.uint64(ascending(near[i * lanes // SAMPLED])) << np.uint64(32) | np.uint64(i)
    select_least(sample, SAMPLED, place)
    return min(bound, score_of(sample[place - 1], False))


@inner
def _keep(lists, search, n_blocks, allowed, n, keys, count, bound, pool, met):
    members, words = view_u32(lists.members, lists.n_entries), view_u64(allowed, (n + 63) // 64)
    near, entries = (
        view_f32(search.chunk_near, n_blocks * BLOCK_ROWS),
        view_i64(search.chunk_entries, n_blocks),
    )
    for block in range(n_blocks):
        bits = np.uint64(rows_below(search.chunk_near + np.uint64(block) * _BLOCK_FLOATS, bound))
        while bits:
            place = first_bit(bits)
            bits &= bits - np.uint64(1)
            entry = np.uint64(entries[block]) + place
            if allowed:
                met[0] += 1
                if not is_allowed(words, np.uint64(members[entry])):
                    continue
                met[1] += 1
            value = near[np.uint64(block * BLOCK_ROWS) + place]
            keys[count] = np.uint64(ascending(value)) << np.uint64(32) | entry
            count += 1
        if count > room_for(pool) - BLOCK_ROWS:
            bound = thin_out(keys, count, pool)
            count = pool
    return count, bound
