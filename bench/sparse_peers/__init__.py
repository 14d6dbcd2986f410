"""Engines of sparse vectors to compare with, one adapter file each; `find_sparse_peers` loads them.

All run on one thread, take term numbers, answer one query a call, and keep what they build in files.
"""

from .finding import SPARSE_PEERS, find_sparse_peers
from .peer import SparsePeer, SparseSearcher

__all__ = ["SPARSE_PEERS", "SparsePeer", "SparseSearcher", "find_sparse_peers"]
