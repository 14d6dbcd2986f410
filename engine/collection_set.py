"""The collections of a database that is written: as its writer has them, and as readers see them."""

from __future__ import annotations

from collections.abc import Mapping

from ..storage.catalog import Catalog
from ..storage.segment import SegmentStore
from .collection_state import CollectionState
from .error_translation import translated
from .errors import Corruption, NotFound
from .recovery import load_collection, reload_collection


class CollectionSet:
    """The collections of one database.

    What a commit creates or drops is the writer's alone until :meth:`publish`, which follows the commit; a
    commit that fails is undone by :meth:`reload`. Only the writer's thread calls those two and what changes
    the set; any thread may read :attr:`published`.

    Attributes
    ----------
    published : mapping
        The collections that are there, by name. Replaced as a whole, never changed.
    """

    def __init__(self, catalog: Catalog, folder: SegmentStore) -> None:
        self._catalog = catalog
        self._folder = folder
        self.published: Mapping[str, CollectionState] = {}
        self._pending: dict[str, CollectionState] = {}
        self._changed = False
        self.reload()

    def get(self, name: str) -> CollectionState | None:
        """Return the collection of a name as the writer has it."""
        return self._pending.get(name)

    def add(self, state: CollectionState) -> None:
        """Add a collection."""
        self._pending[state.name] = state
        self._changed = True

    def remove(self, state: CollectionState) -> None:
        """Take a collection out."""
        del self._pending[state.name]
        self._changed = True

    def check_there(self, state: CollectionState) -> None:
        """Raise NotFound when the writer dropped a collection, published or not."""
        if self._pending.get(state.name) is not state:
            raise NotFound(f"collection {state.name!r} was dropped", field="name")

    def publish(self) -> None:
        """Show readers what was added and removed."""
        if not self._changed:
            return
        gone = [state for name, state in self.published.items() if self._pending.get(name) is not state]
        self.published = dict(self._pending)
        for state in gone:
            state.dropped = True
        self._changed = False

    def reload(self) -> None:
        """Bring everything to what the catalog says, and show it; segments that are open stay open.

        When this raises, what readers see is as it was.
        """
        found: dict[str, CollectionState] = {}
        with translated(), self._catalog.read() as txn:
            for record in self._catalog.collections(txn):
                known = self.published.get(record.name)
                try:
                    if known is not None and known.record.uuid == record.uuid:
                        reload_collection(self._catalog, txn, known, self._folder)
                    else:
                        known = load_collection(self._catalog, txn, record, self._folder)
                except FileNotFoundError as error:
                    raise Corruption(
                        f"{error.filename} is in the manifest of {record.name!r}, not in the folder; bring "
                        "the file back from a copy of the database"
                    ) from error
                found[record.name] = known
        self._pending = found
        self._changed = True
        self.publish()
