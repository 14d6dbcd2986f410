"""A process that reads a database while another one writes it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, NoReturn

from ..storage.catalog import Catalog
from ..storage.key_value_store import ReadTransaction
from ..storage.segment import SegmentStore
from .collection_state import CollectionState
from .errors import Closed, ReadOnly
from .maintenance import Activity
from .progress import Progress
from .recovery import follow_collection, load_collection, reload_collection
from .schema import CollectionSchema
from .snapshot import Snapshot
from .writer import Operation

_ATTEMPTS = 10
_UNKNOWN = -1


class FollowingHost:
    """An open database that follows the commits of a writer in another process.

    Each call looks at the number of the catalog's last transaction, about a microsecond, and reads what is
    new when it changed. A call thus sees every write that was acknowledged before it began.
    """

    def __init__(self, catalog: Catalog, folder: SegmentStore) -> None:
        self._catalog = catalog
        self._folder = folder
        self._collections: dict[str, CollectionState] = {}
        self._version = -1
        self._lock = threading.Lock()
        self._closed = False
        self._refresh()

    def collections(self) -> Mapping[str, CollectionState]:
        """Return the collections there are now, by name."""
        self._refresh()
        return self._collections

    def create(self, name: str, schema: CollectionSchema) -> CollectionState:
        """Refuse."""
        self._refuse("create a collection")

    def drop(self, state: CollectionState) -> None:
        """Refuse."""
        self._refuse("drop a collection")

    def current(self, state: CollectionState) -> Snapshot:
        """Return the newest snapshot of a collection."""
        self._refresh()
        state.check_not_dropped()
        state.check_sound()
        return state.snapshot

    def submit(self, operation: Operation[Any]) -> Any:
        """Refuse."""
        self._refuse("write")

    def flush(self, state: CollectionState, progress: Progress) -> None:
        """Refuse."""
        self._refuse("flush")

    def merge(self, state: CollectionState, progress: Progress) -> None:
        """Refuse."""
        self._refuse("merge")

    def settle(self, state: CollectionState, timeout_seconds: float | None, progress: Progress) -> None:
        """Refuse."""
        self._refuse("index")

    def activity(self, state: CollectionState) -> Activity:
        """Return nothing: the writing process does the background work."""
        return Activity()

    def bytes_catalog(self) -> int:
        """Return the size of the catalog."""
        return self._catalog.size_bytes

    def close(self) -> None:
        """Let go of everything."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            for state in self._collections.values():
                state.close()
            self._catalog.close()

    def _refuse(self, what: str) -> NoReturn:
        raise ReadOnly(f"cannot {what}: the database was opened with read_only=True; open it without")

    def _refresh(self) -> None:
        if self._closed:
            raise Closed("the database is closed; open it again with vicinal.open(path, read_only=True)")
        if self._catalog.version() == self._version:
            return
        with self._lock:
            self._follow()

    def _follow(self) -> None:
        for attempt in range(_ATTEMPTS):
            # Read before the transaction begins: at worst the same state is read once more.
            version = self._catalog.version()
            try:
                with self._catalog.read() as txn:
                    self._read(txn)
            except FileNotFoundError:
                # A merge replaced the segment between our reading of the manifest and of the folder.
                if attempt == _ATTEMPTS - 1:
                    raise
                continue
            self._version = version
            return

    def _read(self, txn: ReadTransaction) -> None:
        catalog = self._catalog
        records = {record.name: record for record in catalog.collections(txn)}
        collections = dict(self._collections)
        for name, state in self._collections.items():
            record = records.get(name)
            if record is None or record.uuid != state.record.uuid:
                collections.pop(name).dropped = True
        for name, record in records.items():
            known = collections.get(name)
            if known is None:
                collections[name] = load_collection(catalog, txn, record, self._folder)
            else:
                self._catch_up(txn, known)
        self._collections = collections

    def _catch_up(self, txn: ReadTransaction, state: CollectionState) -> None:
        generation = state.generation
        # Whatever interrupts this leaves a state that is half of two; the next call then starts over.
        state.generation = _UNKNOWN
        if self._catalog.state(txn, state.number).generation == generation:
            follow_collection(self._catalog, txn, state)
            state.generation = generation
        else:
            reload_collection(self._catalog, txn, state, self._folder)
