"""The line of Python that makes a spec of an index or a codec."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any


def spelled(spec: Any) -> str:
    """Return a frozen dataclass as it is written, with the parameters that are not the usual ones."""
    if not is_dataclass(spec):
        return repr(spec)
    given = [(one.name, getattr(spec, one.name), one.default) for one in fields(spec)]
    said = [f"{name}={spelled(value)}" for name, value, usual in given if value != usual]
    return f"{type(spec).__name__}({', '.join(said)})"
