"""What the system refused, in the terms of this package and in words, once."""

from __future__ import annotations

import errno
import os

from .errors import AccessError, DiskFullError, StorageError, SystemLimitError

_FULL = {
    errno.ENOSPC: "the disk is full: free some space",
    errno.EDQUOT: "the disk quota is used up: free some space or raise the quota",
}
_LIMITS = {
    errno.EMFILE: "this process has as many files open as it may: raise `ulimit -n`, or close databases",
    errno.ENFILE: "this machine has as many files open as it may: raise `fs.file-max`, or close programs",
    errno.ENOMEM: "the system gives no more memory or memory maps: raise `ulimit -v` or `vm.max_map_count`, "
    "or close databases",
    errno.ENOLCK: "the system gives no more file locks: close programs, or use a file system that has locks",
    errno.EFBIG: "the file would be larger than files may be: raise `ulimit -f`, or use another file system",
}
_ACCESS = {
    errno.EACCES: "this user has no permission for it: give the permission, or run as the user who has it",
    errno.EPERM: "the system does not permit it: look at the owner, the mode and the attributes of the file",
    errno.EROFS: "the file system is mounted read-only: mount it writable, or open with read_only=True",
}
_OTHER = {
    errno.ENOENT: "was the database moved or deleted while it was open? Open it again where it is now",
    errno.ESTALE: "was the database moved or deleted while it was open? Open it again where it is now",
    errno.ENAMETOOLONG: "choose a shorter path",
    errno.ENOTDIR: "a part of the path is a file: choose another path",
    errno.EIO: "the disk failed to read or write: look at the system's log, then try again",
}
_TRY_AGAIN = "try again"


def in_words(error: OSError, path: str = "") -> StorageError:
    """Return the `StorageError` for what the system refused; `path` is where, when the error does not say."""
    code = error.errno or 0
    said = " -> ".join(os.fsdecode(name) for name in (error.filename, error.filename2) if _is_path(name))
    reason = error.strerror or str(error) or type(error).__name__
    start = ": ".join(part for part in (said or path, reason) if part)
    for kind, words in ((DiskFullError, _FULL), (SystemLimitError, _LIMITS), (AccessError, _ACCESS)):
        if code in words:
            return kind(f"{start}: {words[code]}")
    return StorageError(f"{start}: {_OTHER.get(code, _TRY_AGAIN)}")


def _is_path(name: object) -> bool:
    return isinstance(name, str | bytes)
