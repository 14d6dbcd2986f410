"""A process that reads a database while another one writes it."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeVar

from msgspec.structs import replace

from ...storage.catalog.catalog import Catalog
from ...storage.catalog.key_value_store import ReadTransaction, StoreUse
from ...storage.catalog.records import CollectionRecord
from ...storage.segments.segment import SegmentStore
from ..audit.recall_audit import RecallAudit
from ..errors import Closed, ReadOnly
from ..handoff import undisturbed
from ..progress import Progress
from ..results.info import Activity
from ..schema.collection_schema import CollectionSchema
from ..segments.snapshot import Snapshot
from ..state.collection_names import CollectionNames
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

    def __init__(self, catalog: Catalog, folder: SegmentStore, audit_share: float = 0.0) -> None:
        self.audit = RecallAudit(audit_share)
        # The thread knows nothing of this, which may be let go of without being closed.
        weakref.finalize(self, self.audit.stop).atexit = False
        self._catalog = catalog
        self._folder = folder
        self._lock = threading.Lock()
        self._closed = False
        self._names = CollectionNames()
        # The version of the catalog that the names are of.
        self._listed = -1
        # By uuid, which a collection keeps when it is renamed.
        self._states: dict[str, CollectionState] = {}
        # By name or alias: what it stood for, and the version of the catalog at which it did.
        self._found: dict[str, tuple[CollectionState, int]] = {}
        # The version of the catalog at which each collection was last compared with it.
        self._followed: dict[str, int] = {}

    def names(self) -> list[str]:
        """Return the names of the collections there are now."""
        return list(self._current_names().records)

    def aliases(self) -> dict[str, str]:
        """Return the name of a collection by each alias there is now."""
        return dict(self._current_names().aliases)

    def state(self, name: str) -> CollectionState | None:
        """Return the state of a collection, found by its name or an alias; it may not be loaded."""
        version = self._version()
        state, looked_up = self._found.get(name, (None, -1))
        if state is not None and looked_up == version and not state.dropped:
            return state
        return undisturbed(lambda: self._state(name, version))

    def create(self, name: str, schema: CollectionSchema) -> CollectionState:
        """Refuse."""
        self._refuse("create a collection")

    def drop(self, state: CollectionState) -> None:
        """Refuse."""
        self._refuse("drop a collection")

    def rename(self, state: CollectionState, old: str, new: str) -> None:
        """Refuse."""
        self._refuse("rename a collection")

    def set_aliases(self, changes: Mapping[str, str | None]) -> None:
        """Refuse."""
        self._refuse("set aliases")

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
        self.audit.close()
        with self._lock:
            for state in self._states.values():
                state.close()
            self._catalog.close()

    def _refuse(self, what: str) -> NoReturn:
        raise ReadOnly(f"cannot {what}: the database was opened with read_only=True; open it without")

    def _version(self) -> int:
        if self._closed:
            raise Closed("the database is closed; open it again with vicinal.open(path, read_only=True)")
        known = self._catalog.known_version()
        return undisturbed(self._catalog.version) if known is None else known

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

    def _current_names(self) -> CollectionNames:
        # Here as elsewhere, read before the transaction begins: at worst the same is read once more.
        version = self._version()
        if self._listed == version:
            return self._names
        return undisturbed(lambda: self._list_now(version))

    def _list_now(self, version: int) -> CollectionNames:
        with self._lock:
            return self._list(version)

    def _state(self, name: str, version: int) -> CollectionState | None:
        with self._lock:
            record = self._read(lambda txn: self._still(txn, name)) or self._list(version).find(name)
            if record is None:
                self._found.pop(name, None)
                return None
            state = self._states.get(record.uuid)
            if state is None:
                self._states[record.uuid] = state = CollectionState(record, self._catalog)
            state.rename(record.name)
            self._found[name] = state, version
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

    def _list(self, version: int) -> CollectionNames:
        """Return what names stand for, read anew when something was committed since."""
        if self._listed != version:
            self._names = names = self._read(lambda txn: CollectionNames.read(self._catalog, txn))
            self._listed = version
            for uuid in self._states.keys() - {record.uuid for record in names.records.values()}:
                self._states.pop(uuid).dropped = True
            self._found = {}
        return self._names

    def _still(self, txn: ReadTransaction, name: str) -> CollectionRecord | None:
        """Return the record of what a name stood for, if it stands for that now; no other is read."""
        known = self._names.find(name)
        record = None if known is None else self._catalog.collection(txn, known.number)
        if known is None or record is None or record.uuid != known.uuid:
            return None
        if record.name == name or self._catalog.alias(txn, name) == record.number:
            return record
        return None

    def _follow(self, txn: ReadTransaction, state: CollectionState) -> None:
        """Bring one collection to what ``txn`` sees; nothing of it is read when nothing of it changed."""
        record = self._catalog.collection(txn, state.number)
        if record is None or record.uuid != state.record.uuid:
            state.dropped = True
            return
        # Counters stay as they are when nothing but the name changed.
        state.rename(record.name)
        stored = self._catalog.state(txn, state.number)
        generation = state.generation
        # What was given to tenants before that was counted, rows and names alone tell.
        if stored == replace(state.counters(), last_tenant=stored.last_tenant):
            return
        # Whatever interrupts this leaves a state that is half of two; the next call then starts over.
        state.generation = UNLOADED
        if stored.generation == generation:
            follow_collection(self._catalog, txn, state)
            state.generation = generation
        else:
            reload_collection(self._catalog, txn, state, self._folder)
