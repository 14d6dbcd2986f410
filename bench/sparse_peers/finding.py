"""Which engines of sparse vectors are asked for, and which of them are installed."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ..harness.one_thread import ONE_THREAD
from ..peers import Adapters, MissingPeer, find_adapters
from .peer import SparsePeer

SPARSE_PEERS: Adapters = {
    "seismic": ("seismic", "SeismicPeer", "pyseismic-lsr"),
    "sindi": ("sindi", "SindiPeer", "pyvsag"),
    "kannolo": ("kannolo", "KannoloPeer", "kannolo"),
    "zvec": ("zvec", "ZvecPeer", "zvec"),
    "qdrant-edge": ("qdrant_edge", "QdrantEdgePeer", "qdrant-edge-py"),
}


def find_sparse_peers(names: Sequence[str]) -> tuple[list[SparsePeer], list[MissingPeer]]:
    """Hold libraries to one thread and load the adapters of the named engines, as `find_adapters` does."""
    # `num_threads` of pyseismic, for one, has no effect.
    os.environ.update(ONE_THREAD)
    return find_adapters(names, SPARSE_PEERS, __package__)
