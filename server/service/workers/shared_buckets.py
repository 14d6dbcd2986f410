"""Rates of keys and tenants, where their calls run in several processes."""

from __future__ import annotations

import fcntl
import struct
import threading
import time
from collections.abc import Hashable
from hashlib import blake2b
from pathlib import Path

from ..admission.rate_limit import let_pass
from .shared_file import SharedFile

_BUCKET = struct.Struct("<16sdd")
_SETS, _WAYS = 4096, 8
_SET_BYTES = _WAYS * _BUCKET.size


class SharedBuckets:
    """Token buckets in a file, taken from by all processes of a server as if they were one. Thread-safe.

    A bucket lies in one of the few places that a digest of its name allows. When all of them are taken by
    buckets that are not full, the one that will be full first makes room; its name begins with a full one.

    A lock on the bytes of the set is held for some microseconds, and goes with the process that holds it. One
    that is killed in between may leave a bucket half written, which then owes a second's worth at most.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self._file = SharedFile(path, _SETS * _SET_BYTES)
        # Locks of files are those of processes, and keep no thread out.
        self._lock = threading.Lock()

    def take(self, name: Hashable, interval: float) -> float | None:
        """Take one call, as ``Buckets`` says. Clocks of processes of one machine are the same."""
        digest = blake2b(repr(name).encode(), digest_size=16).digest()
        start = int.from_bytes(digest[:4], "little") % _SETS * _SET_BYTES
        descriptor = self._file.descriptor
        with self._lock:
            fcntl.lockf(descriptor, fcntl.LOCK_EX, _SET_BYTES, start)
            try:
                return self._take(digest, start, interval)
            finally:
                fcntl.lockf(descriptor, fcntl.LOCK_UN, _SET_BYTES, start)

    def _take(self, digest: bytes, start: int, interval: float) -> float | None:
        now = time.monotonic()
        chosen, least = start, float("inf")
        full_at, taken_at = now, interval
        for at in range(start, start + _SET_BYTES, _BUCKET.size):
            owner, its_full_at, its_taken_at = _BUCKET.unpack_from(self._file.bytes, at)
            if owner == digest and its_taken_at > 0.0:
                chosen, full_at, taken_at = at, min(its_full_at, now + max(1.0, its_taken_at)), its_taken_at
                break
            if its_full_at < least:
                chosen, least = at, its_full_at
        wait, full_at = let_pass(full_at, taken_at, now, interval)
        if wait is None:
            _BUCKET.pack_into(self._file.bytes, chosen, digest, full_at, interval)
        return wait

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
