"""Which peers are asked for, and which of them are installed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module

from .peer import Peer

# name: (adapter module, class in it, package to install)
PEERS = {
    "vicinal": ("vicinal", "VicinalPeer", "vicinal"),
    "hnswlib": ("hnswlib", "HnswlibPeer", "hnswlib"),
    "faiss": ("faiss", "FaissPeer", "faiss-cpu"),
    "usearch": ("usearch", "UsearchPeer", "usearch"),
    "rabitqlib": ("rabitqlib", "RabitqlibPeer", "rabitqlib"),
}


class UnknownPeerError(ValueError):
    """A peer that no adapter exists for."""


@dataclass(frozen=True)
class MissingPeer:
    """A peer that was asked for and is not installed."""

    name: str
    package: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name} skipped: {self.reason}; pip install {self.package}"


def find_peers(names: Sequence[str]) -> tuple[list[Peer], list[MissingPeer]]:
    """Load the adapters of the named peers.

    Returns
    -------
    peers : list of Peer
        Those that can run, in the order asked for.
    missing : list of MissingPeer
        Those whose library does not import.

    Raises
    ------
    UnknownPeerError
        A name that no adapter has.
    """
    unknown = [name for name in names if name not in PEERS]
    if unknown:
        raise UnknownPeerError(f"unknown peers {unknown}; there are adapters for {', '.join(PEERS)}")
    peers: list[Peer] = []
    missing: list[MissingPeer] = []
    for name in dict.fromkeys(names):
        module, adapter, package = PEERS[name]
        try:
            peer: Peer = getattr(import_module(f"{__package__}.{module}"), adapter)()
        except ImportError as error:
            missing.append(MissingPeer(name, package, str(error)))
            continue
        peers.append(peer)
    return peers, missing
