"""A process that reads a database while another one writes it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeVar

from ...storage.catalog.catalog import Catalog
from ...storage.catalog.key_value_store import ReadTransaction, StoreUse
from ...storage.catalog.records import CollectionRecord, StateRecord
from ...storage.segments.segment import SegmentStore
from ..errors import Closed, ReadOnly
from ..handoff import undisturbed
from ..progress import Progress
from ..results.info import Activity
from ..schema.collection_schema import CollectionSchema
from ..segments.snapshot import Snapshot
from ..state.collection_state import UNLOADED, CollectionState
from ..state.recovery import follow_collection, missing_segment, reload_collection
from ..writing.writer import Operation

_ATTEMPTS = 10

Result = TypeVar("Result")


class FollowingHost:
    """An open database that follows the commits of a writer in another process.

    Each call looks at the number of the catalog's last transaction, about a microsecond. When that changed,
    the counters of the collection in question say whether it did too, and what is new of it is read. A call
    thus sees every write that was acknowledged before it began, and reads nothing of other collections.
    """

    def __init__(self, catalog: Catalog, folder: SegmentStore) -> None:
        self._catalog = catalog
        self._folder = folder
        self._lock = threading.Lock()
        self._closed = False
        self._records: Mapping[str, CollectionRecord] = {}
        self._listed = -1
        self._states: dict[str, CollectionState] = {}
        # The version of the catalog at which each collection was last compared with it.
        self._followed: dict[str, int] = {}

    def names(self) -> list[str]:
        """Return the names of the collections there are now."""
        # Here as below, read before the transaction begins: at worst the same is read once more.
        version = self._version()
        if self._listed == version:
            return list(self._records)
        return undisturbed(lambda: self._names(version))

    def state(self, name: str) -> CollectionState | None:
        """Return the state of a collection, None when there is none of that name; it may not be loaded."""
        version = self._version()
        state = self._states.get(name)
        if state is not None and not state.dropped and self._followed.get(state.record.uuid) == version:
            return state
        return undisturbed(lambda: self._state(name, version))

    def create(self, name: str, schema: CollectionSchema) -> CollectionState:
        """Refuse."""
        self._refuse("create a collection")

    def drop(self, state: CollectionState) -> None:
        """Refuse."""
        self._refuse("drop a collection")

    def schema(self, state: CollectionState) -> CollectionSchema:
        """Return the newest schema of a collection, which need not be loaded for that."""
        if not state.dropped and self._followed.get(state.record.uuid) != (version := self._version()):
            undisturbed(lambda: self._look_at(state, version))
        return state.snapshot.schema

    def current(self, state: CollectionState) -> Snapshot:
        """Return the newest snapshot of a collection, which is loaded at its first use."""
        version = self._version()
        uuid = state.record.uuid
        if self._followed.get(uuid) != version and not state.dropped:
            undisturbed(lambda: self._catch_up(state, version))
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

    def catalog_use(self) -> StoreUse:
        """Return how much of the catalog is in use, and who holds the rest."""
        return self._catalog.use()

    def bytes_catalog(self) -> int:
        """Return the size of the catalog."""
        return self._catalog.size_bytes

    def close(self) -> None:
        """Let go of everything."""
        self._closed = True
        undisturbed(self._let_go)

    def _let_go(self) -> None:
        with self._lock:
            for state in self._states.values():
                state.close()
            self._catalog.close()

    def _refuse(self, what: str) -> NoReturn:
        raise ReadOnly(f"cannot {what}: the database was opened with read_only=True; open it without")

    def _version(self) -> int:
        if self._closed:
            raise Closed("the database is closed; open it again with vicinal.open(path, read_only=True)")
        return self._catalog.version()

    def _read(self, read: Callable[[ReadTransaction], Result]) -> Result:
        """Return what ``read`` finds in one transaction; the caller holds the lock."""
        for attempt in range(_ATTEMPTS):
            try:
                with self._catalog.read() as txn:
                    return read(txn)
            except FileNotFoundError as error:
                # A merge replaced the segment between our reading of the manifest and of the folder.
                if attempt == _ATTEMPTS - 1:
                    raise missing_segment(error) from error
        raise AssertionError("the last attempt returns or raises")

    def _names(self, version: int) -> list[str]:
        with self._lock:
            return list(self._list(version))

    def _state(self, name: str, version: int) -> CollectionState | None:
        with self._lock:
            state = self._states.get(name)
            if state is not None and self._is_there(state, version):
                return state
            record = self._list(version).get(name)
            if record is None:
                self._states.pop(name, None)
                return None
            self._states[name] = state = CollectionState(record)
            return state

    def _look_at(self, state: CollectionState, version: int) -> None:
        with self._lock:
            if state.loaded:
                self._read(lambda txn: self._follow(txn, state))
                self._followed[state.record.uuid] = version
                return
            record = self._read(lambda txn: self._catalog.collection(txn, state.number))
            if record is None or record.uuid != state.record.uuid:
                state.dropped = True
            elif record != state.record:
                state.set_record(record)
                state.publish()

    def _catch_up(self, state: CollectionState, version: int) -> None:
        with self._lock:
            self._read(lambda txn: self._follow(txn, state))
            self._followed[state.record.uuid] = version

    def _list(self, version: int) -> Mapping[str, CollectionRecord]:
        """Return the record of each collection by name, read anew when something was committed since."""
        if self._listed != version:
            records = self._read(self._catalog.collections)
            self._records = {record.name: record for record in records}
            self._listed = version
        return self._records

    def _is_there(self, state: CollectionState, version: int) -> bool:
        """Say whether a collection exists, reading no other."""
        if self._followed.get(state.record.uuid) != version:
            record = self._read(lambda txn: self._catalog.collection(txn, state.number))
            if record is None or record.uuid != state.record.uuid:
                state.dropped = True
        return not state.dropped

    def _follow(self, txn: ReadTransaction, state: CollectionState) -> None:
        """Bring one collection to what ``txn`` sees; nothing of it is read when nothing of it changed."""
        record = self._catalog.collection(txn, state.number)
        if record is None or record.uuid != state.record.uuid:
            state.dropped = True
            return
        stored = self._catalog.state(txn, state.number)
        generation = state.generation
        if stored == StateRecord(state.next_sequence, generation):
            return
        # Whatever interrupts this leaves a state that is half of two; the next call then starts over.
        state.generation = UNLOADED
        if stored.generation == generation:
            follow_collection(self._catalog, txn, state)
            state.generation = generation
        else:
            reload_collection(self._catalog, txn, state, self._folder)
