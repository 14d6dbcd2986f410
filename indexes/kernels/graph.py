"""A graph and a walk over it, as kernels see them."""

from __future__ import annotations

import numpy as np

from .memory import record_at

GRAPH = np.dtype(
    [
        ("rows", np.uint64),  # address of a rows.ROWS record
        ("codes", np.uint64),  # address of a codes.CODES record
        ("links", np.uint64),  # address: n rows of degree uint32, unused ones 2**32 - 1
        ("degree", np.int64),
        ("entries", np.uint64),  # address of (n_entries,) uint32
        ("entry_codes", np.uint64),  # address: the codes of the entries, one behind the other
        ("n_entries", np.int64),
        ("n_nodes", np.int64),  # rows that links lead to
        ("longest", np.float64),  # length of the longest row; read for the dot product only
        ("copies", np.uint64),  # address of (n,) uint32, the next row that equals each; 0 where no two are
    ]
)
WALK = np.dtype(
    [
        ("visited", np.uint64),  # address: n + 1 bytes, the epoch that visited each row
        ("epoch", np.uint64),  # address of an int64
        ("padded", np.uint64),  # address: the query as the exact scores read it
        ("query_codes", np.uint64),
        ("fresh", np.uint64),  # address: uint32 rows whose distances come next
        ("products", np.uint64),  # address: of each of them, int32 or float32
        ("keys", np.uint64),
        ("met", np.uint64),  # address of (met_room,) uint64: keys of all rows that were compared
        ("met_room", np.int64),
        ("pool", np.uint64),  # address of uint64; a block of zeros stands before it
        ("listed", np.uint64),  # address: uint32 rows whose exact scores come next
        ("heap", np.uint64),
        ("out", np.uint64),
        ("stats", np.uint64),  # address of (STATS,) int64: hops, distances, rescored, fallbacks
    ]
)
STATS = 4
view_graph = record_at(GRAPH)
view_walk = record_at(WALK)
