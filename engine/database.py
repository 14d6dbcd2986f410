"""Opening a database, and the collections in it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from ..storage import durable
from ..storage.catalog.catalog import FORMAT_VERSION, Catalog
from ..storage.folder.directory_lock import DirectoryLock
from ..storage.folder.held_folder import HeldFolder
from ..storage.opening.database_folder import check_is_ours, open_catalog
from ..storage.segments.folder import SegmentFolder
from .collection import Collection
from .error_translation import public, raises_its_own
from .errors import AlreadyExists, InvalidArgument, NotADatabase, NotFound, ReadOnly
from .handoff import undisturbed
from .hosts.host import Host
from .hosts.writing import WritingHost
from .input.queries import check_flag
from .maintenance.lanes import check_build_threads
from .maintenance.merge_policy import MergePolicySettings
from .release import release
from .results.info import MEMORY, CollectionInfo, DatabaseInfo
from .schema.declared import DeclaredFields, check_same_schema, declared_schema
from .schema.names import checked_aliases, checked_collection_name
from .schema.vector_field import VectorField
from .state.collection_state import CollectionState


@public
class Database:
    """A folder of collections, or the same in memory. Got from :func:`open`; a context manager.

    Safe to use from any number of threads. After :meth:`close` every call raises :class:`Closed`; hits and
    points that were returned before stay readable.
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


@raises_its_own
def open(
    path: str | os.PathLike[str],
    *,
    read_only: bool = False,
    merge_policy: MergePolicySettings | None = None,
    build_threads: int | None = None,
) -> Database:
    """Open a database, creating it if there is none.

    Parameters
    ----------
    path : str or path
        A folder, or ``":memory:"`` for a database that ends with the process.
    read_only : bool
        Open without taking the writer's place. Any number of processes may do so beside one writer; they
        follow its writes. A user who may not write ``catalog/lock.mdb`` can read while there is no writer,
        and keeps writers out meanwhile.
    merge_policy : MergePolicySettings, optional
        When background work seals and merges segments.
    build_threads : int, optional
        How many threads builds take together, at most; by default one core is left to searches.

    Raises
    ------
    LockedByAnotherProcess
        Another process has it open for writing, or this one has; the message names the pid.
    NotADatabase
        The path is a file, or a folder that holds something else.
    FormatTooNew
        It was written by a newer release.
    NotFound
        ``read_only`` was said and there is no database.
    """
    name = _checked_path(path)
    check_flag("read_only", read_only)
    check_build_threads(build_threads)
    settings = MergePolicySettings() if merge_policy is None else merge_policy
    if not isinstance(settings, MergePolicySettings):
        raise InvalidArgument(
            f"merge_policy is a {type(merge_policy).__name__}; expected vicinal.MergePolicySettings(...)",
            field="merge_policy",
        )
    if name == MEMORY:
        if read_only:
            raise ReadOnly(
                "a database in memory has no other process to read from; open it without read_only"
            )
        # Only here, as below: opening a folder does not wait for what it does not use.
        from ..storage.memory.segments import MemorySegmentFolder
        from ..storage.memory.store import MemoryStore

        catalog = Catalog(MemoryStore())
        with catalog.write() as txn:
            catalog.create_meta(txn, _engine())
        return Database(MEMORY, WritingHost(catalog, MemorySegmentFolder(), settings, None, build_threads))
    # Absolute from here on: the working directory may change while the database is open.
    folder = Path(os.path.abspath(name))
    writing = partial(_open_for_writing, settings=settings, build_threads=build_threads)
    opening = _open_read_only if read_only else writing
    return undisturbed(lambda: opening(folder), undo=Database.close)


def _checked_path(path: str | os.PathLike[str]) -> str:
    try:
        name = os.fspath(path)
        sound = isinstance(name, str) and name != "" and b"\0" not in os.fsencode(name)
    except (TypeError, UnicodeEncodeError):
        sound = False
    if not sound:
        raise InvalidArgument(
            f"path is {path!r:.80}; expected the path of a folder, as text or a path, or {MEMORY!r}",
            field="path",
        )
    return name


def _open_for_writing(folder: Path, settings: MergePolicySettings, build_threads: int | None) -> Database:
    if folder.exists() and not folder.is_dir():
        raise NotADatabase(f"{folder} is a file; give the path of a folder", field="path")
    # Before the lock, which would leave its file in a folder that is not ours.
    check_is_ours(folder)
    durable.make_folder(folder)
    held = HeldFolder(folder)
    lock = DirectoryLock(held)
    try:
        catalog = open_catalog(held, engine=_engine())
        try:
            host = WritingHost(catalog, SegmentFolder(held), settings, lock, build_threads)
        except BaseException:
            catalog.close()
            raise
    except BaseException:
        lock.close()
        raise
    return Database(str(folder), host)


def _open_read_only(folder: Path) -> Database:
    if not folder.exists():
        raise NotFound(f"no database at {folder}; open it once without read_only to create it", field="path")
    if not folder.is_dir():
        raise NotADatabase(f"{folder} is a file; give the path of a folder", field="path")
    held = HeldFolder(folder)
    catalog = open_catalog(held, engine=_engine(), read_only=True)
    from .hosts.following import FollowingHost

    try:
        return Database(str(folder), FollowingHost(catalog, SegmentFolder(held, read_only=True)))
    except BaseException:
        catalog.close()
        raise


def _engine() -> str:
    return f"vicinal {release()}"
