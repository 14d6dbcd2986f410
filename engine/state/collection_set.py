"""The collections of a database that is written: as its writer has them, and as readers see them."""

from __future__ import annotations

import threading

from ...storage.catalog.catalog import Catalog
from ...storage.catalog.records import CollectionRecord
from ...storage.segments.segment import SegmentStore
from ..error_translation import translated
from ..errors import NotFound
from .collection_state import CollectionState
from .recovery import missing_segment, reload_collection


class CollectionSet:
    """The collections of one database.

    Opening reads their records only. The state of a collection is made when it is asked for by name, and
    filled from log and segments by :meth:`load`: what nobody uses costs nothing, whatever it holds.

    What a commit creates or drops is the writer's alone until :meth:`publish`, which follows the commit; a
    commit that fails is undone by :meth:`reload`. Only the writer's thread calls those two and what changes
    the set; any thread may call :meth:`names`, :meth:`get` and :meth:`load`.
    """

    def __init__(self, catalog: Catalog, folder: SegmentStore) -> None:
        self._catalog = catalog
        self._folder = folder
        self._load_lock = threading.RLock()
        self._records: dict[str, CollectionRecord] = {}
        self._states: dict[str, CollectionState] = {}
        self._added: dict[str, CollectionState] = {}
        self._removed: dict[str, CollectionState] = {}
        self._last_number = 0
        self.reload()

    def after_fork(self) -> None:
        """Take a lock of this process's own: whoever held the other is not in it."""
        self._load_lock = threading.RLock()

    def names(self) -> list[str]:
        """Return the names of the published collections."""
        return list(self._records)

    def get(self, name: str) -> CollectionState | None:
        """Return the state of a published collection, loaded or not."""
        state = self._states.get(name)
        if state is None:
            with self._load_lock:
                state, record = self._states.get(name), self._records.get(name)
                if state is None and record is not None:
                    self._states[name] = state = CollectionState(record)
        return state

    def load(self, state: CollectionState) -> bool:
        """Read a collection from the catalog unless that was done; return whether it was done now.

        Nothing writes to a collection before it is loaded, so this needs no turn in the writer's queue.
        """
        if state.loaded:
            return False
        with self._load_lock:
            if state.loaded:
                return False
            self._reload(state)
        return True

    def loaded(self) -> list[CollectionState]:
        """Return the states that were loaded."""
        return [state for state in list(self._states.values()) if state.loaded]

    def has(self, name: str) -> bool:
        """Whether the writer has a collection of that name, published or not."""
        return name in self._added or (name in self._records and name not in self._removed)

    def new_number(self) -> int:
        """Return a number that no collection has."""
        self._last_number += 1
        return self._last_number

    def add(self, state: CollectionState) -> None:
        """Add a collection."""
        self._added[state.name] = state

    def remove(self, state: CollectionState) -> None:
        """Take a published collection out."""
        self._removed[state.name] = state

    def check_there(self, state: CollectionState) -> None:
        """Raise NotFound when the writer dropped a collection, published or not."""
        if self._states.get(state.name) is not state or state.name in self._removed:
            raise NotFound(f"collection {state.name!r} was dropped", field="name")

    def publish(self) -> None:
        """Show readers what was added and removed."""
        for name, state in self._removed.items():
            # The record first: a state is made of the record that is there.
            self._records.pop(name, None)
            self._states.pop(name, None)
            state.dropped = True
        for name, state in self._added.items():
            self._states[name] = state
            self._records[name] = state.record
        self._added, self._removed = {}, {}

    def reload(self) -> None:
        """Bring everything to what the catalog says, and show it; segments that are open stay open.

        When this raises, the set is as it was.
        """
        with self._load_lock:
            with translated(), self._catalog.read() as txn:
                records = {record.name: record for record in self._catalog.collections(txn)}
            kept: dict[str, CollectionState] = {}
            gone: list[CollectionState] = []
            for name, state in self._states.items():
                record = records.get(name)
                if record is None or record.uuid != state.record.uuid:
                    gone.append(state)
                    continue
                kept[name] = state
                if state.loaded:
                    self._reload(state)
            self._records, self._states = records, kept
            self._added, self._removed = {}, {}
            self._last_number = max((record.number for record in records.values()), default=0)
            for state in gone:
                state.dropped = True

    def _reload(self, state: CollectionState) -> None:
        with translated(), self._catalog.read() as txn:
            try:
                reload_collection(self._catalog, txn, state, self._folder)
            except FileNotFoundError as error:
                raise missing_segment(error) from error
