"""Which engines for filtered search are asked for, and which of them are installed."""

from __future__ import annotations

from collections.abc import Sequence

from ..peers import MissingPeer
from ..peers.finding import Adapters, find_adapters
from .peer import FilteredPeer

FILTERED_PEERS: Adapters = {
    "faiss": ("faiss", "FaissPeer", "faiss-cpu"),
    "hnswlib": ("hnswlib", "HnswlibPeer", "hnswlib"),
    "qdrant-edge": ("qdrant_edge", "QdrantEdgePeer", "qdrant-edge-py"),
    "zvec": ("zvec", "ZvecPeer", "zvec"),
}


def find_filtered_peers(names: Sequence[str]) -> tuple[list[FilteredPeer], list[MissingPeer]]:
    """Load the adapters of the named engines, as `find_adapters` does."""
    return find_adapters(names, FILTERED_PEERS, __package__)
