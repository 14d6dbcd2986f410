"""Which collections and aliases a database has: what every name in it stands for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from msgspec.structs import replace

from ...storage.catalog.catalog import Catalog
from ...storage.catalog.key_value_store import ReadTransaction
from ...storage.catalog.records import CollectionRecord
from ...storage.errors import CorruptionError
from ..errors import AlreadyExists, NotFound


@dataclass(frozen=True, slots=True)
class CollectionNames:
    """What the names of one commit stand for. Never changed: a change makes another.

    Readers hold one or the other, so that they see all of a change or nothing of it.

    Attributes
    ----------
    records : mapping
        The record of each collection by its own name.
    aliases : mapping
        A collection's own name by each of its aliases. The catalog has its number instead, which a renaming
        leaves as it is.
    """

    records: Mapping[str, CollectionRecord] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, catalog: Catalog, txn: ReadTransaction) -> CollectionNames:
        """Return the names that ``txn`` sees."""
        by_number = {record.number: record for record in catalog.collections(txn)}
        aliases = {}
        for alias, number in catalog.aliases(txn).items():
            if number not in by_number:
                raise CorruptionError(
                    catalog.store.path, f"alias {alias!r} is of collection {number}, which does not exist"
                )
            aliases[alias] = by_number[number].name
        return cls({record.name: record for record in by_number.values()}, aliases)

    def find(self, name: str) -> CollectionRecord | None:
        """Return the collection of that name or alias."""
        return self.records.get(self.aliases.get(name, name))

    def check_free(self, name: str) -> None:
        """Raise AlreadyExists when a collection or an alias has the name."""
        if name in self.records:
            raise AlreadyExists(
                f"collection {name!r} exists; use db.collection({name!r}) or drop it first", field="name"
            )
        if name in self.aliases:
            raise AlreadyExists(
                f"{name!r} is an alias; take another name, or drop it: db.set_aliases({{{name!r}: None}})",
                field="name",
            )

    def checked_aliases(self, changes: Mapping[str, str | None]) -> dict[str, CollectionRecord | None]:
        """Return the collection that each alias is to have, None for one that is to go.

        Raises
        ------
        AlreadyExists
            An alias is named like a collection.
        NotFound
            There is no such collection, or no such alias to drop.
        """
        checked: dict[str, CollectionRecord | None] = {}
        for alias, name in changes.items():
            if alias in self.records:
                raise AlreadyExists(
                    f"{alias!r} is the name of a collection; an alias takes another, or rename the "
                    "collection first",
                    field="aliases",
                )
            if name is None and alias not in self.aliases:
                raise NotFound(f"there is no alias {alias!r} to drop", field="aliases")
            checked[alias] = found = None if name is None else self.find(name)
            if name is not None and found is None:
                raise NotFound(f"no collection is named {name!r}", field="aliases")
        return checked

    def adding(self, record: CollectionRecord) -> CollectionNames:
        """Return these names with a collection more."""
        return CollectionNames({**self.records, record.name: record}, self.aliases)

    def removing(self, name: str) -> CollectionNames:
        """Return these names without a collection and its aliases."""
        return CollectionNames(
            {other: record for other, record in self.records.items() if other != name},
            {alias: other for alias, other in self.aliases.items() if other != name},
        )

    def renaming(self, old: str, new: str) -> CollectionNames:
        """Return these names with one collection renamed; its aliases stay."""
        records = dict(self.records)
        records[new] = replace(records.pop(old), name=new)
        return CollectionNames(records, {a: new if name == old else name for a, name in self.aliases.items()})

    def aliasing(self, changes: Iterable[tuple[str, CollectionRecord | None]]) -> CollectionNames:
        """Return these names with other aliases."""
        aliases = dict(self.aliases)
        for alias, record in changes:
            if record is None:
                del aliases[alias]
            else:
                aliases[alias] = record.name
        return CollectionNames(self.records, aliases)
