"""Engines of multi-vectors to compare with, one adapter file each; `find_multi_peers` loads them.

All run on one thread, are given the same tokens, and keep what they build in files.
"""

from .finding import MULTI_PEERS, find_multi_peers
from .peer import MultiPeer, MultiSearcher, each_alone

__all__ = ["MULTI_PEERS", "MultiPeer", "MultiSearcher", "each_alone", "find_multi_peers"]
