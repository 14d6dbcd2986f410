"""How often values of a payload field occur."""

from __future__ import annotations

from dataclasses import dataclass

FieldValue = str | bool | int | float
"""One value of a payload field, as JSON has it."""


@dataclass(frozen=True, slots=True)
class Facet:
    """A value of a payload field, and how many points have it.

    Attributes
    ----------
    value : str, bool, int or float
        As it is stored.
    count : int
        Points of which it is the value, or one of the values.
    """

    value: FieldValue
    count: int
