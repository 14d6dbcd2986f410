"""What a database handle stands on: the writing process, or one that follows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from ...storage.catalog.key_value_store import StoreUse
from ..audit.recall_audit import RecallAudit
from ..progress import Progress
from ..results.info import Activity
from ..schema.collection_schema import CollectionSchema
from ..segments.snapshot import Snapshot
from ..state.collection_state import CollectionState
from ..writing.writer import Operation


class Host(Protocol):
    """The services of an open database. Every method may be called from any thread.

    Attributes
    ----------
    audit : RecallAudit
        Is offered every search.
    """

    audit: RecallAudit

    def names(self) -> list[str]:
        """Return the names of the collections there are now."""

    def aliases(self) -> dict[str, str]:
        """Return the name of a collection by each alias there is now."""

    def state(self, name: str) -> CollectionState | None:
        """Return the state of a collection, found by its name or an alias; it may not be loaded."""

    def create(self, name: str, schema: CollectionSchema) -> CollectionState:
        """Create a collection."""

    def drop(self, state: CollectionState) -> None:
        """Delete a collection."""

    def rename(self, state: CollectionState, old: str, new: str) -> None:
        """Rename a collection that was found under the name ``old``."""

    def set_aliases(self, changes: Mapping[str, str | None]) -> None:
        """Give aliases to collections by name, or drop them, in one commit."""

    def schema(self, state: CollectionState) -> CollectionSchema:
        """Return the newest schema of a collection, which need not be loaded for that."""

    def current(self, state: CollectionState) -> Snapshot:
        """Return the newest snapshot of a collection, which is loaded at its first use."""

    def submit(self, operation: Operation[Any]) -> Any:
        """Commit a change and return its answer."""

    def flush(self, state: CollectionState, progress: Progress) -> None:
        """Seal the growing rows."""

    def merge(self, state: CollectionState, progress: Progress) -> None:
        """Merge everything into one segment."""

    def settle(self, state: CollectionState, timeout_seconds: float | None, progress: Progress) -> None:
        """Do what the merge policy would do once the collection is quiet."""

    def activity(self, state: CollectionState) -> Activity:
        """Return what background work is doing."""

    def catalog_use(self) -> StoreUse | None:
        """Return how much of the catalog is in use, and who holds the rest; None where nobody can tell."""

    def bytes_catalog(self) -> int:
        """Return the size of the catalog."""

    def close(self) -> None:
        """Let go of everything."""
