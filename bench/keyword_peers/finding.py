"""Which engines of keyword search are asked for, and which of them are installed."""

from __future__ import annotations

from collections.abc import Sequence

from ..peers import Adapters, MissingPeer, find_adapters
from .peer import KeywordPeer

KEYWORD_PEERS: Adapters = {
    "bm25s": ("bm25s", "Bm25sPeer", "bm25s"),
    "tantivy": ("tantivy", "TantivyPeer", "tantivy"),
}


def find_keyword_peers(names: Sequence[str]) -> tuple[list[KeywordPeer], list[MissingPeer]]:
    """Load the adapters of the named engines, as `find_adapters` does."""
    return find_adapters(names, KEYWORD_PEERS, __package__)
