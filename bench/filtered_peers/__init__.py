"""Engines that filtered search is compared with, one adapter each."""

from .finding import FILTERED_PEERS, find_filtered_peers
from .peer import FilteredPeer

__all__ = ["FILTERED_PEERS", "FilteredPeer", "find_filtered_peers"]
