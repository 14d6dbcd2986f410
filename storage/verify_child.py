"""The process in which `verify` reads files that may be damaged: LMDB can end the process that maps one.

Each line of standard input is a request, each line of standard output its answer, both JSON.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time

import msgspec

from .catalog_check import CatalogCheck
from .errors import CorruptionError, StorageError
from .lmdb_store import LmdbStore
from .lmdb_structure import structure_problems
from .lmdb_tree import check_transactions
from .segment_file import SegmentFile

_TORN_READS = 5
_PAUSE_SECONDS = 0.003


class Request(msgspec.Struct, frozen=True):
    """Check the file at `path`: the catalog folder when `uuid` is None, else that segment."""

    path: str
    uuid: str | None = None


class Answer(msgspec.Struct, frozen=True):
    """What is wrong, and the live segments when a catalog was checked."""

    problems: list[str]
    segments: list[str] = []


def check_catalog(path: str) -> Answer:
    """Check a catalog folder, which another process may be writing to."""
    data = os.path.join(path, "data.mdb")
    try:
        _check_transactions(data)
        with tempfile.TemporaryDirectory(prefix="vicinal-verify-") as private:
            # A copy stands still while it is walked, and LMDB makes one without looking at what it copies.
            store = LmdbStore(path, read_only=True)
            store.copy_to(private)
            store.close()
            problems = structure_problems(os.path.join(private, "data.mdb"))
            return Answer(problems) if problems else _check_values(path, private)
    except CorruptionError as error:
        return Answer([error.detail])
    except StorageError as error:
        return Answer([str(error)])


def check_segment(path: str, uuid: str) -> Answer:
    """Check a segment file."""
    problems = structure_problems(path)
    if problems:
        return Answer(problems)
    try:
        segment = SegmentFile.open(path)
    except StorageError as error:
        return Answer([str(error)])
    try:
        problems = segment.verify()
        if segment.uuid != uuid:
            problems.append(f"it contains segment {segment.uuid}")
        return Answer(problems)
    finally:
        segment.close()


def _check_transactions(data: str) -> None:
    """Raise CorruptionError when the file does not hold its last two transactions."""
    for attempt in range(_TORN_READS):
        try:
            return check_transactions(data)
        except CorruptionError:
            # A commit of another process between two reads looks like damage once, not every time.
            if attempt == _TORN_READS - 1:
                raise
            time.sleep(_PAUSE_SECONDS)


def _check_values(path: str, private: str) -> Answer:
    check = CatalogCheck(path)
    store = LmdbStore(private, read_only=True)
    with store.read() as txn:
        check.run(txn.scan(b"\0", b"\xff" * 512))
    store.close()
    return Answer(check.problems, sorted(check.segments))


def main() -> None:
    """Answer the requests of standard input."""
    for line in sys.stdin.buffer:
        request = msgspec.json.decode(line, type=Request)
        if request.uuid is None:
            answer = check_catalog(request.path)
        else:
            answer = check_segment(request.path, request.uuid)
        sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
