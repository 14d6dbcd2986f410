"""Which engines of multi-vectors are asked for, and which of them are installed."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ..harness.one_thread import ONE_THREAD
from ..peers import Adapters, MissingPeer, find_adapters
from .peer import MultiPeer

MULTI_PEERS: Adapters = {
    "fast-plaid": ("fast_plaid", "FastPlaidPeer", "fast-plaid"),
    "lancedb": ("lancedb", "LancedbPeer", "lancedb"),
    "qdrant-edge": ("qdrant_edge", "QdrantEdgePeer", "qdrant-edge-py"),
    "tachiom": ("tachiom", "TachiomPeer", "tachiom"),
}


def find_multi_peers(names: Sequence[str]) -> tuple[list[MultiPeer], list[MissingPeer]]:
    """Hold libraries to one thread and load the adapters of the named engines, as `find_adapters` does."""
    os.environ.update(ONE_THREAD)
    return find_adapters(names, MULTI_PEERS, __package__)
