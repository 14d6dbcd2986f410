"""How long work says how far it is."""

from __future__ import annotations

from collections.abc import Callable

from .errors import InvalidArgument

Progress = Callable[[str, float], None]
"""Called with the name of a stage and the fraction of that stage that is done, 0.0 to 1.0.

It may be called from another thread than the one that asked, and must be quick. An exception raised in it
stops the work, which then leaves everything as it was.
"""


def check_progress(progress: Progress) -> None:
    """Raise InvalidArgument unless ``progress`` can be called."""
    if not callable(progress):
        raise InvalidArgument(
            f"progress is a {type(progress).__name__}; expected a function of a stage's name and a fraction",
            field="progress",
        )


def silent(stage: str, fraction: float) -> None:
    """Say nothing."""
