"""Vector fields of a schema: dense, sparse, or several vectors a point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from ...indexes.exact.flat import Flat
from ...indexes.graph.hnsw import Hnsw
from ...indexes.ivf.auto import AutoDense
from ...indexes.protocol import FieldShape, IndexSpec
from ...indexes.rows.element import Element
from ...indexes.rows.metric import Metric
from ...storage.columns.vectors import VectorKind
from ..errors import InvalidArgument
from .bm25 import encoder_from_json
from .multi_field import MAX_TOKENS, Multi
from .parameters import (
    checked_dim,
    checked_index,
    checked_on_disk,
    choice,
    codec_from_json,
    index_from_json,
    is_auto,
    record_of_numbers,
)
from .query_weights import QueryWeights
from .sparse_field import Sparse
from .strict_json import checked_object


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
    index : IndexSpec or "auto", optional
        The index built over sealed segments; ``Hnsw()`` unless given, and with ``"auto"`` what
        ``AutoDense()`` chooses.
    on_disk : bool
        Whether the vectors of sealed segments stay in their files, to be read for exact scores alone: what is
        in memory is the index with its codes. Not for binary vectors, which are their own codes.

    Raises
    ------
    InvalidArgument
        When a value is out of range or two of them do not go together.
    """

    dim: int
    metric: Metric
    element: Element
    index: IndexSpec
    on_disk: bool

    kind: ClassVar[VectorKind] = "dense"

    def __init__(
        self,
        dim: int,
        *,
        metric: Metric | str = Metric.COSINE,
        element: Element | str = Element.FLOAT32,
        index: IndexSpec | Literal["auto"] | None = None,
        on_disk: bool = False,
    ) -> None:
        checked_metric = choice(Metric, metric, "metric")
        checked_element = choice(Element, element, "element")
        if (checked_metric is Metric.HAMMING) != (checked_element is Element.BINARY):
            raise InvalidArgument(
                f"metric {checked_metric.value!r} with element {checked_element.value!r}; "
                "hamming compares binary vectors and nothing else does",
                field="metric",
            )
        if checked_on_disk(on_disk) and checked_element is Element.BINARY:
            raise InvalidArgument(
                "binary vectors are their own codes, which every search compares: they cannot stay on disk",
                field="on_disk",
            )
        chosen = Hnsw() if index is None else AutoDense() if is_auto(index) else index
        # The class is frozen, so that a schema cannot change under a collection.
        object.__setattr__(self, "dim", checked_dim(dim, checked_element))
        object.__setattr__(self, "metric", checked_metric)
        object.__setattr__(self, "element", checked_element)
        object.__setattr__(self, "index", checked_index(chosen, self.shape))
        object.__setattr__(self, "on_disk", on_disk)

    @property
    def shape(self) -> FieldShape:
        """What an index is built for."""
        return FieldShape(self.kind, self.metric, self.element, self.dim)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object of this field; ``on_disk`` is in it when it is true."""
        return record_of_numbers(self)


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
            required = ["kind", "dim", "metric", "element", "index"]
            record = checked_object(value, what, required=required, optional=["on_disk"])
            return Dense(
                record["dim"],
                metric=record["metric"],
                element=record["element"],
                index=index_from_json(record["index"], what),
                on_disk=record.get("on_disk", False),
            )
        case "sparse":
            said = ["index", "element", "bucket_size", "bucket_weights", "tokens"]
            said += ["query_weights", "idf", "encoder"]
            record = checked_object(value, what, required=["kind", "metric"], optional=said)
            index = index_from_json(record.get("index"), what)
            weights = record.get("query_weights")
            return Sparse(
                index=index,
                metric=record["metric"],
                element=record.get("element", Element.FLOAT32),
                bucket_size=record.get("bucket_size"),
                bucket_weights=record.get("bucket_weights"),
                tokens=record.get("tokens", False),
                query_weights=None if weights is None else QueryWeights.from_json(weights, what),
                idf=record.get("idf", False),
                encoder=encoder_from_json(record.get("encoder"), f"the encoder of {what}"),
            )
        case "multi":
            named = ["kind", "dim", "metric", "element"]
            may_lack = ["index", "max_tokens", "on_disk", "codec"]
            record = checked_object(value, what, required=named, optional=may_lack)
            return Multi(
                record["dim"],
                # The only metric there once was, by the name it had then.
                metric="dot" if record["metric"] == "maxsim" else record["metric"],
                element=record["element"],
                max_tokens=record.get("max_tokens", MAX_TOKENS),
                # While multi-vectors were only scanned, their JSON named no index.
                index=index_from_json(record.get("index"), what) or Flat(),
                on_disk=record.get("on_disk", False),
                codec=codec_from_json(record.get("codec"), what),
            )
    raise InvalidArgument(f"{what} has kind {kind!r}; expected 'dense', 'sparse' or 'multi'", field=what)
