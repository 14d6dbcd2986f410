"""Which engines of multi-vectors are asked for, and which of them are installed."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ..harness.one_thread import ONE_THREAD
from ..peers import MissingPeer, check_names, load_adapters
from .peer import MultiPeer

# name: (adapter module, class in it, package to install)
MULTI_PEERS = {
    "fast-plaid": ("fast_plaid", "FastPlaidPeer", "fast-plaid"),
    "lancedb": ("lancedb", "LancedbPeer", "lancedb"),
    "qdrant-edge": ("qdrant_edge", "QdrantEdgePeer", "qdrant-edge-py"),
    "tachiom": ("tachiom", "TachiomPeer", "tachiom"),
}


def find_multi_peers(names: Sequence[str]) -> tuple[list[MultiPeer], list[MissingPeer]]:
    """Hold libraries to one thread and load the adapters of the named engines.

    Returns
    -------
    peers : list of MultiPeer
        Those that can run, in the order asked for.
    missing : list of MissingPeer
        Those whose library does not import, or does not run with what else is installed.

    Raises
    ------
    UnknownPeerError
        A name that no adapter has.
    """
    check_names(names, MULTI_PEERS, "engines")
    os.environ.update(ONE_THREAD)
    return load_adapters(names, MULTI_PEERS, __package__)
