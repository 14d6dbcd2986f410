"""One point id: what is allowed."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import numpy as np

from ..invalid_value import InvalidValueError

MAX_NUMBER = 2**64 - 1
MAX_TEXT_BYTES = 255
EXPECTED_ID = (
    f"an id is a whole number from 0 to 2**64 - 1, a UUID, or text of 1 to {MAX_TEXT_BYTES} UTF-8 bytes"
)


def checked_id(value: Any, row: int | None = None, field: str = "ids") -> int | str:
    """Return one id as a plain int or str; a UUID is its text, 32 digits in lower case with dashes.

    Raises
    ------
    InvalidValueError
        When it is none of a UUID, a whole number from 0 to 2**64 - 1 and text of 1 to 255 UTF-8 bytes.
    """
    where = field if row is None else f"{field} row {row}"
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        if 0 <= value <= MAX_NUMBER:
            return int(value)
    elif isinstance(value, str):
        try:
            n_bytes = len(value.encode())
        except UnicodeEncodeError as error:
            raise InvalidValueError(f"{where} is not UTF-8 text ({error})", field=field, row=row) from error
        if 1 <= n_bytes <= MAX_TEXT_BYTES:
            return str.__str__(value)
        raise InvalidValueError(f"{where} is text of {n_bytes} bytes; {EXPECTED_ID}", field=field, row=row)
    elif isinstance(value, UUID):
        return str(value)
    raise InvalidValueError(
        f"{where} is {value!r} ({type(value).__name__}); {EXPECTED_ID}", field=field, row=row
    )
