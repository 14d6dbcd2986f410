"""Which engines of keyword search are asked for, and which of them are installed."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from ..peers import MissingPeer, UnknownPeerError
from .peer import KeywordPeer

# name: (adapter module, class in it, package to install)
KEYWORD_PEERS = {
    "bm25s": ("bm25s", "Bm25sPeer", "bm25s"),
    "tantivy": ("tantivy", "TantivyPeer", "tantivy"),
}


def find_keyword_peers(names: Sequence[str]) -> tuple[list[KeywordPeer], list[MissingPeer]]:
    """Load the adapters of the named engines, and say which are not installed.

    Raises
    ------
    UnknownPeerError
        A name that no adapter has.
    """
    unknown = [name for name in names if name not in KEYWORD_PEERS]
    if unknown:
        raise UnknownPeerError(
            f"unknown engines {unknown}; there are adapters for {', '.join(KEYWORD_PEERS)}"
        )
    peers: list[KeywordPeer] = []
    missing: list[MissingPeer] = []
    for name in dict.fromkeys(names):
        module, adapter, package = KEYWORD_PEERS[name]
        try:
            peer: KeywordPeer = getattr(import_module(f"{__package__}.{module}"), adapter)()
        except ImportError as error:
            missing.append(MissingPeer(name, package, str(error)))
            continue
        peers.append(peer)
    return peers, missing
