"""Paths of filtered fields: ``maker.city``, ``cast[].name`` and ``cast[0].name``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from ..errors import InvalidArgument
from ..schema.names import checked_path
from .canonical import MISSING, extract_keys

MAX_PATH = 128
"""Characters of a path with its brackets."""

_BRACKETS = re.compile(r"(?:\[[0-9]{0,9}\])+(?=\.|$)")
_STEPS = re.compile(r"([^.\[\]]+)|\[([0-9]*)\]")
# A key of objects, a place in a list, or None for every place.
_Step = str | int | None


def checked_filter_path(value: Any) -> str:
    """Return ``value`` when it is a path, of which each part may have brackets.

    Raises
    ------
    InvalidArgument
        When it is none.
    """
    # What is not exactly a str may hash as it likes.
    return _checked(value) if type(value) is str else _checked.__wrapped__(value)


@lru_cache(maxsize=1024)
def _checked(value: Any) -> str:
    if not isinstance(value, str) or "[" not in value:
        return checked_path(value, "a filtered field")
    plain = _BRACKETS.sub("", value)
    if "[" in plain or "]" in plain or len(value) > MAX_PATH:
        message = f"a filtered field is named {value!r:.200}; brackets stand behind a key, 'cast[].name' or "
        raise InvalidArgument(
            f"{message}'cast[0].name', and a path has at most {MAX_PATH} characters", field="filter"
        )
    checked_path(plain, "a filtered field")
    return value


def reader(path: str) -> Callable[[Mapping[str, Any]], Any]:
    """Return what finds the field in a payload, or MISSING.

    A path without brackets finds what ``canonical.extract`` does. One with brackets finds a tuple, which JSON
    has not, of what is at each place it leads to: ``[]`` to every element of a list, ``[0]`` to one.
    """
    if "[" in path:
        steps = _steps(path)
        return lambda payload: tuple(_values_at(payload, steps)) or MISSING
    keys = path.split(".")
    if len(keys) > 1:
        return lambda payload: extract_keys(payload, keys)
    return lambda payload: payload.get(path, MISSING)


@lru_cache(256)
def _steps(path: str) -> tuple[_Step, ...]:
    return tuple(key or (int(place) if place else None) for key, place in _STEPS.findall(path))


def _values_at(value: Any, steps: tuple[_Step, ...]) -> Iterator[Any]:
    if not steps:
        yield value
        return
    step = steps[0]
    if isinstance(step, str):
        if isinstance(value, Mapping):
            if step in value:
                yield from _values_at(value[step], steps[1:])
        elif isinstance(value, list):
            for item in value:
                if isinstance(item, Mapping | list):
                    yield from _values_at(item, steps)
    elif isinstance(value, list):
        for item in value if step is None else value[step : step + 1]:
            yield from _values_at(item, steps[1:])
