"""The codecs known by name: built in, and registered by other packages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from typing import Any, cast

from ..protocol import missing_methods
from ..transforms.registry import transform_from_json
from .bits import Bits
from .floats import BFloat16, Float8, Float16
from .product import Product
from .protocol import CODEC_METHODS, CodecSpec
from .rabitq import RaBitQ
from .recurrent import RecurrentBinary
from .scalar import Scalar
from .signs import Sign
from .transformed import Transformed

ENTRY_POINT_GROUP = "vicinal.codecs"
_BUILT_IN: dict[str, type[Any]] = {
    spec.name: spec
    for spec in (BFloat16, Bits, Float8, Float16, Product, RaBitQ, RecurrentBinary, Scalar, Sign, Transformed)
}


def codec_from_json(record: Mapping[str, Any]) -> CodecSpec:
    """Build a spec from ``{"name": ..., parameters}``; unknown names and parameters are ValueErrors."""
    parameters = dict(record)
    for key, read in _NESTED.items():
        if isinstance(parameters.get(key), Mapping):
            parameters[key] = read(parameters[key])
    name = parameters.pop("name", None)
    found = _BUILT_IN.get(name) if isinstance(name, str) else None
    if found is None:
        registered = {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}
        if name not in registered:
            known = ", ".join(sorted({*_BUILT_IN, *registered}))
            raise ValueError(f"no codec is named {name!r}; known are: {known}")
        found = cast("type[Any]", registered[name].load())
    try:
        return cast(CodecSpec, found(**parameters))
    except TypeError as error:
        raise ValueError(f"codec {name!r} does not take these parameters: {error}") from error


def checked_codec(parameter: str, value: Any) -> CodecSpec:
    """Return a spec that a caller gave as such or as its JSON; what is neither is a ValueError."""
    if isinstance(value, Mapping):
        return codec_from_json(value)
    if missing_methods(value, CODEC_METHODS):
        raise ValueError(f"{parameter} is {value!r:.80}; expected a codec, as Scalar(), or its JSON")
    return cast(CodecSpec, value)


_NESTED: dict[str, Callable[[Any], Any]] = {"codec": codec_from_json, "transform": transform_from_json}
