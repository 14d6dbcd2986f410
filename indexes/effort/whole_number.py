"""A knob that is a whole number."""

from __future__ import annotations


def whole_number(name: str, value: float, most: int) -> int:
    """Return what a caller said of a knob; ValueError unless it is a whole number from 1 to ``most``."""
    known = isinstance(value, int | float) and not isinstance(value, bool)
    if not known or not float(value).is_integer() or not 1 <= value <= most:
        raise ValueError(f"{name} is {value!r}; expected a whole number from 1 to {most:,}")
    return int(value)
