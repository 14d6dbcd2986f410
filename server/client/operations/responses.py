"""What a server answered, or a clear error where that makes no sense to this release."""

from __future__ import annotations

from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from ....engine.error_translation import Retelling
from ....engine.errors import Corruption, InvalidArgument
from ....storage.errors import CorruptionError

Response = TypeVar("Response", bound=Message)


def parsed(kind: type[Response], data: bytes) -> Response:
    """Return the message that the bytes hold; Corruption when they hold none."""
    try:
        return kind.FromString(data)
    except DecodeError as error:
        raise unreadable(error) from error


def understood() -> Retelling:
    """Return a context that raises Corruption where parts of a response contradict each other.

    The caller did nothing wrong.
    """
    return _UNDERSTOOD


def unreadable(why: object) -> Corruption:
    """Return the error for a response that cannot be read."""
    return Corruption(
        f"the server's answer cannot be read: {why}; are client and server of the same release?"
    )


_UNDERSTOOD = Retelling((InvalidArgument, CorruptionError), unreadable)
