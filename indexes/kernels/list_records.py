"""Inverted lists and a search of them, as kernels see them."""

from __future__ import annotations

import numpy as np

from .memory import record_at

# What is read of a list: stored rows, codes row by row, or codes in blocks.
ROWS, ROW_CODES, BLOCKS = range(3)
STATS = 4

LISTS = np.dtype(
    [
        ("rows", np.uint64),  # address of a rows.ROWS record
        ("centroid_codes", np.uint64),  # address of a codes.CODES record
        ("codes", np.uint64),  # address of a codes.CODES record, its rows in the order of the lists
        ("n_lists", np.int64),
        ("n_entries", np.int64),
        ("offsets", np.uint64),  # address of (n_lists + 1,) int64: where each list begins
        ("stops", np.uint64),  # address of (n_lists,) int64: where what is read of each list ends
        ("members", np.uint64),  # address of (n_entries,) uint32 rows
        ("blocks", np.uint64),  # address
        ("block_starts", np.uint64),  # address of (n_lists + 1,) int64: the first block of each list
        ("groups", np.int64),  # of a block, padded
        (
            "bias",
            np.uint64,
        ),  # address of float32, a block more than entries; 0 for none
        ("bias_weights", np.uint64),  # address of (n_lists,) float64; 0 unless biases are of the anchors
        ("factors", np.uint64),
        ("form", np.int64),
        ("residual", np.int64),  # whether codes are of what is left beside the centroid
        ("spilled", np.int64),  # whether a row may stand in two lists
    ]
)
SEARCH = np.dtype(
    [
        ("padded", np.uint64),  # address: the query as the exact scores read it
        ("query", np.uint64),  # address: the query as codes are compared with it
        ("list_query", np.uint64),
        ("list_near", np.uint64),  # address of float32: how near each list is, and up to fifteen more
        ("chunk_near", np.uint64),  # address of float32: how near the entries of a chunk of blocks are
        ("chunk_entries", np.uint64),  # address of int64: the first entry of each of them
        ("sample", np.uint64),  # address of uint64
        ("exact_tables", np.uint64),  # address: groups * 16 float32
        ("tables", np.uint64),  # address: groups * 16 bytes
        ("keys", np.uint64),  # address of uint64
        ("order", np.uint64),
        ("listed", np.uint64),
        ("seen", np.uint64),
        ("heap", np.uint64),
        ("zeros", np.uint64),  # address of 32 float32
        ("ones", np.uint64),
        ("out", np.uint64),  # address: scores of a strip or of a block
        ("stats", np.uint64),  # address of (STATS,) int64: lists, codes, rescored, fallbacks
    ]
)
view_lists = record_at(LISTS)
view_search = record_at(SEARCH)
