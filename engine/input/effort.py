"""What a caller says about effort: knobs of the index, by name."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ..errors import InvalidArgument
from ..schema.vector_field import VectorField

_LARGEST = sys.float_info.max

Knobs = tuple[tuple[str, float], ...]
"""Names and values of what a caller said about effort, by name."""


class _Given(NamedTuple):
    """What was given as a dict, with a hash: 1 is equal to True, and a number."""

    items: tuple[tuple[Any, Any], ...]
    types: tuple[type, ...]


def hashable_effort(effort: Any) -> Any:
    """Return what :func:`given_knobs` takes for a dict, and has a hash; others as they are."""
    if type(effort) is not dict:
        return effort
    return _Given(tuple(effort.items()), tuple(map(type, effort.values())))


def given_knobs(effort: Any, ef: Any) -> Knobs:
    """Return what was said about effort, by its two names, by name of knob.

    Raises
    ------
    InvalidArgument
        It is no mapping of names to finite numbers; or both were said.
    """
    if isinstance(effort, _Given):
        effort = dict(effort.items)
    if ef is not None:
        if effort is not None:
            raise InvalidArgument(
                f"ef={ef!r:.80} is short for effort={{'ef': ...}}, and effort={effort!r:.80} was given too; "
                "give one of them",
                field="ef",
            )
        return (("ef", finite_number("ef", "ef", ef)),)
    if effort is None:
        return ()
    if not isinstance(effort, Mapping) or not all(isinstance(name, str) for name in effort):
        raise InvalidArgument(
            f"effort is {effort!r:.80}; expected the knobs of the field's index by name, as {{'ef': 64}}",
            field="effort",
        )
    return tuple(
        (name, finite_number("effort", f"effort[{name!r}]", effort[name])) for name in sorted(effort)
    )


def index_knobs(spec: VectorField, said: Knobs) -> Any:
    """Return what the caller said about effort as the index of the field takes it, None when nothing.

    Raises
    ------
    InvalidArgument
        The index has no such knob, or not of this value.
    """
    if not said:
        return None
    given = dict(said)
    try:
        return spec.index.knobs(given)
    except ValueError as error:
        raise InvalidArgument(str(error), field="ef" if given.keys() == {"ef"} else "effort") from error


def finite_number(field: str, name: str, value: Any) -> float:
    """Return a number that a caller said, whole ones as int; InvalidArgument, of ``field``, for others."""
    real = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    # The bound does not fit the smaller floats of NumPy.
    value = float(value) if isinstance(value, np.floating) else value
    # Whole numbers beyond float64 are no more finite to an index than infinity.
    if not real or not -_LARGEST <= value <= _LARGEST:
        raise InvalidArgument(f"{name} is {value!r:.80}; expected a finite number", field=field)
    return int(value) if value == int(value) else float(value)
