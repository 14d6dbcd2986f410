"""Engines to compare with, one adapter file each; `find_peers` loads those that are installed.

What is asked of them, and when, is decided elsewhere.
"""

from .finding import PEERS, MissingPeer, UnknownPeerError, check_names, find_peers, load_adapters
from .peer import Build, Effort, Peer, Searcher, Work, grid

__all__ = [
    "PEERS",
    "Build",
    "Effort",
    "MissingPeer",
    "Peer",
    "Searcher",
    "UnknownPeerError",
    "Work",
    "check_names",
    "find_peers",
    "grid",
    "load_adapters",
]
