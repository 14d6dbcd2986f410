"""Whether a database folder is whole. Nothing is changed, and a writer may be at work meanwhile."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ..catalog.records import SegmentRecord
from ..errors import NotADatabaseError, StorageError
from ..opening.database_folder import CATALOG_FOLDER
from ..segments.folder import SegmentFolder
from .child import Answer, CheckCatalog, CheckPoints, CheckSegment, Request

_CATALOG_REMEDY = "restore the database from a backup"
_SEGMENT_REMEDY = "restore this file from a backup; what other segments hold is not affected"


@dataclass(frozen=True, slots=True)
class Damage:
    """One thing that is wrong: where, what, and what to do about it."""

    path: str
    what: str
    remedy: str


def check_folder(folder: str | Path) -> list[Damage]:
    """Read everything in a database folder and return what is damaged.

    Every checksum of the catalog and of the live segments is computed, the catalog's records are compared
    with each other and with the files, and each point must live in one place only. The files are read in a
    child process, in place, so a disk that ends the process that reads it is reported like any other damage.
    Bytes of a file that nothing refers to are not looked at.

    Raises
    ------
    NotADatabaseError
        When there is no catalog in the folder.
    StorageError
        When something other than damage keeps the files from being read.
    """
    path = Path(folder)
    catalog = path / CATALOG_FOLDER
    if not (catalog / "data.mdb").is_file():
        raise NotADatabaseError(os.fspath(folder), "it has no catalog")
    reader = _Reader()
    try:
        answer = reader.ask(CheckCatalog(str(catalog)))
        damages = [Damage(str(catalog), what, _CATALOG_REMEDY) for what in answer.problems]
        if not answer.readable:
            return damages
        apart = []
        for record in answer.segments:
            file = SegmentFolder(path, read_only=True).path(record.uuid)
            problems = _segment_problems(reader, file, record, catalog)
            if problems:
                apart.append(record.uuid)
            damages += [Damage(str(file), what, _SEGMENT_REMEDY) for what in problems]
        together = reader.ask(CheckPoints(str(path), apart))
        return damages + [Damage(str(path), what, _CATALOG_REMEDY) for what in together.problems]
    finally:
        reader.close()


def _segment_problems(reader: _Reader, file: Path, record: SegmentRecord, catalog: Path) -> list[str]:
    found = reader.ask(CheckSegment(str(file), record))
    if not found.gone:
        return found.problems
    # A merge of another process may have replaced the segment since the manifest was read.
    live = reader.ask(CheckCatalog(str(catalog))).segments
    return ["the file of a live segment is missing"] if any(one.uuid == record.uuid for one in live) else []


class _Reader:
    """The child process, started again when a file has ended it."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None

    def ask(self, request: Request) -> Answer:
        """Return the child's answer; its death is one."""
        child = self._started()
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            child.stdin.write(msgspec.json.encode(request) + b"\n")
            child.stdin.flush()
            line = child.stdout.readline()
        except BrokenPipeError:
            line = b""
        if line:
            answer = msgspec.json.decode(line, type=Answer)
            if answer.obstacle:
                raise StorageError(f"{answer.obstacle}: nothing is known to be damaged, check again")
            return answer
        status = self.close()
        return Answer([f"reading it ended the process that read it (status {status})"], readable=False)

    def close(self) -> int:
        """Wait for the child to end and return its status."""
        child, self._child = self._child, None
        if child is None:
            return 0
        child.communicate()
        return child.returncode

    def _started(self) -> subprocess.Popen[bytes]:
        if self._child is None:
            # -P keeps files in the current folder from being imported.
            command = [sys.executable, "-P", "-m", "vicinal.storage.verify.child"]
            self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self._child
