"""The collections of a database that is written: as its writer has them, and as readers see them."""

from __future__ import annotations

import threading

from ...storage.catalog.catalog import Catalog
from ...storage.segments.segment import SegmentStore
from ..error_translation import translated
from ..errors import NotFound
from ..vocabulary.vocabularies import Vocabularies
from .collection_names import CollectionNames
from .collection_state import CollectionState
from .recovery import missing_segment, reload_collection


class CollectionSet:
    """The collections of one database.

    Opening reads their records only. The state of a collection is made when it is asked for by name, and
    filled from log and segments by :meth:`load`: what nobody uses costs nothing, whatever it holds.

    What a commit creates or drops is the writer's alone until :meth:`publish`, which follows the commit; a
    commit that fails is undone by :meth:`reload`. Only the writer's thread calls those two and what changes
    the set or reads :attr:`written`; any thread may read :attr:`names` and call :meth:`get` and :meth:`load`.

    Attributes
    ----------
    names : CollectionNames
        What names stand for, as readers see it.
    written : CollectionNames
        The same as the writer has it, published or not.
    """

    def __init__(self, catalog: Catalog, folder: SegmentStore) -> None:
        self._catalog = catalog
        self._folder = folder
        self._load_lock = threading.RLock()
        self.names = self.written = CollectionNames()
        # By uuid, which a collection keeps when it is renamed.
        self._states: dict[str, CollectionState] = {}
        self._added: dict[str, CollectionState] = {}
        self._removed: dict[str, CollectionState] = {}
        self._last_number = 0
        self.reload()

    def after_fork(self) -> None:
        """Take a lock of this process's own: whoever held the other is not in it."""
        self._load_lock = threading.RLock()

    def get(self, name: str) -> CollectionState | None:
        """Return the state of a published collection by its name or an alias, loaded or not."""
        record = self.names.find(name)
        state = None if record is None else self._states.get(record.uuid)
        if record is not None and state is None:
            with self._load_lock:
                record = self.names.find(name)
                state = None if record is None else self._states.get(record.uuid)
                if record is not None and state is None:
                    self._states[record.uuid] = state = CollectionState(record, self._catalog)
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

    def new_number(self) -> int:
        """Return a number that no collection has."""
        self._last_number += 1
        return self._last_number

    def add(self, state: CollectionState) -> None:
        """Add a collection."""
        self._added[state.record.uuid] = state
        self.written = self.written.adding(state.record)

    def remove(self, state: CollectionState) -> None:
        """Take a published collection out."""
        self._removed[state.record.uuid] = state
        self.written = self.written.removing(state.name)

    def check_there(self, state: CollectionState) -> None:
        """Raise NotFound when the writer dropped a collection, published or not."""
        uuid = state.record.uuid
        if self._states.get(uuid) is not state or uuid in self._removed:
            raise NotFound(f"collection {state.name!r} was dropped", field="name")

    def publish(self) -> None:
        """Show readers what was added, removed and renamed, all at once."""
        # Around the names: who finds a name without a state makes one.
        self._states.update(self._added)
        self.names = self.written
        for uuid, state in self._removed.items():
            self._states.pop(uuid, None)
            state.dropped = True
        self._added, self._removed = {}, {}

    def reload(self) -> None:
        """Bring everything to what the catalog says, and show it; segments that are open stay open.

        When this raises, the set is as it was.
        """
        with self._load_lock:
            with translated(), self._catalog.read() as txn:
                names = CollectionNames.read(self._catalog, txn)
            numbers = {record.uuid: record.number for record in names.records.values()}
            kept: dict[str, CollectionState] = {}
            gone: list[CollectionState] = []
            for uuid, state in self._states.items():
                if uuid not in numbers:
                    gone.append(state)
                    continue
                kept[uuid] = state
                if state.loaded:
                    # What was read of one may be of a commit that came to nothing.
                    state.vocabularies = Vocabularies(self._catalog, state.record)
                    self._reload(state)
            self.names = self.written = names
            self._states = kept
            self._added, self._removed = {}, {}
            self._last_number = max(numbers.values(), default=0)
            for state in gone:
                state.dropped = True

    def _reload(self, state: CollectionState) -> None:
        with translated(), self._catalog.read() as txn:
            try:
                reload_collection(self._catalog, txn, state, self._folder)
            except FileNotFoundError as error:
                raise missing_segment(error) from error
