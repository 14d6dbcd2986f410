"""The index specs known by name: built in, and registered by other packages."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, cast

from .protocol import IndexSpec

ENTRY_POINT_GROUP = "vicinal.indexes"
_BUILT_IN = {
    "hnsw": ("graph.hnsw", "Hnsw"),
    "curator": ("cells.curator", "Curator"),
    "flat": ("exact.flat", "Flat"),
    "ivf": ("ivf.ivf", "Ivf"),
    "inverted": ("sparse.inverted", "Inverted"),
    "auto": ("seismic.auto", "AutoSparse"),
    "auto-dense": ("ivf.auto", "AutoDense"),
    "seismic": ("seismic.seismic", "Seismic"),
    "token-lists": ("token_lists.token_lists", "TokenLists"),
    "muvera": ("muvera.muvera", "Muvera"),
}


def spec_class(name: str) -> type[Any]:
    """Return the spec class registered under ``name``.

    Other packages register theirs as an entry point of group ``vicinal.indexes`` whose name is the spec's.
    """
    if name in _BUILT_IN:
        module, attribute = _BUILT_IN[name]
        return cast("type[Any]", getattr(import_module(f".{module}", __package__), attribute))
    found = {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}
    if name in found:
        return cast("type[Any]", found[name].load())
    known = ", ".join(sorted({*_BUILT_IN, *found}))
    raise ValueError(f"no index is named {name!r}; known are: {known}")


def spec_from_json(record: Mapping[str, Any]) -> IndexSpec:
    """Build a spec from ``{"name": ..., parameters}``; unknown parameters are errors."""
    parameters = dict(record)
    name = parameters.pop("name", None)
    if not isinstance(name, str):
        raise ValueError(f"an index is described by an object with a 'name'; got {dict(record)!r}")
    try:
        return cast(IndexSpec, spec_class(name)(**parameters))
    except TypeError as error:
        raise ValueError(f"index {name!r} does not take these parameters: {error}") from error
