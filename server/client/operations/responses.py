"""What a server answered, or a clear error where that makes no sense to this release."""

from __future__ import annotations

from types import TracebackType
from typing import NoReturn, TypeVar

from google.protobuf.message import DecodeError, Message

from ....engine.errors import Corruption, InvalidArgument
from ....storage.errors import CorruptionError

Response = TypeVar("Response", bound=Message)


def parsed(kind: type[Response], data: bytes) -> Response:
    """Return the message that the bytes hold; Corruption when they hold none."""
    try:
        return kind.FromString(data)
    except DecodeError as error:
        refuse(str(error), error)


class _Understood:
    """A context that keeps nothing, so one does for all."""

    __slots__ = ()

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, InvalidArgument | CorruptionError):
            refuse(str(error), error)


_UNDERSTOOD = _Understood()


def understood() -> _Understood:
    """Return a context that raises Corruption where parts of a response contradict each other.

    The caller did nothing wrong.
    """
    return _UNDERSTOOD


def refuse(why: str, cause: Exception | None = None) -> NoReturn:
    """Raise Corruption for a response that cannot be read."""
    message = f"the server's answer cannot be read: {why}; are client and server of the same release?"
    raise Corruption(message) from cause
