"""From a vector field to its kind: the one place where they are told apart."""

from __future__ import annotations

from typing import Any

from ...storage.columns.vectors import VectorKind
from ..schema.sparse_field import Sparse
from ..schema.vector_field import VectorField
from .binary import BinaryKind
from .dense import DenseKind
from .multi import MultiKind
from .protocol import Kind
from .sparse import SparseKind
from .texts import TextKind
from .tokens import TokenKind

_KINDS: dict[VectorKind, Kind[Any]] = {"dense": DenseKind(), "sparse": SparseKind(), "multi": MultiKind()}
_TOKENS: Kind[Any] = TokenKind()
_TEXTS: Kind[Any] = TextKind()
_BINARY: Kind[Any] = BinaryKind()


def kind_of(field: VectorField) -> Kind[Any]:
    """Return the kind of a vector field."""
    if isinstance(field, Sparse):
        if field.encoder is not None:
            return _TEXTS
        if field.tokens:
            return _TOKENS
        if field.is_binary:
            return _BINARY
    return _KINDS[field.kind]
