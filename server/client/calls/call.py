"""What the core asks of whoever drives it: to send something, to stream something, to wait."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias, TypeVar

from ....engine.errors import VicinalError

Answer = TypeVar("Answer")


@dataclass(slots=True)
class Attempt:
    """Send a request once. The driver answers with the bytes of the response.

    Attributes
    ----------
    path : str
        Of the method, such as ``/vicinal.v1.SearchService/Search``.
    request : bytes
    timeout : float or None
        Seconds after which the attempt is given up.
    """

    path: str
    request: bytes
    timeout: float | None


@dataclass(slots=True)
class StreamAttempt:
    """Send a request once and hand over each response as it comes. The driver answers with nothing.

    Attributes
    ----------
    path, request, timeout
        As in :class:`Attempt`.
    receive : callable
        Takes the bytes of one response. What it raises ends the call and reaches the caller.
    """

    path: str
    request: bytes
    timeout: float | None
    receive: Callable[[bytes], None]


@dataclass(slots=True)
class Pause:
    """Wait. The driver answers with nothing."""

    seconds: float


class Repeat(Enum):
    """Whether an attempt that failed may be made again."""

    NEVER = "never"
    """It would fail again."""
    IF_HARMLESS = "if harmless"
    """It may have been carried out, or not."""
    ALWAYS = "always"
    """It is certain that nothing was carried out."""


class CallFailed(Exception):
    """How a driver tells the core that an attempt failed.

    Attributes
    ----------
    error : VicinalError
        What the caller gets to see, unless the attempt is repeated.
    repeat : Repeat
    """

    def __init__(self, error: VicinalError, repeat: Repeat) -> None:
        super().__init__(error)
        self.error = error
        self.repeat = repeat


Step: TypeAlias = Attempt | StreamAttempt | Pause

Operation: TypeAlias = Generator[Step, Any, Answer]
"""One call of the API without its input and output: yields steps, is sent their answers, returns its own.

A driver throws :class:`CallFailed` into it where a step failed.
"""
