"""What a server answered, or a clear error where that makes no sense to this release."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def understood() -> Iterator[None]:
    """Raise Corruption where parts of a response contradict each other: the caller did nothing wrong."""
    try:
        yield
    except (InvalidArgument, CorruptionError) as error:
        refuse(str(error), error)


def refuse(why: str, cause: Exception | None = None) -> NoReturn:
    """Raise Corruption for a response that cannot be read."""
    message = f"the server's answer cannot be read: {why}; are client and server of the same release?"
    raise Corruption(message) from cause
