"""The line of Python that makes a spec of a field, an index or a codec."""

from __future__ import annotations

from dataclasses import is_dataclass
from inspect import Parameter, signature
from typing import Any


def spelled(spec: Any) -> str:
    """Return a spec as it is written, with the parameters that are not the usual ones."""
    if not is_dataclass(spec):
        return repr(str(spec)) if isinstance(spec, str) else repr(spec)
    said = []
    for name, parameter in signature(type(spec)).parameters.items():
        value = getattr(spec, name)
        if parameter.default is Parameter.empty:
            said.append(spelled(value))
        elif value != parameter.default:
            said.append(f"{name}={spelled(value)}")
    return f"{type(spec).__name__}({', '.join(said)})"
