"""The process that writes: a writer thread, a maintenance thread, and the state they keep."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from ...storage.catalog.catalog import Catalog
from ...storage.catalog.key_value_store import StoreUse
from ...storage.folder.directory_lock import DirectoryLock
from ...storage.segments.segment import SegmentStore
from ..error_translation import translated
from ..errors import Closed
from ..handoff import undisturbed
from ..maintenance.merge_policy import MergePolicySettings
from ..progress import Progress
from ..results.info import Activity
from ..schema.collection_schema import CollectionSchema
from ..segments.snapshot import Snapshot
from ..state.collection_state import UNLOADED, CollectionState
from ..writing.manifest_operations import CreateCollection, DropCollection
from ..writing.name_operations import RenameCollection, SetAliases
from ..writing.writer import Operation
from .writing_core import WritingCore

log = logging.getLogger("vicinal.database")

STRAY_SECONDS = 600.0
"""A file that the manifest does not know is left alone for this long: another process may be making it."""


class WritingHost:
    """An open database that takes writes; closed when nothing refers to it any more."""

    def __init__(
        self,
        catalog: Catalog,
        folder: SegmentStore,
        settings: MergePolicySettings,
        lock: DirectoryLock | None = None,
        build_threads: int | None = None,
        audit_share: float = 0.0,
    ) -> None:
        self._core = WritingCore(catalog, folder, settings, lock, build_threads, audit_share)
        self.audit = self._core.audit
        self._catalog = catalog
        self._folder = folder
        self._collections = self._core.collections
        self._writer = self._core.writer
        self._maintenance = self._core.maintenance
        try:
            self._remove_strays()
        except BaseException:
            self._core.close()
            raise
        self._core.close_with(self)

    def names(self) -> list[str]:
        """Return the names of the collections there are now."""
        self._check_open()
        return list(self._collections.names.records)

    def aliases(self) -> dict[str, str]:
        """Return the name of a collection by each alias there is now."""
        self._check_open()
        return dict(self._collections.names.aliases)

    def state(self, name: str) -> CollectionState | None:
        """Return the state of a collection, found by its name or an alias; it may not be loaded."""
        self._check_open()
        return self._collections.get(name)

    def create(self, name: str, schema: CollectionSchema) -> CollectionState:
        """Create a collection."""
        self._check_own()
        return self._writer.submit(CreateCollection(name, schema, self._collections))

    def drop(self, state: CollectionState) -> None:
        """Delete a collection."""
        self._check_own()
        self._check_open()
        state.check_not_dropped()
        undisturbed(lambda: self._drop(state))

    def rename(self, state: CollectionState, old: str, new: str) -> None:
        """Rename a collection that was found under the name ``old``."""
        self.submit(RenameCollection(state, old, new, self._collections))

    def set_aliases(self, changes: Mapping[str, str | None]) -> None:
        """Give aliases to collections by name, or drop them, in one commit."""
        self.submit(SetAliases(changes, self._collections))

    def schema(self, state: CollectionState) -> CollectionSchema:
        """Return the newest schema of a collection, which need not be loaded for that."""
        return state.snapshot.schema

    def current(self, state: CollectionState) -> Snapshot:
        """Return the newest snapshot of a collection, which is loaded at its first use."""
        # Every call comes here, so what is so mostly is seen at one look.
        if self._core.closed or state.dropped or state.generation == UNLOADED:
            self._check_open()
            state.check_not_dropped()
            self._load(state)
        state.check_sound()
        return state.snapshot

    def submit(self, operation: Operation[Any]) -> Any:
        """Commit a change and return its answer."""
        self._check_own()
        state = operation.touched
        if state is not None:
            self.current(state)
        try:
            return self._writer.submit(operation)
        finally:
            # After an interrupt, too: the change may be made.
            if state is not None:
                self._maintenance.touch(state)

    def flush(self, state: CollectionState, progress: Progress) -> None:
        """Seal the growing rows."""
        self._check_own()
        self.current(state)
        self._tend(state, lambda: self._maintenance.flush(state, progress))

    def merge(self, state: CollectionState, progress: Progress) -> None:
        """Merge everything into one segment."""
        self._check_own()
        self.current(state)
        self._tend(state, lambda: self._maintenance.merge(state, progress))

    def settle(self, state: CollectionState, timeout_seconds: float | None, progress: Progress) -> None:
        """Do what the merge policy would do once the collection is quiet."""
        self._check_own()
        self.current(state)
        self._tend(state, lambda: self._maintenance.settle(state, timeout_seconds, progress))

    def activity(self, state: CollectionState) -> Activity:
        """Return what background work is doing."""
        return self._maintenance.activity(state)

    def catalog_use(self) -> StoreUse | None:
        """Return how much of the catalog is in use, and who holds the rest; None in a forked child."""
        return None if self._core.forked else self._catalog.use()

    def bytes_catalog(self) -> int:
        """Return the size of the catalog."""
        return self._catalog.size_bytes

    def close(self) -> None:
        """Commit what is waiting, give up background work, seal many growing rows, let go of everything."""
        undisturbed(lambda: self._core.close(seal=True))

    def _drop(self, state: CollectionState) -> None:
        with self._maintenance.exclusive(state):
            removed = self._writer.submit(DropCollection(state, self._collections))
        self._maintenance.forget(state)
        for uuid in removed:
            self._folder.remove(uuid)

    def _load(self, state: CollectionState) -> None:
        if undisturbed(lambda: self._collections.load(state)):
            # What a process before this one left to do.
            self._maintenance.touch(state)

    def _tend(self, state: CollectionState, work: Callable[[], None]) -> None:
        def tend() -> None:
            work()
            self._maintenance.touch(state)

        undisturbed(tend)

    def _check_open(self) -> None:
        if self._core.closed:
            raise Closed("the database is closed; open it again with vicinal.open(path)")

    def _check_own(self) -> None:
        """Refuse a write where the threads that write are not."""
        if self._core.forked:
            raise Closed(
                "the database was opened before this process was forked: what was there then can be read, "
                "nothing can be written; write in the process that opened it"
            )

    def _remove_strays(self) -> None:
        with translated(), self._catalog.read() as txn:
            known = self._catalog.every_segment(txn)
        for uuid in self._folder.strays(known, STRAY_SECONDS):
            log.info("removing %s, which the manifest does not know", uuid)
            self._folder.remove(uuid)
