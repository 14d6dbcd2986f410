"""The process in which `verify` reads files that may be damaged: a disk that fails ends who has mapped one.

Each line of standard input is a request, each line of standard output its answer, both JSON.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import msgspec

from .. import system_errors
from ..catalog.catalog import Catalog
from ..catalog.records import SegmentRecord
from ..errors import CorruptionError, StorageError
from ..folder.held_folder import HeldFolder
from ..opening.database_folder import open_store
from ..segments.file import SegmentFile
from .catalog_check import CatalogCheck
from .points_check import point_columns, points_problems


class CheckCatalog(msgspec.Struct, frozen=True, tag=True):
    """Check the catalog in the folder `path`."""

    path: str


class CheckSegment(msgspec.Struct, frozen=True, tag=True):
    """Check the segment file at `path`, of which the catalog says `record`."""

    path: str
    record: SegmentRecord


class CheckPoints(msgspec.Struct, frozen=True, tag=True):
    """Compare the points of the database folder `path`, but for those of the damaged segments in `apart`."""

    path: str
    apart: list[str]


Request = CheckCatalog | CheckSegment | CheckPoints


class Answer(msgspec.Struct, frozen=True):
    """What is wrong; `segments` are the live ones when a catalog was checked.

    `readable` is whether LMDB may be let loose on the file, `gone` whether the file was not there, `obstacle`
    what kept it from being read, which says nothing of the file.
    """

    problems: list[str]
    segments: list[SegmentRecord] = []
    readable: bool = True
    gone: bool = False
    obstacle: str = ""


def check_catalog(path: str) -> Answer:
    """Check a catalog folder, which another process may be writing to.

    It is read in place: one transaction keeps the pages of its state as they are.
    """
    try:
        store = open_store(HeldFolder(os.path.dirname(path)), os.path.basename(path), read_only=True)
        try:
            check = CatalogCheck(path)
            with store.read() as txn:
                check.run(txn.scan(b"\0", b"\xff" * 512))
        finally:
            store.close()
    except CorruptionError as error:
        return Answer([error.detail], readable=False)
    return Answer(check.problems, [check.segments[uuid] for uuid in sorted(check.segments)])


def check_segment(path: str, record: SegmentRecord) -> Answer:
    """Check a segment file, which another process may delete meanwhile."""
    try:
        return Answer(_segment_problems(path, record))
    except FileNotFoundError:
        return Answer([], gone=True)
    except CorruptionError as error:
        return Answer([error.detail])


def check_points(path: str, apart: list[str]) -> Answer:
    """Check that each point lives once; only for a folder whose files were found to be readable."""
    store = open_store(HeldFolder(path), read_only=True)
    try:
        return Answer(list(points_problems(path, Catalog(store), set(apart))))
    except CorruptionError as error:
        return Answer([error.detail])
    finally:
        store.close()


def _segment_problems(path: str, record: SegmentRecord) -> list[str]:
    segment = SegmentFile.open(path)
    try:
        problems = segment.verify()
        if segment.uuid != record.uuid:
            problems.append(f"it contains segment {segment.uuid}")
        # A checksum that is wrong says more than what follows from it.
        return problems or list(_disagreements(segment, record))
    finally:
        segment.close()


def _disagreements(segment: SegmentFile, record: SegmentRecord) -> Iterator[str]:
    """Yield where the file does not say what the catalog says of it."""
    try:
        stated = segment.record("segment").get("rows")
    except KeyError:
        yield "it has no record 'segment'"
        return
    try:
        _, _, sequence = point_columns(segment)
    except CorruptionError as error:
        yield error.detail
        return
    if stated != record.rows:
        yield f"it states {stated} rows, the catalog {record.rows}"
    elif stated != len(sequence):
        yield f"it states {stated} rows and has {len(sequence)}"
    elif stated and (sequence.min(), sequence.max()) != (record.first_seq, record.last_seq):
        yield (
            f"its sequence numbers are {sequence.min()} to {sequence.max()}, "
            f"the catalog says {record.first_seq} to {record.last_seq}"
        )


def _answer(request: Request) -> Answer:
    try:
        return _checked(request)
    except StorageError as error:
        return Answer([], obstacle=str(error))
    except OSError as error:
        return Answer([], obstacle=str(system_errors.in_words(error)))


def _checked(request: Request) -> Answer:
    match request:
        case CheckCatalog(path):
            return check_catalog(path)
        case CheckSegment(path, record):
            return check_segment(path, record)
        case CheckPoints(path, apart):
            return check_points(path, apart)


def main() -> None:
    """Answer the requests of standard input."""
    for line in sys.stdin.buffer:
        sys.stdout.buffer.write(msgspec.json.encode(_answer(msgspec.json.decode(line, type=Request))) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
