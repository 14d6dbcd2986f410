"""Which peers are asked for, and which of them are installed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from .peer import Peer

Adapters = Mapping[str, tuple[str, str, str]]
"""Of each peer by name: the module of its adapter, the class in it, and the package to install."""

PEERS: Adapters = {
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
    """A peer that was asked for and cannot run; the package to install, if that is missing."""

    name: str
    package: str | None
    reason: str

    def __str__(self) -> str:
        how = "" if self.package is None else f"; pip install {self.package}"
        return f"{self.name} skipped: {self.reason}{how}"


def find_peers(names: Sequence[str]) -> tuple[list[Peer], list[MissingPeer]]:
    """Load the adapters of the named peers of dense vectors, as `find_adapters` does."""
    return find_adapters(names, PEERS, __package__)


def find_adapters(names: Sequence[str], known: Adapters, package: str) -> tuple[list[Any], list[MissingPeer]]:
    """Load the adapters of the named peers, which are modules of ``package``.

    Returns
    -------
    peers : list
        Those that can run, in the order asked for.
    missing : list of MissingPeer
        Those whose library does not import, or does not run with what else is installed.

    Raises
    ------
    UnknownPeerError
        A name that no adapter has.
    """
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UnknownPeerError(f"unknown peers {unknown}; there are adapters for {', '.join(known)}")
    found: list[Any] = []
    missing: list[MissingPeer] = []
    for name in dict.fromkeys(names):
        module, adapter, to_install = known[name]
        try:
            found.append(getattr(import_module(f"{package}.{module}"), adapter)())
        except ImportError as error:
            absent = isinstance(error, ModuleNotFoundError)
            missing.append(MissingPeer(name, to_install if absent else None, str(error)))
    return found, missing
