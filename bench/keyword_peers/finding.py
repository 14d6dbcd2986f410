"""Which engines of keyword search are asked for, and which of them are installed."""

from __future__ import annotations

from collections.abc import Sequence

from ..peers import MissingPeer, check_names, load_adapters
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
    check_names(names, KEYWORD_PEERS, "engines")
    return load_adapters(names, KEYWORD_PEERS, __package__)
