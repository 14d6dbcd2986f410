"""Opening a database: a folder, or memory; to write it, or to read it beside a process that does."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from ...storage import durable
from ...storage.catalog.catalog import Catalog
from ...storage.folder.directory_lock import DirectoryLock
from ...storage.folder.held_folder import HeldFolder
from ...storage.opening.database_folder import check_is_ours, open_catalog
from ...storage.segments.folder import SegmentFolder
from ..audit.recall_audit import check_audit
from ..database import Database
from ..error_translation import raises_its_own
from ..errors import InvalidArgument, NotADatabase, NotFound, ReadOnly
from ..handoff import undisturbed
from ..hosts.writing import WritingHost
from ..input.queries import check_flag
from ..maintenance.lanes import check_build_threads
from ..maintenance.merge_policy import MergePolicySettings
from ..release import release
from ..results.info import MEMORY


@raises_its_own
def open(
    path: str | os.PathLike[str],
    *,
    read_only: bool = False,
    merge_policy: MergePolicySettings | None = None,
    build_threads: int | None = None,
    audit: float = 0.0,
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
    audit : float
        How much of one core a thread may take that repeats a few searches exactly, and has later ones try
        harder where less was found than ``recall=`` asked for; 0.01 is what a server gives it. 0 for none,
        and no thread. ``collection.info().audited`` says what it found.

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
    share = check_audit(audit)
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
        from ...storage.memory.segments import MemorySegmentFolder
        from ...storage.memory.store import MemoryStore

        catalog = Catalog(MemoryStore())
        with catalog.write() as txn:
            catalog.create_meta(txn, _engine())
        host = WritingHost(catalog, MemorySegmentFolder(), settings, None, build_threads, share)
        return Database(MEMORY, host)
    # Absolute from here on: the working directory may change while the database is open.
    folder = Path(os.path.abspath(name))
    writing = partial(_open_for_writing, settings=settings, build_threads=build_threads)
    opening = _open_read_only if read_only else writing
    return undisturbed(lambda: opening(folder, audit_share=share), undo=Database.close)


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


def _open_for_writing(
    folder: Path, *, audit_share: float, settings: MergePolicySettings, build_threads: int | None
) -> Database:
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
            host = WritingHost(catalog, SegmentFolder(held), settings, lock, build_threads, audit_share)
        except BaseException:
            catalog.close()
            raise
    except BaseException:
        lock.close()
        raise
    return Database(str(folder), host)


def _open_read_only(folder: Path, *, audit_share: float) -> Database:
    if not folder.exists():
        raise NotFound(f"no database at {folder}; open it once without read_only to create it", field="path")
    if not folder.is_dir():
        raise NotADatabase(f"{folder} is a file; give the path of a folder", field="path")
    held = HeldFolder(folder)
    catalog = open_catalog(held, engine=_engine(), read_only=True)
    from ..hosts.following import FollowingHost

    try:
        host = FollowingHost(catalog, SegmentFolder(held, read_only=True), audit_share)
        return Database(str(folder), host)
    except BaseException:
        catalog.close()
        raise


def _engine() -> str:
    return f"vicinal {release()}"
