"""The error for a value that a column cannot hold."""

from __future__ import annotations


class InvalidValueError(ValueError):
    """A caller's value that cannot be stored: what came, what was expected, what to do.

    Attributes
    ----------
    field : str
        The argument that held the value, such as ``ids`` or ``payloads``.
    row : int or None
        Its position in that argument, when one row is to blame.
    """

    def __init__(self, message: str, *, field: str, row: int | None = None) -> None:
        super().__init__(message)
        self.field = field
        self.row = row
