"""The values that a filter compares a payload field with."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import date
from typing import Any
from uuid import UUID

import numpy as np

from ...storage.columns.json_rows import iso_text
from ..errors import InvalidArgument

PlainValue = str | bool | int | float


def can_be_iterated(value: object) -> bool:
    """Return whether there are several of a value, or could be."""
    # An array without dimensions is an Iterable to Python, until it is iterated.
    return isinstance(value, Iterable) and getattr(value, "shape", None) != ()


def refuse_none(key: str, *bounds: Any) -> None:
    """Raise InvalidArgument when one of the values that a field is compared with is None."""
    if any(bound is None for bound in bounds):
        raise InvalidArgument(
            f"F({key!r}) was compared with None; nulls are F({key!r}).is_null()", field="filter"
        )


def plain_value(value: Any, key: str) -> PlainValue:
    """Return ``value`` as exactly a str, bool, int or float; a subclass may hash unlike what it equals.

    Dates and times become ISO 8601 text, a UUID its usual text.

    Raises
    ------
    InvalidArgument
        When a filter cannot compare with it; ``key`` names the field in the message.
    """
    if type(value) is int or type(value) is bool:
        return value
    if isinstance(value, np.bool_ | np.integer | np.floating):
        value = value.item()
    if isinstance(value, date):
        try:
            return iso_text(value)
        except ValueError as error:
            message = f"F({key!r}) was compared with what {error}; nulls are F({key!r}).is_null()"
            raise InvalidArgument(message, field="filter") from error
    if isinstance(value, UUID):
        return str(value)
    if value is None:
        refuse_none(key, value)
    if isinstance(value, str):
        return _utf8(str.__str__(value), key)
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    message = f"F({key!r}) was compared with {value!r:.80} ({type(value).__name__}); "
    raise InvalidArgument(
        message + "expected text, a finite number, a bool, a datetime or a UUID; an open end is left out",
        field="filter",
    )


def _utf8(text: str, key: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        message = f"F({key!r}) was compared with text that is not UTF-8: {error}"
        raise InvalidArgument(message, field="filter") from error
    return text
