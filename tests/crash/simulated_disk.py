"""What a log of calls left on the disk, and what a power cut may leave of it.

Sure are the contents of a file as of its last fsync, the names of a folder as of its last fsync, and what was
written through a descriptor with O_SYNC or O_DSYNC. Of the rest any part may be lost: each sector of a file,
its length, each name. A rename within one folder happens or does not; one between two folders may be lost on
either side.
"""

from __future__ import annotations

import os
import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

RECORD = struct.Struct("=8siiqII")
SECTOR = 512
AT_CURRENT = -100


@dataclass(frozen=True, slots=True)
class Call:
    """One record of the log; `write_log.c` says what is in it."""

    kind: str
    descriptor: int
    flags: int
    offset: int
    path: str
    data: bytes


def read_log(path: Path) -> Iterator[Call]:
    """Yield the calls in order."""
    with path.open("rb") as file:
        while head := file.read(RECORD.size):
            kind, descriptor, flags, offset, path_size, data_size = RECORD.unpack(head)
            name = os.fsdecode(file.read(path_size))
            data = file.read(data_size)
            yield Call(kind.rstrip(b"\0").decode(), descriptor, flags, offset, name, data)


@dataclass(eq=False, slots=True)
class File:
    """A file: what is sure of it, and what was done to it since, as (offset, data) or (length, None)."""

    sure: bytearray = field(default_factory=bytearray)
    since: list[tuple[int, bytes | None]] = field(default_factory=list)

    def sync(self) -> None:
        for offset, data in self.since:
            _change(self.sure, offset, data)
        self.since.clear()

    def write_through(self, offset: int, data: bytes) -> None:
        # The sectors it touches are sure as a whole; earlier lengths have to be for them to be there.
        earlier, self.since = self.since, []
        for change in earlier:
            if change[1] is None:
                _change(self.sure, *change)
            else:
                self.since.append(change)
        _change(self.sure, offset, data)

    def cut(self, rng: random.Random, kept: float) -> bytearray:
        content = bytearray(self.sure)
        for offset, data in self.since:
            if data is None:
                if rng.random() < kept:
                    _change(content, offset, None)
                continue
            start = 0
            while start < len(data):
                end = min(start + SECTOR - (offset + start) % SECTOR, len(data))
                if rng.random() < kept:
                    _change(content, offset + start, data[start:end])
                start = end
        return content


def _change(content: bytearray, offset: int, data: bytes | None) -> None:
    end = offset + len(data) if data is not None else offset
    if len(content) < end:
        content.extend(bytes(end - len(content)))
    if data is None:
        del content[end:]
    else:
        content[offset:end] = data


@dataclass(eq=False, slots=True)
class Folder:
    """A folder: the names as a running program sees them, and those that are sure."""

    names: dict[str, File | Folder] = field(default_factory=dict)
    sure: dict[str, File | Folder] = field(default_factory=dict)
    since: list[dict[str, File | Folder | None]] = field(default_factory=list)

    def change(self, names: dict[str, File | Folder | None]) -> None:
        _rename(self.names, names)
        self.since.append(names)

    def sync(self) -> None:
        self.sure = dict(self.names)
        self.since.clear()

    def cut(self, rng: random.Random, kept: float) -> dict[str, File | Folder]:
        names = dict(self.sure)
        lost: set[str] = set()
        for change in self.since:
            # What happened to a name after a change of it was lost is lost too.
            if rng.random() < kept and lost.isdisjoint(change):
                _rename(names, change)
            else:
                lost.update(change)
        return names


def _rename(names: dict[str, File | Folder], change: dict[str, File | Folder | None]) -> None:
    for name, node in change.items():
        if node is None:
            names.pop(name, None)
        else:
            names[name] = node


class SimulatedDisk:
    """The folder `root` as the calls of a log leave it, one after the other."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._top = Folder()
        # A copied descriptor shares the entry: the file or folder, and whether writes to it are sure.
        self._open: dict[int, tuple[File | Folder, bool]] = {}
        self.mapped: set[str] = set()

    def apply(self, call: Call) -> None:
        """Let one call happen."""
        match call.kind:
            case "open":
                self._opened(call)
            case "close":
                del self._open[call.descriptor]
            case "copy":
                self._open[call.offset] = self._open[call.descriptor]
            case "sync":
                self._open[call.descriptor][0].sync()
            case "write" | "length":
                self._changed(call)
            case "mkdir" | "unlink":
                folder, name = self._place(call.descriptor, call.path)
                folder.change({name: Folder() if call.kind == "mkdir" else None})
            case "rename" | "link":
                self._renamed(call)
            case "map":
                self.mapped.add(self._name_of(call.descriptor))
            case "mark":
                pass
            case kind:
                raise AssertionError(f"{kind} {call.path}: a call that the simulator does not know")

    def cut(self, target: Path, rng: random.Random) -> None:
        """Write what a power cut at this moment may leave to the folder `target`."""
        kept = rng.choice((0.0, 0.1, 0.5, 0.9, 1.0))
        _write(self._top, target, rng, kept)

    def _opened(self, call: Call) -> None:
        folder, name = self._place(call.offset, call.path)
        node = folder.names.get(name) if name else folder
        if node is None:
            assert call.flags & os.O_CREAT, call
            node = File()
            folder.change({name: node})
        if call.flags & os.O_TRUNC and isinstance(node, File):
            node.since.append((0, None))
        self._open[call.descriptor] = node, bool(call.flags & os.O_DSYNC)

    def _changed(self, call: Call) -> None:
        file, sure = self._open[call.descriptor]
        assert isinstance(file, File)
        if call.kind == "length":
            file.since.append((call.offset, None))
        elif sure:
            file.write_through(call.offset, call.data)
        else:
            file.since.append((call.offset, call.data))

    def _renamed(self, call: Call) -> None:
        source, old = self._place(call.descriptor, call.path)
        target, new = self._place(call.offset, os.fsdecode(call.data))
        node = source.names[old]
        if call.kind == "link":
            target.change({new: node})
        elif source is target:
            source.change({old: None, new: node})
        else:
            target.change({new: node})
            source.change({old: None})

    def _place(self, at: int, path: str) -> tuple[Folder, str]:
        """Return the folder of a path and the name in it, which is empty for the top."""
        if path.startswith("/"):
            folder: File | Folder = self._top
            path = os.path.relpath(path, self._root)
        else:
            folder = self._open[at][0]
        *parents, name = [part for part in path.split("/") if part not in ("", ".")] or [""]
        for parent in parents:
            assert isinstance(folder, Folder)
            folder = folder.names[parent]
        assert isinstance(folder, Folder)
        return folder, name

    def _name_of(self, descriptor: int) -> str:
        return _find(self._top, self._open[descriptor][0]) or "a file without a name"


def _find(folder: Folder, wanted: File | Folder) -> str | None:
    for name, node in folder.names.items():
        found = name if node is wanted else _find(node, wanted) if isinstance(node, Folder) else None
        if found:
            return found
    return None


def _write(folder: Folder, target: Path, rng: random.Random, kept: float) -> None:
    target.mkdir()
    for name, node in folder.cut(rng, kept).items():
        if isinstance(node, Folder):
            _write(node, target / name, rng, kept)
        else:
            (target / name).write_bytes(node.cut(rng, kept))
