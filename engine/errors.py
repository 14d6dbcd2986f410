"""Every error a caller can meet.

::

    VicinalError
    ├── InvalidArgument            the call is wrong and would be wrong again
    ├── NotFound                   no such collection, point, field or tenant
    ├── Conflict                   the call clashes with what is there
    │   ├── AlreadyExists
    │   └── LockedByAnotherProcess another process, or this one, has the database open for writing
    ├── Corruption                 stored bytes are not what was written
    ├── Unavailable                try again later; nothing is known to be wrong with the call
    │   └── DeadlineExceeded       it took longer than the caller would wait
    ├── ResourceExhausted          a limit of this machine or of this database
    │   ├── DiskFull
    │   ├── MapFull
    │   ├── LimitExceeded          more than one call may ask for
    │   ├── Overloaded             a server has no room for the call now
    │   └── QuotaExceeded          more than the tenant may have
    ├── FailedPrecondition         the state must change before this call can succeed
    │   ├── Closed
    │   ├── ReadOnly
    │   ├── UnindexedField         a filter names a payload field without an index
    │   ├── FormatTooNew
    │   └── NotADatabase
    ├── Unauthenticated            a server wants a key, and got none or not one that is valid
    └── PermissionDenied           the key does not give the right to this call

A message says what came, what was expected and what to do. Errors of the layers below and of the system
become these in one place, ``engine/error_translation.py``.
"""

from __future__ import annotations


class VicinalError(Exception):
    """The base of all errors raised for a caller.

    Attributes
    ----------
    field : str or None
        The argument that is to blame, such as ``vectors['plot']``, when one is.
    retry_after : float or None
        Seconds after which the same call may succeed, when that is known.
    """

    def __init__(self, message: str, *, field: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.field = field
        self.retry_after = retry_after


class InvalidArgument(VicinalError):
    """An argument is not what the call takes."""


class NotFound(VicinalError):
    """What the call names does not exist."""


class Conflict(VicinalError):
    """The call clashes with something that exists."""


class AlreadyExists(Conflict):
    """What the call would create exists."""


class LockedByAnotherProcess(Conflict):
    """Another process has the database open for writing; the message names its pid."""


class Corruption(VicinalError):
    """Stored bytes are not what was written."""


class Unavailable(VicinalError):
    """The call failed for a reason that may pass; it can be tried again."""


class DeadlineExceeded(Unavailable):
    """The call took longer than its caller was ready to wait."""


class ResourceExhausted(VicinalError):
    """Something ran out."""


class DiskFull(ResourceExhausted):
    """The file system has no room; nothing was changed."""


class MapFull(ResourceExhausted):
    """A write is larger than the memory map has room for; nothing was changed, and the map is made larger."""


class LimitExceeded(ResourceExhausted):
    """The call asks for more than one call may."""


class Overloaded(ResourceExhausted):
    """A server has no room for the call now; nothing of it was done."""


class QuotaExceeded(ResourceExhausted):
    """The write would give a tenant more than its quota; nothing was changed."""


class FailedPrecondition(VicinalError):
    """The state of the database does not allow this call."""


class Closed(FailedPrecondition):
    """The database was closed."""


class ReadOnly(FailedPrecondition):
    """The database is open for reading only."""


class UnindexedField(FailedPrecondition):
    """A filter or an order names a payload field without an index in a strict collection."""


class FormatTooNew(FailedPrecondition):
    """The database was written by a newer release."""


class NotADatabase(FailedPrecondition):
    """The folder holds something else."""


class Unauthenticated(VicinalError):
    """The server wants a key, and got none or not one that is valid."""


class PermissionDenied(VicinalError):
    """The key is valid and does not give the right to this call."""
