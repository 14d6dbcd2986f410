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

from . import durable
from .errors import CorruptionError
from .segment_file import SegmentFile
from .segment_writer import SegmentWriter

SEGMENTS_FOLDER = "segments"
TMP_FOLDER = "tmp"
QUARANTINE_FOLDER = "quarantine"
SUFFIX = ".seg"


class SegmentFolder:
    """A `SegmentStore` on disk.

    Parameters
    ----------
    folder : str or Path
        The database folder.
    read_only : bool
        Do not create the folders.
    """

    def __init__(self, folder: str | Path, *, read_only: bool = False) -> None:
        self._folder = Path(folder)
        if not read_only:
            for name in (SEGMENTS_FOLDER, TMP_FOLDER, QUARANTINE_FOLDER):
                durable.make_folder(self._folder / name)

    def new_writer(self) -> tuple[str, SegmentWriter]:
        """Return a new uuid and a writer for it; `publish` it after its `finish`."""
        uuid = str(uuid4())
        return uuid, SegmentWriter(self._path(TMP_FOLDER, uuid), uuid=uuid)

    def publish(self, uuid: str) -> None:
        """Give a finished segment its final place, durably."""
        durable.rename(self._path(TMP_FOLDER, uuid), self._path(SEGMENTS_FOLDER, uuid))
        durable.fsync_folder(self._folder / SEGMENTS_FOLDER)
        durable.fsync_folder(self._folder / TMP_FOLDER)

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
        return self._path(SEGMENTS_FOLDER, uuid)

    def remove(self, uuid: str) -> None:
        """Delete a segment, published or not; who has it open may read on."""
        for name in (SEGMENTS_FOLDER, TMP_FOLDER):
            with suppress(FileNotFoundError):
                os.unlink(self._path(name, uuid))
                durable.fsync_folder(self._folder / name)

    def quarantine(self, uuid: str) -> None:
        """Move a damaged segment aside, never to be opened again or deleted."""
        durable.rename(self._path(SEGMENTS_FOLDER, uuid), self._path(QUARANTINE_FOLDER, uuid))
        durable.fsync_folder(self._folder / QUARANTINE_FOLDER)
        durable.fsync_folder(self._folder / SEGMENTS_FOLDER)

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

    def sizes(self) -> dict[str, int]:
        """Return the bytes of each published segment."""
        return {uuid: status.st_size for uuid, status in self._files(SEGMENTS_FOLDER)}

    def _files(self, name: str) -> list[tuple[str, os.stat_result]]:
        folder = self._folder / name
        if not folder.is_dir():
            return []
        found = []
        for entry in os.scandir(folder):
            stem, suffix = os.path.splitext(entry.name)
            if suffix == SUFFIX and _is_uuid(stem):
                # Another process may delete a file between the listing and this line.
                with suppress(FileNotFoundError):
                    found.append((stem, entry.stat()))
        return found

    def _path(self, folder: str, uuid: str) -> Path:
        if not _is_uuid(uuid):
            raise ValueError(f"{uuid!r} is not a segment's uuid")
        return self._folder / folder / (uuid + SUFFIX)


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
