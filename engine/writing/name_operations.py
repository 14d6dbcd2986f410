"""The changes of names that a writer commits: a collection's own, and aliases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...storage.catalog.catalog import Catalog
from ...storage.catalog.key_value_store import WriteTransaction
from ..errors import NotFound
from ..state.collection_set import CollectionSet
from ..state.collection_state import CollectionState


@dataclass(frozen=True, slots=True)
class RenameCollection:
    """Give a collection, which was found under the name ``old``, another one."""

    state: CollectionState
    old: str
    new: str
    collections: CollectionSet

    @property
    def touched(self) -> CollectionState:
        """The collection, which is loaded first: one that is being loaded takes the name from the catalog."""
        return self.state

    def apply(self, catalog: Catalog, txn: WriteTransaction) -> None:
        """Write its record."""
        state = self.state
        if state.name != self.old:
            raise NotFound(
                f"no collection is named {self.old!r}: it was renamed to {state.name!r}", field="name"
            )
        self.collections.written.check_free(self.new)
        # At once, so that a change of the schema in the same commit does not write the old name again.
        state.rename(self.new)
        catalog.put_collection(txn, state.record)
        self.collections.written = self.collections.written.renaming(self.old, self.new)


@dataclass(frozen=True, slots=True)
class SetAliases:
    """Give aliases to collections, or drop them: all of them in one commit."""

    changes: Mapping[str, str | None]
    collections: CollectionSet

    @property
    def touched(self) -> None:
        """No collection's snapshot changes."""

    def apply(self, catalog: Catalog, txn: WriteTransaction) -> None:
        """Write the aliases, once each change was found to be possible."""
        checked = self.collections.written.checked_aliases(self.changes)
        for alias, record in checked.items():
            if record is None:
                catalog.delete_alias(txn, alias)
            else:
                catalog.put_alias(txn, alias, record.number)
        self.collections.written = self.collections.written.aliasing(checked.items())
