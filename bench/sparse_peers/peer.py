"""What the bench asks of an engine of sparse vectors: build into a folder, and answer single queries."""

from __future__ import annotations

from typing import Protocol, TypeAlias

from ..datasets.dataset import Floats
from ..datasets.sparse_dataset import SparseDataset, Terms
from ..kept_peers import Asked, KeptPeer, KeptSearcher


class SparseSearcher(KeptSearcher, Protocol):
    """A built index."""

    def asked(self, terms: Terms, weights: Floats) -> Asked:
        """Bring a query into the form that the engine takes; not timed."""
        ...


SparsePeer: TypeAlias = KeptPeer[SparseDataset, SparseSearcher]
