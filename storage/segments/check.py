"""Verifies the arrays and keys of open segments, each file once a process.

A search reads arrays where they are in the file, and cannot wait until gigabytes went through a checksum. So
they are verified beside it, by one thread of low priority; what is built out of a segment waits for it. An
array whose rows have checksums of their own is left out: each row is verified whenever it is read.
"""

from __future__ import annotations

import logging
import os
import threading
import weakref
import zlib
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from ..arrays import header as array_header
from ..arrays.row_reader import CHECKSUMS
from ..errors import ClosedError, CorruptionError
from ..lmdb_files.structure import LmdbStructure, keys_with_lengths
from .mapping import SegmentMapping

log = logging.getLogger("vicinal.storage")

_CHUNK_BYTES = 1 << 20
_LOWEST_PRIORITY = 19
# In front of the other keys is that of the directory, one byte, and its length.
_DIRECTORY_KEY_BYTES = 3

Read = Callable[[int, int], bytes | memoryview]


class _Checks:
    """What waits to be verified, and what was."""

    def __init__(self) -> None:
        self.guard = threading.Lock()
        self.waiting: deque[weakref.ref[SegmentMapping]] = deque()
        self.running = False
        self.done: dict[tuple[int, ...], str] = {}
        self.found_damage = False


_checks = _Checks()


def _forget_the_thread() -> None:
    # A child has no copy of the thread, and of the lock one that nobody lets go of.
    _checks.guard = threading.Lock()
    _checks.running = False


os.register_at_fork(after_in_child=_forget_the_thread)


def check_in_background(mapping: SegmentMapping) -> None:
    """Have the file verified by a thread, unless it was in this process; `known_damage` tells the outcome."""
    with _checks.guard:
        if mapping.identity in _checks.done:
            return
        _checks.waiting.append(weakref.ref(mapping))
        if not _checks.running:
            _checks.running = True
            threading.Thread(target=_work, name="vicinal-verify", daemon=True).start()


def check_now(mapping: SegmentMapping) -> str:
    """Return what is damaged, empty when nothing is; the file is read unless it was in this process."""
    known = _checks.done.get(mapping.identity)
    if known is None:
        found = _problem(mapping)
        if found:
            note_damage(mapping, found)
        # Unless a row was found to be damaged meanwhile.
        known = _checks.done.setdefault(mapping.identity, found)
    return known


def note_damage(mapping: SegmentMapping, found: str) -> None:
    """Keep what a reader found to be damaged; `known_damage` tells it from now on."""
    if not _checks.done.get(mapping.identity):
        _checks.done[mapping.identity] = found
        _checks.found_damage = True
        log.error("%s: %s", mapping.path, found)


def known_damage(mapping: SegmentMapping) -> str:
    """Return what is damaged as far as it is known, empty when nothing is."""
    return _checks.done.get(mapping.identity, "")


def any_damage() -> bool:
    """Return whether any file was found to be damaged: nobody has to ask for each as long as none was."""
    return _checks.found_damage


def _work() -> None:
    with suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOWEST_PRIORITY)
    while True:
        with _checks.guard:
            if not _checks.waiting:
                _checks.running = False
                return
            mapping = _checks.waiting.popleft()()
        if mapping is not None:
            with suppress(ClosedError):
                check_now(mapping)


def _problem(mapping: SegmentMapping) -> str:
    try:
        with mapping.held():
            check_keys(mapping)
        # Read rather than looked at in the mapping: the system reads ahead, the memory it counts for this
        # process does not grow, and a disk that fails is an error, not the end of the process.
        descriptor = _descriptor(mapping.path)
        if descriptor is None:
            _check_arrays(mapping, mapping.bytes_at)
            return ""
        try:
            _check_arrays(mapping, lambda offset, size: os.pread(descriptor, size, offset))
        finally:
            os.close(descriptor)
    except CorruptionError as error:
        return error.detail
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    return ""


def _descriptor(path: str) -> int | None:
    """Open a file, None when it was deleted since it was mapped or the process may open no more."""
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None


def check_keys(mapping: SegmentMapping) -> None:
    """Raise CorruptionError unless the keys are those that were written; they are read once a mapping."""
    if mapping.keys_are_sound:
        return
    entries = LmdbStructure(mapping.memory, mapping.meta, mapping.path).entries()
    joined = keys_with_lengths(mapping.memory, entries)[_DIRECTORY_KEY_BYTES:]
    stated = mapping.directory
    if (len(entries.key_at) - 1, zlib.crc32(joined.data)) != (stated.entries, stated.keys_crc):
        raise CorruptionError(mapping.path, "its keys are not the ones written")
    mapping.keys_are_sound = True


def _check_arrays(mapping: SegmentMapping, read: Read) -> None:
    for key, place in mapping.arrays.items():
        if key + CHECKSUMS.encode() in mapping.arrays:
            continue
        with mapping.held():
            header = array_header.decode(key, mapping.at(place), path=mapping.path)
        crc, offset, stop = 0, place.offset + array_header.HEADER_BYTES, place.offset + place.size
        while offset < stop:
            with mapping.held():
                chunk = read(offset, min(_CHUNK_BYTES, stop - offset))
                crc = zlib.crc32(chunk, crc)
            if not len(chunk):
                raise CorruptionError(mapping.path, f"it ends inside the array {key!r}")
            offset += len(chunk)
        array_header.check_crc(key, header, crc, path=mapping.path)
