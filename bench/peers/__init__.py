"""Engines to compare with, one adapter file each; `find_peers` loads those that are installed.

What is asked of them, and when, is decided elsewhere.
"""

from .finding import PEERS, Adapters, MissingPeer, UnknownPeerError, find_adapters, find_peers
from .peer import Build, Effort, Peer, Searcher, Work, grid

__all__ = [
    "PEERS",
    "Adapters",
    "Build",
    "Effort",
    "MissingPeer",
    "Peer",
    "Searcher",
    "UnknownPeerError",
    "Work",
    "find_adapters",
    "find_peers",
    "grid",
]
