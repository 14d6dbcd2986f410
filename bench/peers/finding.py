"""Which peers are asked for, and which of them are installed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from .peer import Peer

# name: (adapter module, class in it, package to install)
PEERS = {
    "vicinal": ("vicinal", "VicinalPeer", "vicinal"),
    "hnswlib": ("hnswlib", "HnswlibPeer", "hnswlib"),
    "faiss": ("faiss", "FaissPeer", "faiss-cpu"),
    "usearch": ("usearch", "UsearchPeer", "usearch"),
    "rabitqlib": ("rabitqlib", "RabitqlibPeer", "rabitqlib"),
    "scann": ("scann", "ScannPeer", "scann"),
    "zvec": ("zvec", "ZvecPeer", "zvec"),
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
    check_names(names, PEERS, "peers")
    return load_adapters(names, PEERS, __package__)


def check_names(names: Sequence[str], known: Collection[str], what: str) -> None:
    """Raise UnknownPeerError, which says ``what`` they are, if a name is not among the known ones."""
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UnknownPeerError(f"unknown {what} {unknown}; there are adapters for {', '.join(known)}")


def load_adapters(
    names: Sequence[str], known: Mapping[str, tuple[str, str, str]], package: str
) -> tuple[list[Any], list[MissingPeer]]:
    """Load the named adapters, which are modules of ``package``, and say which lack their library."""
    found: list[Any] = []
    missing: list[MissingPeer] = []
    for name in dict.fromkeys(names):
        module, adapter, to_install = known[name]
        try:
            found.append(getattr(import_module(f"{package}.{module}"), adapter)())
        except ImportError as error:
            missing.append(MissingPeer(name, to_install, str(error)))
    return found, missing
