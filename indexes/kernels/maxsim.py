"""Exact MaxSim: for each query token the best of a row's tokens, summed."""

from __future__ import annotations

import numpy as np

from .float_scores import FLOAT16_DOT, FLOAT32_DOT, float16_dots, float32_dots
from .kernel import entry_point, inner
from .memory import view_f32, view_i64, view_u8, view_u32, view_u64
from .scan import write_result
from .top import clear_heap, key_of, replace_largest, sort_heap

_CHUNK = 16
_HIGHER_IS_NEARER = np.bool_(True)
_NO_ROW = np.uint32(0xFFFFFFFF)


@inner
def copy_padded(source, target, used, size, count):
    """Copy ``count`` tokens of ``used`` bytes to places of ``size`` bytes, zeros behind each."""
    tokens, padded = view_u8(source, used * count), view_u8(target, size * count)
    for t in range(count):
        for i in range(used):
            padded[t * size + i] = tokens[t * used + i]
        for i in range(used, size):
            padded[t * size + i] = 0


@inner
def row_score(
    kind, tokens, token_bytes, start, stop, queries, query_bytes, n_query, chunks, best, block, out
):
    """Return the MaxSim of tokens ``start`` to ``stop`` of the row and the padded query tokens."""
    raw = view_f32(out, 4)
    padded_bytes = chunks * _CHUNK * (2 if kind == FLOAT16_DOT else 4)
    for q in range(n_query):
        best[q] = np.float32(-np.inf)
    for first in range(start, stop, 4):
        count = min(4, stop - first)
        base = tokens + np.uint64(first * token_bytes)
        if padded_bytes != token_bytes:
            copy_padded(base, block, token_bytes, padded_bytes, count)
            base = block
        size = np.uint64(padded_bytes)
        b, c, d = np.uint64(min(1, count - 1)), np.uint64(min(2, count - 1)), np.uint64(min(3, count - 1))
        for q in range(n_query):
            at = queries + np.uint64(q * query_bytes)
            second, third, fourth = base + b * size, base + c * size, base + d * size
            if kind == FLOAT16_DOT:
                float16_dots(base, second, third, fourth, at, chunks, out)
            else:
                float32_dots(base, second, third, fourth, at, chunks, out)
            best[q] = max(best[q], max(max(raw[0], raw[1]), max(raw[2], raw[3])))
    total = np.float32(0.0)
    for q in range(n_query):
        total += best[q]
    return total


@entry_point("maxsim scan")
def scan_maxsim(
    kind,
    width,
    offsets,
    tokens,
    n_rows,
    query_offsets,
    query_tokens,
    n_queries,
    k,
    lo,
    hi,
    listed,
    padded,
    best_address,
    block,
    heap_address,
    found,
    scores,
):
    """Find the ``k`` rows, of ``lo`` to ``hi`` or of ``listed[lo:hi]``, of the largest MaxSim.

    ``padded``, ``best_address`` and ``block`` are scratch: the longest query with its tokens padded, a float
    for each of its tokens, and four padded tokens with 16 bytes behind them.
    """
    starts, query_starts = view_i64(offsets, n_rows + 1), view_i64(query_offsets, n_queries + 1)
    chunks = (width + _CHUNK - 1) // _CHUNK
    query_bytes, token_bytes = chunks * _CHUNK * 4, width * (2 if kind == FLOAT16_DOT else 4)
    out = block + np.uint64(4 * chunks * _CHUNK * 4)
    rows, heap = view_u32(listed, hi), view_u64(heap_address, k)
    for q in range(n_queries):
        n_query = query_starts[q + 1] - query_starts[q]
        best = view_f32(best_address, n_query)
        source = query_tokens + np.uint64(query_starts[q] * width * 4)
        copy_padded(source, padded, width * 4, query_bytes, n_query)
        clear_heap(heap, k)
        for i in range(lo, hi):
            row = np.int64(rows[i]) if listed else i
            score = row_score(
                kind,
                tokens,
                token_bytes,
                starts[row],
                starts[row + 1],
                padded,
                query_bytes,
                n_query,
                chunks,
                best,
                block,
                out,
            )
            key = key_of(score, np.uint64(row), _HIGHER_IS_NEARER)
            if key < heap[0]:
                replace_largest(heap, k, key)
        sort_heap(heap, k)
        write_result(heap, k, _HIGHER_IS_NEARER, np.float32(-np.inf), found[q], scores[q])


@entry_point("maxsim rescoring")
def rescore_maxsim(
    kind,
    width,
    offsets,
    tokens,
    n_rows,
    query_offsets,
    query_tokens,
    n_queries,
    k,
    candidates,
    n_candidates,
    padded,
    best_address,
    block,
    heap_address,
    found,
    scores,
):
    """Find the ``k`` of the largest MaxSim among each query's candidates; ``_NO_ROW`` among them is none.

    Scratch is as in :func:`scan_maxsim`.
    """
    starts, query_starts = view_i64(offsets, n_rows + 1), view_i64(query_offsets, n_queries + 1)
    chunks = (width + _CHUNK - 1) // _CHUNK
    query_bytes, token_bytes = chunks * _CHUNK * 4, width * (2 if kind == FLOAT16_DOT else 4)
    out = block + np.uint64(4 * chunks * _CHUNK * 4)
    heap = view_u64(heap_address, k)
    for q in range(n_queries):
        n_query = query_starts[q + 1] - query_starts[q]
        best = view_f32(best_address, n_query)
        source = query_tokens + np.uint64(query_starts[q] * width * 4)
        copy_padded(source, padded, width * 4, query_bytes, n_query)
        clear_heap(heap, k)
        listed = view_u32(candidates + np.uint64(q * n_candidates * 4), n_candidates)
        for i in range(n_candidates):
            if listed[i] == _NO_ROW:
                continue
            row = np.int64(listed[i])
            start, stop = starts[row], starts[row + 1]
            score = row_score(
                kind, tokens, token_bytes, start, stop, padded, query_bytes, n_query, chunks, best, block, out
            )
            key = key_of(score, np.uint64(row), _HIGHER_IS_NEARER)
            if key < heap[0]:
                replace_largest(heap, k, key)
        sort_heap(heap, k)
        write_result(heap, k, _HIGHER_IS_NEARER, np.float32(-np.inf), found[q], scores[q])


def kind_of(half: bool) -> int:
    """Return which score kernel reads the tokens."""
    return FLOAT16_DOT if half else FLOAT32_DOT
