"""The transforms known by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from .pca import Pca
from .protocol import TransformSpec
from .rotation import Rotation
from .truncation import Truncation

_BUILT_IN: dict[str, type[Any]] = {spec.name: spec for spec in (Pca, Rotation, Truncation)}


def transform_from_json(record: Mapping[str, Any]) -> TransformSpec:
    """Build a spec from ``{"name": ..., parameters}``; unknown names and parameters are ValueErrors."""
    parameters = dict(record)
    name = parameters.pop("name", None)
    if not isinstance(name, str) or name not in _BUILT_IN:
        raise ValueError(f"no transform is named {name!r}; known are: {', '.join(sorted(_BUILT_IN))}")
    try:
        return cast(TransformSpec, _BUILT_IN[name](**parameters))
    except TypeError as error:
        raise ValueError(f"transform {name!r} does not take these parameters: {error}") from error
