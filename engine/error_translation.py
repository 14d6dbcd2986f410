"""Makes errors of the layers below, and of the system, the ones that callers know: the one place for it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import isgeneratorfunction
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

from ..storage import system_errors
from ..storage.errors import (
    AccessError,
    ClosedError,
    CorruptionError,
    DiskFullError,
    FormatVersionError,
    LockedError,
    MapFullError,
    NotADatabaseError,
    StorageError,
    SystemLimitError,
)
from ..storage.invalid_value import InvalidValueError
from .errors import (
    Closed,
    Corruption,
    DiskFull,
    FailedPrecondition,
    FormatTooNew,
    InvalidArgument,
    LockedByAnotherProcess,
    MapFull,
    NotADatabase,
    ResourceExhausted,
    Unavailable,
    VicinalError,
)

P = ParamSpec("P")
R = TypeVar("R")
C = TypeVar("C", bound=type)

# The first class that fits decides, so a class stands before its bases.
_PUBLIC: tuple[tuple[type[StorageError], type[VicinalError]], ...] = (
    (LockedError, LockedByAnotherProcess),
    (MapFullError, MapFull),
    (DiskFullError, DiskFull),
    (SystemLimitError, ResourceExhausted),
    (AccessError, FailedPrecondition),
    (FormatVersionError, FormatTooNew),
    (NotADatabaseError, NotADatabase),
    (ClosedError, Closed),
    (StorageError, Unavailable),
)
FOREIGN = (StorageError, InvalidValueError, OSError, MemoryError)
# Methods of the language that read or do something; the others answer from memory.
_SPOKEN = frozenset(
    {
        "__arrow_c_stream__",
        "__enter__",
        "__exit__",
        "__getitem__",
        "__iter__",
        "__len__",
        "__reduce__",
        "__repr__",
    }
)


def translate(error: Exception) -> VicinalError:
    """Return the error a caller gets for one of :data:`FOREIGN`."""
    if isinstance(error, InvalidValueError):
        return InvalidArgument(str(error), field=error.field)
    if isinstance(error, MemoryError):
        said = f": {error}" if str(error) else ""
        return ResourceExhausted(f"there is no memory left for the call{said}; ask for less at once")
    if isinstance(error, CorruptionError):
        return Corruption(f"{error}: `vicinal check` shows all that is damaged; restore it from a copy")
    if isinstance(error, OSError):
        error = system_errors.in_words(error)
    for storage_class, public_class in _PUBLIC:
        if isinstance(error, storage_class):
            return public_class(str(error))
    raise AssertionError(f"{type(error).__name__} is not translated")


class Retelling:
    """A context that raises some errors as others, caused by them.

    It keeps nothing of a block, so one does for all: made of a generator, it would cost 20 steps more.

    Parameters
    ----------
    kinds : tuple of type
        The errors that are told in another way.
    told : callable
        Returns what is raised for one of them.
    """

    __slots__ = ("_kinds", "_told")

    def __init__(self, kinds: tuple[type[Exception], ...], told: Callable[[Any], Exception]) -> None:
        self._kinds = kinds
        self._told = told

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, self._kinds):
            raise self._told(error) from error


_TRANSLATED = Retelling(FOREIGN, translate)


def translated() -> Retelling:
    """Return a context that raises errors of the layers below as those of callers, caused by the original."""
    return _TRANSLATED


def raises_its_own(function: Callable[P, R]) -> Callable[P, R]:
    """Return ``function`` as one that callers may call: it raises translated errors."""
    if isgeneratorfunction(function):

        @wraps(function)
        def iterate(*arguments: P.args, **options: P.kwargs) -> Any:
            with translated():
                yield from function(*arguments, **options)

        return iterate

    @wraps(function)
    def call(*arguments: P.args, **options: P.kwargs) -> R:
        try:
            return function(*arguments, **options)
        except FOREIGN as error:
            raise translate(error) from error

    return call


def public(cls: C) -> C:
    """Return a class whose public methods and properties raise translated errors; about 0.1 us a call."""
    for name, member in list(vars(cls).items()):
        if name.startswith("_") and name not in _SPOKEN:
            continue
        if isinstance(member, property) and member.fget is not None:
            setattr(cls, name, property(raises_its_own(member.fget), doc=member.__doc__))
        elif callable(member) and not isinstance(member, type):
            setattr(cls, name, raises_its_own(member))
    return cls
