"""Sizes and states, as ``info()`` reports them."""

from __future__ import annotations

from dataclasses import dataclass

from ...storage.catalog.key_value_store import StoreUse

MEMORY = ":memory:"
"""The path of a database in memory."""


@dataclass(frozen=True, slots=True)
class SegmentInfo:
    """One segment of a collection.

    Attributes
    ----------
    uuid : str
        Name of its file without the ending; ``growing`` for the rows that are in the log only.
    rows, dead : int
        Rows it holds and how many of them are outdated or deleted.
    bytes_disk, bytes_memory : int
        Size of its file, 0 when it is in memory; bytes in memory that are not the file's pages.
    indexed : tuple of str
        Vector fields that have an index in it.
    """

    uuid: str
    rows: int
    dead: int
    bytes_disk: int
    bytes_memory: int
    indexed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AuditedRecall:
    """What repeating searches exactly showed, of searches of a field that ask for about as much.

    Of the newest 64 at most, since the database was opened.

    Attributes
    ----------
    field : str
        Vector field.
    k : int
        Results that they asked for at most.
    filtered : bool
        Whether they were under a filter, or of a tenant.
    tokens : (int or None, int or None) or None
        How many first tokens of each query and of each point counted, as the caller said it.
    tries : int
        How many were repeated.
    promised, found, worst : float
        The recall asked for, and that of the answers: in the mean, and in the mean of the worst tenth.
    raised : int
        By how many rungs of the measured ladder such searches try harder now, because less was found than
        was promised.
    """

    field: str
    k: int
    filtered: bool
    tokens: tuple[int | None, int | None] | None
    tries: int
    promised: float
    found: float
    worst: float
    raised: int


@dataclass(frozen=True, slots=True)
class Activity:
    """What background work is doing to a collection.

    Attributes
    ----------
    stage : str
        Name of the stage, such as ``index plot``; empty when nothing runs.
    fraction : float
        How much of the stage is done.
    last_error : str
        Why the last background task failed or could not begin, empty when it did neither.
    retry_seconds : float
        In how many seconds it is tried again; 0 when nothing waits for that.
    """

    stage: str = ""
    fraction: float = 0.0
    last_error: str = ""
    retry_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class CollectionInfo:
    """One collection.

    Attributes
    ----------
    name : str
    points : int
        Points that are alive.
    segments : tuple of SegmentInfo
    tenants : int
        Tenants that ever wrote; 0 in a collection that is not partitioned.
    activity : Activity
        What background work is doing.
    filling : tuple of str
        Indexed payload fields that some segments do not have yet, because they were added after those were
        written; filters on them read the payloads there.
    audited : tuple of AuditedRecall
        What audits showed in this process; nothing where they are off, or no search was in question.
    """

    name: str
    points: int
    segments: tuple[SegmentInfo, ...]
    tenants: int
    activity: Activity
    filling: tuple[str, ...] = ()
    audited: tuple[AuditedRecall, ...] = ()

    @property
    def bytes_disk(self) -> int:
        """Bytes of its segment files."""
        return sum(segment.bytes_disk for segment in self.segments)

    @property
    def bytes_memory(self) -> int:
        """Bytes in memory that are not pages of its files."""
        return sum(segment.bytes_memory for segment in self.segments)

    @property
    def indexed_rows(self) -> int:
        """Rows in segments that have an index."""
        return sum(segment.rows for segment in self.segments if segment.indexed)


@dataclass(frozen=True, slots=True)
class DatabaseInfo:
    """A database.

    Attributes
    ----------
    path : str
    format : int
        Version of the format on disk.
    collections : tuple of CollectionInfo
    bytes_catalog : int
        Bytes of the catalog, the log included.
    catalog_use : StoreUse or None
        How much of the catalog is in use, and the process whose reading keeps the rest from being used again;
        None from a server to a key that is bound to tenants or collections. What is free is given back when
        the database is opened for writing while nobody else has it open.
    """

    path: str
    format: int
    collections: tuple[CollectionInfo, ...]
    bytes_catalog: int
    catalog_use: StoreUse | None = None

    @property
    def points(self) -> int:
        """Points that are alive."""
        return sum(collection.points for collection in self.collections)

    @property
    def bytes_disk(self) -> int:
        """Bytes on disk, catalog and segments; nothing of a database in memory is."""
        catalog = 0 if self.path == MEMORY else self.bytes_catalog
        return catalog + sum(collection.bytes_disk for collection in self.collections)

    @property
    def bytes_memory(self) -> int:
        """Bytes in memory that are not pages of files; of a database in memory those of the catalog too."""
        catalog = self.bytes_catalog if self.path == MEMORY else 0
        return catalog + sum(collection.bytes_memory for collection in self.collections)
