"""What the supervisor and the processes of a server say to each other."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from ....engine import errors
from ....engine.errors import VicinalError
from ..watching.numbers import Numbers


class Order(Enum):
    """What the supervisor tells a process."""

    BEGIN = auto()
    """There is a database: open it, listen, let calls in."""
    WRITER_IS_UP = auto()
    WRITER_IS_GONE = auto()
    COUNT = auto()
    """Answer with your numbers."""
    STOP = auto()
    """Let no more calls in, finish those that run, and end."""
    HURRY = auto()
    """Wait for running calls no longer."""


@dataclass(frozen=True, slots=True)
class Bound:
    """There is a database, which the process is about to open."""


@dataclass(frozen=True, slots=True)
class Ready:
    """The process has its database open and lets calls in.

    Attributes
    ----------
    has_keys : bool
        Whether callers need a key.
    """

    has_keys: bool


@dataclass(frozen=True, slots=True)
class Whole:
    """The worker has the writer to hand calls on to."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The process cannot start."""

    kind: str
    text: str
    field: str | None

    @classmethod
    def of(cls, error: VicinalError) -> Failed:
        """Return what tells of an error."""
        return cls(type(error).__name__, str(error), error.field)

    def error(self) -> VicinalError:
        """Return the error that was told of."""
        kind = getattr(errors, self.kind, VicinalError)
        told: VicinalError = kind(self.text, field=self.field)
        return told


@dataclass(frozen=True, slots=True)
class Counted:
    """What the process has counted.

    Attributes
    ----------
    numbers : Numbers
    """

    numbers: Numbers


Report = Bound | Ready | Whole | Failed | Counted
