"""From a vector field to its kind: the one place where they are told apart."""

from __future__ import annotations

from typing import Any

from ...storage.columns.vectors import VectorKind
from ..schema.vector_field import VectorField
from .dense import DenseKind
from .multi import MultiKind
from .protocol import Kind
from .sparse import SparseKind

_KINDS: dict[VectorKind, Kind[Any]] = {"dense": DenseKind(), "sparse": SparseKind(), "multi": MultiKind()}


def kind_of(field: VectorField) -> Kind[Any]:
    """Return the kind of a vector field."""
    return _KINDS[field.kind]
