"""What can go wrong below the engine.

::

    StorageError
    ├── CorruptionError        stored bytes are not what was written
    ├── NotADatabaseError      the folder belongs to something else
    ├── FormatVersionError     written by a newer release
    ├── LockedError            another writer has the folder
    ├── MapFullError           a transaction is larger than its address space
    ├── DiskFullError          the file system is full
    ├── SystemLimitError       the system gives no more of something else
    ├── AccessError            this user may not do it
    ├── UncertainCommitError   a commit failed after its last step had begun
    └── ClosedError            the object was closed

The engine translates these once; mistakes of the calling code are `ValueError` and `TypeError` as usual.
"""


class StorageError(Exception):
    """The base of every error raised for the state of the disk rather than for an argument."""


class CorruptionError(StorageError):
    """Stored bytes fail their checksum or cannot be what the format says."""

    def __init__(self, path: str, detail: str) -> None:
        super().__init__(path, detail)
        self.path = path
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.path}: {self.detail}"


class NotADatabaseError(StorageError):
    """The folder holds files, but none that say it is a database."""

    def __init__(self, path: str, detail: str) -> None:
        super().__init__(path, detail)
        self.path = path
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.path} is not a vicinal database: {self.detail}"


class FormatVersionError(StorageError):
    """The database was written in a format this release does not know."""

    def __init__(self, found: int, supported: int) -> None:
        super().__init__(found, supported)
        self.found = found
        self.supported = supported

    def __str__(self) -> str:
        return (
            f"the database has format {self.found}, this release reads up to {self.supported}: "
            f"open it with a newer release"
        )


class LockedError(StorageError):
    """Another writer holds the folder; `pid` is None while that writer is still starting, `here` says whether
    it is this very process, `read` whether it only reads, without the permission to be seen.
    """

    def __init__(self, path: str, pid: int | None, here: bool = False, read: bool = False) -> None:
        super().__init__(path, pid, here, read)
        self.path = path
        self.pid = pid
        self.here = here
        self.read = read

    def __str__(self) -> str:
        if self.read:
            return (
                f"{self.path} is read by a process without write permission, which a writer could not see: "
                "close it there, or give that user write permission for catalog/lock.mdb"
            )
        if self.here:
            return (
                f"{self.path} is open for writing in this process ({self.pid}) already: use that Database or "
                "close it; read_only=True opens it beside any number of others"
            )
        holder = "another process" if self.pid is None else f"process {self.pid}"
        return f"{self.path} is open for writing by {holder}: close it there, or open it read-only here"


class MapFullError(StorageError):
    """The transaction is larger than the memory map has room for; it changed nothing."""


class DiskFullError(StorageError):
    """The file system has no room; the transaction changed nothing."""


class SystemLimitError(StorageError):
    """The system gives no more open files, memory maps or the like; the message names the limit."""


class AccessError(StorageError):
    """This user may not read or write the file; the message says what is missing."""


class UncertainCommitError(StorageError):
    """The last write of a commit failed: after a crash the transaction may or may not be there."""


class ClosedError(StorageError):
    """The object was closed."""
