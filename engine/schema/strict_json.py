"""Reading JSON objects that know their keys: one more is an error, never ignored."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ..errors import InvalidArgument


def checked_object(
    value: Any, what: str, *, required: Collection[str] = (), optional: Collection[str] = ()
) -> Mapping[str, Any]:
    """Return ``value`` when it is an object with every required key and no unknown one.

    Raises
    ------
    InvalidArgument
        Naming the keys that are missing or unknown; ``what`` says which object it is.
    """
    if not isinstance(value, Mapping):
        raise InvalidArgument(f"{what} is {value!r:.80}; expected an object", field=what)
    allowed = [*required, *optional]
    unknown = [key for key in value if key not in allowed]
    if unknown:
        raise InvalidArgument(f"{what} has the unknown keys {unknown}; it takes {allowed}", field=what)
    missing = [key for key in required if key not in value]
    if missing:
        raise InvalidArgument(f"{what} lacks the keys {missing}; it takes {allowed}", field=what)
    return value
