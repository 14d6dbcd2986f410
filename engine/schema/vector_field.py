"""Vector fields of a schema: dense, sparse, or several vectors a point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, TypeVar

from ...indexes.graph.hnsw import Hnsw
from ...indexes.protocol import IndexSpec
from ...indexes.registry import spec_from_json
from ...indexes.rows.element import Element
from ...indexes.rows.metric import Metric
from ...storage.columns.vectors import VectorKind
from ..errors import InvalidArgument
from .strict_json import checked_object

MAX_DIM = 8192

_Choice = TypeVar("_Choice", bound=StrEnum)


@dataclass(frozen=True, init=False, slots=True)
class Dense:
    """One vector of ``dim`` numbers a point.

    Parameters
    ----------
    dim : int
        Number of dimensions, 1 to 8192; a multiple of 8 when the elements are binary.
    metric : {"cosine", "dot", "l2", "hamming"}
        How two vectors are compared. Hamming goes with binary elements, and with them alone.
    element : {"float32", "float16", "int8", "binary"}
        What is stored. Vectors are stored as given, not normalised.
    index : IndexSpec, optional
        The index built over sealed segments; ``Hnsw()`` unless given.

    Raises
    ------
    InvalidArgument
        When a value is out of range or two of them do not go together.
    """

    dim: int
    metric: Metric
    element: Element
    index: IndexSpec

    kind: ClassVar[VectorKind] = "dense"

    def __init__(
        self,
        dim: int,
        *,
        metric: Metric | str = Metric.COSINE,
        element: Element | str = Element.FLOAT32,
        index: IndexSpec | None = None,
    ) -> None:
        checked_metric = _choice(Metric, metric, "metric")
        checked_element = _choice(Element, element, "element")
        if (checked_metric is Metric.HAMMING) != (checked_element is Element.BINARY):
            raise InvalidArgument(
                f"metric {checked_metric.value!r} with element {checked_element.value!r}; "
                "hamming compares binary vectors and nothing else does",
                field="metric",
            )
        if index is None:
            index = Hnsw()
        elif not all(callable(getattr(index, method, None)) for method in ("to_json", "build", "open")):
            raise InvalidArgument(f"index is {index!r}; pass an index spec, as Hnsw(m=16)", field="index")
        # The class is frozen, so that a schema cannot change under a collection.
        object.__setattr__(self, "dim", _checked_dim(dim, checked_element))
        object.__setattr__(self, "metric", checked_metric)
        object.__setattr__(self, "element", checked_element)
        object.__setattr__(self, "index", index)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object of this field."""
        return {
            "kind": self.kind,
            "dim": self.dim,
            "metric": self.metric.value,
            "element": self.element.value,
            "index": self.index.to_json(),
        }


@dataclass(frozen=True, slots=True)
class Sparse:
    """One sparse vector a point: pairs of an index below 2**32 and a value, compared by dot product."""

    kind: ClassVar[VectorKind] = "sparse"
    metric: ClassVar[str] = "dot"

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object of this field."""
        return {"kind": self.kind, "metric": self.metric}


@dataclass(frozen=True, init=False, slots=True)
class Multi:
    """One or more vectors of ``dim`` numbers a point, compared by MaxSim.

    Parameters
    ----------
    dim : int
        Number of dimensions of each vector, 1 to 8192.
    element : {"float16", "float32"}
        What is stored.

    Raises
    ------
    InvalidArgument
        When a value is out of range.
    """

    dim: int
    element: Element

    kind: ClassVar[VectorKind] = "multi"
    metric: ClassVar[str] = "maxsim"

    def __init__(self, dim: int, *, element: Element | str = Element.FLOAT16) -> None:
        checked_element = _choice(Element, element, "element")
        if checked_element not in (Element.FLOAT16, Element.FLOAT32):
            message = (
                f"element is {checked_element.value!r}; a multi-vector field takes 'float16' or 'float32'"
            )
            raise InvalidArgument(message, field="element")
        object.__setattr__(self, "dim", _checked_dim(dim, checked_element))
        object.__setattr__(self, "element", checked_element)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object of this field."""
        return {"kind": self.kind, "dim": self.dim, "metric": self.metric, "element": self.element.value}


VectorField = Dense | Sparse | Multi


def vector_field_from_json(value: Any, what: str) -> VectorField:
    """Return the field that :meth:`to_json` described; ``what`` names it in errors.

    Raises
    ------
    InvalidArgument
        When a key is unknown or missing, or a value is out of range.
    """
    kind = value.get("kind") if isinstance(value, Mapping) else None
    match kind:
        case "dense":
            record = checked_object(value, what, required=["kind", "dim", "metric", "element", "index"])
            try:
                index = spec_from_json(record["index"])
            except (ValueError, TypeError) as error:
                raise InvalidArgument(f"the index of {what} cannot be read: {error}", field=what) from error
            return Dense(record["dim"], metric=record["metric"], element=record["element"], index=index)
        case "sparse":
            _check_metric(checked_object(value, what, required=["kind", "metric"]), Sparse.metric, what)
            return Sparse()
        case "multi":
            record = checked_object(value, what, required=["kind", "dim", "metric", "element"])
            _check_metric(record, Multi.metric, what)
            return Multi(record["dim"], element=record["element"])
    raise InvalidArgument(f"{what} has kind {kind!r}; expected 'dense', 'sparse' or 'multi'", field=what)


def _check_metric(record: Mapping[str, Any], metric: str, what: str) -> None:
    if record["metric"] != metric:
        raise InvalidArgument(
            f"{what} has metric {record['metric']!r}; its kind takes {metric!r}", field=what
        )


def _checked_dim(dim: Any, element: Element) -> int:
    if not isinstance(dim, int) or isinstance(dim, bool) or not 1 <= dim <= MAX_DIM:
        raise InvalidArgument(f"dim is {dim!r}; expected a whole number from 1 to {MAX_DIM}", field="dim")
    if element is Element.BINARY and dim % 8:
        message = f"dim is {dim}; binary vectors are packed in bytes, so it is a multiple of 8"
        raise InvalidArgument(message, field="dim")
    return dim


def _choice(enum: type[_Choice], value: Any, what: str) -> _Choice:
    try:
        return enum(value)
    except ValueError as error:
        known = ", ".join(repr(member.value) for member in enum)
        raise InvalidArgument(f"{what} is {value!r}; expected one of {known}", field=what) from error
