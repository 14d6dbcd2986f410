"""A database: the collections in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Self

from ..storage.catalog.catalog import FORMAT_VERSION
from .audit.recall_audit import RecallAudit
from .collection import Collection
from .error_translation import public
from .errors import AlreadyExists, InvalidArgument, NotFound
from .hosts.host import Host
from .results.info import CollectionInfo, DatabaseInfo
from .schema.declared import DeclaredFields, check_same_schema, declared_schema
from .schema.names import checked_aliases, checked_collection_name
from .schema.vector_field import VectorField
from .state.collection_state import CollectionState


@public
class Database:
    """A folder of collections, or the same in memory. A context manager.

    Got from :func:`~.opening.opening.open`. Safe to use from any number of threads. After :meth:`close` every
    call raises :class:`Closed`; hits and points that were returned before stay readable.
    """

    def __init__(self, path: str, host: Host) -> None:
        self._path = path
        self._host = host

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Database({self._path!r})"

    @property
    def path(self) -> str:
        """The absolute path of its folder when it was opened, or ``:memory:``."""
        return self._path

    def create_collection(
        self,
        name: str,
        vectors: Mapping[str, VectorField] | VectorField,
        *,
        fields: DeclaredFields | None = None,
        partitioned: bool = False,
        strict: bool = False,
    ) -> Collection:
        """Create a collection.

        Parameters
        ----------
        name : str
            1 to 64 letters, digits, dots, dashes or underscores, but not ``.`` or ``..``.
        vectors : mapping or VectorField
            Vector fields by name; a single field is named ``vector``.
        fields : mapping or "auto", optional
            Payload fields to index for filters: name, with dots for nested ones, to ``keyword``, ``integer``,
            ``float``, ``bool``, ``datetime``, ``uuid``, ``text`` or ``geo``. Values may be arrays of these.
            ``"auto"`` declares what the first 1,000 points show; not in a partitioned collection.
        partitioned : bool
            Whether every point belongs to a tenant. Every call then names one and sees only its points.
        strict : bool
            Whether a filter that names a payload field without an index is refused; unless said, the payloads
            are read for it.

        Raises
        ------
        AlreadyExists
            There is a collection of that name.
        InvalidArgument
            A name, a dimension or a combination that cannot be.
        """
        schema = declared_schema(vectors, fields, partitioned, strict)
        return Collection(self._host.create(checked_collection_name(name), schema), self._host)

    def get_or_create_collection(
        self,
        name: str,
        vectors: Mapping[str, VectorField] | VectorField,
        *,
        fields: DeclaredFields | None = None,
        partitioned: bool = False,
        strict: bool = False,
    ) -> Collection:
        """Return the collection of a name, created unless there is one; parameters as of creation.

        Raises
        ------
        AlreadyExists
            There is one with another schema; the message tells the difference, and nothing was changed.
        InvalidArgument
            A name, a dimension or a combination that cannot be.
        """
        schema = declared_schema(vectors, fields, partitioned, strict)
        state = self._host.state(checked_collection_name(name))
        if state is None:
            try:
                return Collection(self._host.create(name, schema), self._host)
            except AlreadyExists:
                # Another thread was quicker.
                state = self._state(name)
        check_same_schema(name, state.schema, schema)
        return Collection(state, self._host)

    def collection(self, name: str) -> Collection:
        """Return a collection that exists, by its name or an alias.

        Raises
        ------
        NotFound
            There is none of that name.
        """
        return Collection(self._state(name), self._host)

    def collections(self) -> list[str]:
        """Return the names of all collections, sorted."""
        return sorted(self._host.names())

    def drop_collection(self, name: str) -> None:
        """Delete a collection with all its points and its aliases.

        Raises
        ------
        NotFound
            There is none of that name.
        InvalidArgument
            The name is an alias; a collection is dropped by its own.
        """
        self._host.drop(self._own(name))

    def rename_collection(self, old: str, new: str) -> None:
        """Give a collection another name, at once for every reader.

        Its aliases stay, and objects that were got of it work on.

        Raises
        ------
        NotFound
            No collection is named ``old``.
        AlreadyExists
            A collection or an alias is named ``new``.
        InvalidArgument
            ``old`` is an alias, or ``new`` cannot be a name.
        """
        state = self._own(old)
        self._host.rename(state, old, checked_collection_name(new))

    def set_aliases(self, aliases: Mapping[str, str | None]) -> None:
        """Give aliases to collections, move them, or drop them: all at once for every reader, or nothing.

        An alias is taken wherever a collection is got by name. Objects got through it stay with the
        collection it stood for then.

        Parameters
        ----------
        aliases : mapping
            The name of a collection by alias; None drops the alias. Another alias may be named for what it
            stands for before the call. Aliases that are not mentioned stay.

        Raises
        ------
        NotFound
            There is no such collection, or no such alias to drop.
        AlreadyExists
            An alias is named like a collection.
        InvalidArgument
            What cannot be a name, or no mapping.
        """
        self._host.set_aliases(checked_aliases(aliases))

    def aliases(self) -> dict[str, str]:
        """Return the name of a collection by each alias, sorted."""
        return dict(sorted(self._host.aliases().items()))

    def info(self) -> DatabaseInfo:
        """Return sizes and states of all collections."""
        return DatabaseInfo(
            path=self._path,
            format=FORMAT_VERSION,
            collections=tuple(self._infos()),
            bytes_catalog=self._host.bytes_catalog(),
            catalog_use=self._host.catalog_use(),
        )

    def _state(self, name: str) -> CollectionState:
        # Nothing but a text names one, and what has no hash cannot be looked up.
        state = self._host.state(name) if isinstance(name, str) else None
        if state is None:
            known = ", ".join(self.collections()) or "none"
            raise NotFound(f"no collection is named {name!r}; there are: {known}", field="name")
        return state

    def _own(self, name: str) -> CollectionState:
        state = self._state(name)
        if state.name != name:
            raise InvalidArgument(
                f"{name!r} is an alias of {state.name!r}; give the collection's own name, or change the "
                "alias with db.set_aliases",
                field="name",
            )
        return state

    def _infos(self) -> Iterator[CollectionInfo]:
        for name in self.collections():
            # One may be dropped after the names were listed.
            with suppress(NotFound):
                yield self.collection(name).info()

    def close(self) -> None:
        """Finish the writes that were begun, stop background work and let go of the folder.

        From 4,096 growing rows on (``MergePolicySettings.seal_rows``) they are sealed first, without an
        index, in about the time that the next process would take to read them from the log.

        A database that nothing refers to any more, its collections included, is closed in the background.
        """
        self._host.close()


def audit_of(database: Database) -> RecallAudit:
    """Return what is offered the searches of a database: it may tell what it finds."""
    return database._host.audit
