"""Telling a database folder from any other, and opening its catalog."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from .. import durable
from ..catalog.catalog import Catalog
from ..errors import NotADatabaseError
from ..folder.directory_lock import LOCK_NAME, ReadingLock
from ..folder.held_folder import HeldFolder
from ..lmdb_files.compaction import is_sparse
from ..lmdb_files.environment import DATA_NAME
from ..lmdb_files.state_check import Examine
from ..lmdb_files.store import LmdbStore
from ..segments.folder import QUARANTINE_FOLDER, SEGMENTS_FOLDER, TMP_FOLDER
from .catalog_keys import check_keys

CATALOG_FOLDER = "catalog"
# Where a catalog is made before it has its name.
_STAGED = f"{TMP_FOLDER}/{CATALOG_FOLDER}"
# What may lie in a folder whose creation was interrupted before the catalog had its first record.
_OUR_NAMES = frozenset({CATALOG_FOLDER, LOCK_NAME, SEGMENTS_FOLDER, TMP_FOLDER, QUARANTINE_FOLDER})


def open_catalog(
    folder: HeldFolder | str | Path, *, engine: str, read_only: bool = False, create: bool = True
) -> Catalog:
    """Open the catalog of a database folder, creating it in a missing or empty folder.

    Parameters
    ----------
    folder : HeldFolder, str or Path
        The database folder, not the `catalog` folder inside.
    engine : str
        The release to record when the database is created.
    read_only : bool
        Refuse writes, and never create.
    create : bool
        Whether a missing or empty folder becomes a new database.

    Raises
    ------
    NotADatabaseError
        When there is no database and none may be created, or the folder holds other files.
    FormatVersionError
        When the database was written by a newer release.
    CorruptionError
        When the catalog was cut short, or its pages or keys are damaged.
    """
    create = create and not read_only
    path = folder.path() if isinstance(folder, HeldFolder) else os.path.abspath(folder)
    exists = check_is_ours(path)
    if not exists and not create:
        raise NotADatabaseError(path, "it has no catalog")
    if not exists:
        durable.make_folder(path)
    held = folder if isinstance(folder, HeldFolder) else HeldFolder(path)
    if create:
        # What an interrupted creation left, before the catalog had its name or after.
        with suppress(FileNotFoundError):
            shutil.rmtree(_STAGED, dir_fd=held.descriptor)
    if not exists:
        _create(held, engine)
    catalog = Catalog(open_store(held, read_only=read_only, examine=check_keys, compact=create))
    try:
        _check_meta(catalog, path, engine=engine, create=create)
    except BaseException:
        catalog.close()
        raise
    return catalog


def check_is_ours(folder: str | Path) -> bool:
    """Return whether the folder has a catalog; NotADatabaseError when it has none and holds other files."""
    path = os.fspath(folder)
    if os.path.isfile(os.path.join(path, CATALOG_FOLDER, DATA_NAME)):
        return True
    present = set(os.listdir(path)) if os.path.isdir(path) else set()
    foreign = sorted(present - _OUR_NAMES)
    if foreign:
        raise NotADatabaseError(path, f"it holds {foreign[0]!r} and no catalog: choose an empty folder")
    return False


def open_store(
    folder: HeldFolder,
    name: str = CATALOG_FOLDER,
    *,
    read_only: bool,
    examine: Examine | None = None,
    compact: bool = False,
) -> LmdbStore:
    """Open the store of a catalog that exists.

    `compact` makes a catalog of which little is in use small again; the caller has the folder's lock. Who may
    read and not write keeps writers out meanwhile, because none could see that it reads.
    """
    guard = ReadingLock(folder) if read_only and not _may_be_seen(folder, name) else None
    return LmdbStore(
        name,
        within=folder,
        read_only=read_only,
        examine=examine,
        guard=guard,
        compact_in=_STAGED if compact else None,
    )


def give_back(folder: HeldFolder) -> None:
    """Make a catalog that this process has closed small again, when little of it is in use.

    The caller has the folder's lock. Opening does the same, for whoever could not at the end.
    """
    if is_sparse(folder.path(CATALOG_FOLDER)):
        open_store(folder, read_only=False, examine=check_keys, compact=True).close()


def _may_be_seen(folder: HeldFolder, catalog: str) -> bool:
    """Return whether this user may enter itself in LMDB's list of readers."""
    name = f"{catalog}/lock.mdb"
    effective = os.access in os.supports_effective_ids
    if not os.access(name, os.F_OK, dir_fd=folder.descriptor, effective_ids=effective):
        name = catalog
    return os.access(name, os.W_OK, dir_fd=folder.descriptor, effective_ids=effective)


def _create(folder: HeldFolder, engine: str) -> None:
    """Make a database of a folder that has no catalog.

    The catalog gets its name last, so that whatever interrupts this leaves a folder that is begun anew.
    """
    for name in (SEGMENTS_FOLDER, TMP_FOLDER, QUARANTINE_FOLDER, CATALOG_FOLDER):
        with suppress(FileExistsError):
            os.mkdir(name, dir_fd=folder.descriptor)
    durable.fsync_folder(".", folder.descriptor)
    durable.fsync_name(folder.path())
    catalog = Catalog(LmdbStore(_STAGED, within=folder))
    try:
        with catalog.write() as txn:
            catalog.create_meta(txn, engine)
    finally:
        catalog.close()
    durable.fsync_file(folder.path(f"{_STAGED}/{DATA_NAME}"))
    durable.rename(f"{_STAGED}/{DATA_NAME}", f"{CATALOG_FOLDER}/{DATA_NAME}", folder.descriptor)
    durable.fsync_folder(CATALOG_FOLDER, folder.descriptor)
    shutil.rmtree(_STAGED, dir_fd=folder.descriptor)


def _check_meta(catalog: Catalog, path: str, *, engine: str, create: bool) -> None:
    with catalog.read() as txn:
        meta = catalog.read_meta(txn)
        empty = next(txn.scan(b"\0", b"\xff"), None) is None
    if meta is not None:
        return
    if not (empty and create):
        raise NotADatabaseError(path, "its catalog has no meta record")
    with catalog.write() as writing:
        catalog.create_meta(writing, engine)
