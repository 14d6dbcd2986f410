"""The segment files of a database folder, from being written to being removed.

::

    tmp/<uuid>.seg         being written, or left by a crash
    segments/<uuid>.seg    published
    quarantine/<uuid>.seg  damaged; kept for whoever can still use it
"""

import os
import time
from contextlib import suppress
from pathlib import Path
from uuid import UUID, uuid4

from .. import durable
from ..errors import CorruptionError
from ..folder.held_folder import HeldFolder
from .file import SegmentFile
from .writer import SegmentWriter

SEGMENTS_FOLDER = "segments"
TMP_FOLDER = "tmp"
QUARANTINE_FOLDER = "quarantine"
SUFFIX = ".seg"


class SegmentFolder:
    """A `SegmentStore` on disk.

    Files are given names, listed and removed in the folder that was opened, also when it has another name by
    now. They are written and read by the path it has at that moment: a file that got elsewhere in between is
    not published, and one that is read has to be the segment asked for.

    Parameters
    ----------
    folder : HeldFolder, str or Path
        The database folder.
    read_only : bool
        Do not create the folders.
    """

    def __init__(self, folder: HeldFolder | str | Path, *, read_only: bool = False) -> None:
        self._folder = folder if isinstance(folder, HeldFolder) else HeldFolder(folder)
        if not read_only:
            for name in (SEGMENTS_FOLDER, TMP_FOLDER, QUARANTINE_FOLDER):
                durable.make_folder(self._folder.path(name))

    def new_writer(self) -> tuple[str, SegmentWriter]:
        """Return a new uuid and a writer for it; `publish` it after its `finish`."""
        uuid = str(uuid4())
        return uuid, SegmentWriter(self._folder.path(_file(TMP_FOLDER, uuid)), uuid=uuid)

    def publish(self, uuid: str) -> None:
        """Give a finished segment its final place, durably."""
        self._move(uuid, TMP_FOLDER, SEGMENTS_FOLDER)

    def open(self, uuid: str) -> SegmentFile:
        """Open a published segment.

        Raises
        ------
        FileNotFoundError
            When it is not there, for instance because a merge has replaced it since the manifest was read.
        CorruptionError
            When it is damaged, or is another segment under this name.
        """
        path = self.path(uuid)
        segment = SegmentFile.open(path)
        if segment.uuid != uuid:
            raise CorruptionError(str(path), f"it contains segment {segment.uuid}")
        return segment

    def path(self, uuid: str) -> Path:
        """Return where a published segment is."""
        return Path(self._folder.path(_file(SEGMENTS_FOLDER, uuid)))

    def remove(self, uuid: str) -> None:
        """Delete a segment, published or not; who has it open may read on."""
        for name in (SEGMENTS_FOLDER, TMP_FOLDER):
            with suppress(FileNotFoundError):
                os.unlink(_file(name, uuid), dir_fd=self._folder.descriptor)
                durable.fsync_folder(name, self._folder.descriptor)

    def quarantine(self, uuid: str) -> None:
        """Move a damaged segment aside, never to be opened again or deleted."""
        self._move(uuid, SEGMENTS_FOLDER, QUARANTINE_FOLDER)

    def strays(self, known: set[str], older_than_s: float) -> list[str]:
        """Return the segments not in `known`, in `segments` and `tmp`, last written more than `older_than_s`
        ago.

        A file whose name is not one of ours is never among them.
        """
        oldest = time.time() - older_than_s
        found = []
        for name in (SEGMENTS_FOLDER, TMP_FOLDER):
            for uuid, status in self._files(name):
                if uuid not in known and status.st_mtime <= oldest:
                    found.append(uuid)
        return sorted(found)

    def free_bytes(self) -> int:
        """Return how much room the file system has for segments."""
        room = os.fstatvfs(self._folder.descriptor)
        return room.f_bavail * room.f_frsize

    def _files(self, name: str) -> list[tuple[str, os.stat_result]]:
        try:
            folder = os.open(
                name, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self._folder.descriptor
            )
        except FileNotFoundError:
            return []
        found = []
        try:
            for entry in os.scandir(folder):
                stem, suffix = os.path.splitext(entry.name)
                if suffix == SUFFIX and _is_uuid(stem):
                    # Another process may delete a file between the listing and this line.
                    with suppress(FileNotFoundError):
                        found.append((stem, entry.stat()))
        finally:
            os.close(folder)
        return found

    def _move(self, uuid: str, source: str, target: str) -> None:
        within = self._folder.descriptor
        durable.rename(_file(source, uuid), _file(target, uuid), within)
        durable.fsync_folder(target, within)
        durable.fsync_folder(source, within)


def _file(folder: str, uuid: str) -> str:
    if not _is_uuid(uuid):
        raise ValueError(f"{uuid!r} is not a segment's uuid")
    return f"{folder}/{uuid}{SUFFIX}"


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
