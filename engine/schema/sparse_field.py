"""Sparse vector fields of a schema."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from ...indexes.protocol import FieldShape, IndexSpec, takes_binary
from ...indexes.rows.element import Element
from ...indexes.rows.metric import Metric
from ...indexes.seismic.auto import AutoSparse
from ...storage.columns.vectors import VectorKind
from ..errors import InvalidArgument
from .bm25 import Bm25
from .parameters import checked_index, choice, is_auto
from .query_weights import QueryWeights

MAX_BUCKETS = 65_536


@dataclass(frozen=True, init=False, slots=True)
class Sparse:
    """One sparse vector a point: pairs of an index below 2**32 and a value.

    Parameters
    ----------
    index : IndexSpec or "auto", optional
        The index built over sealed segments. Unless given, ``"auto"``: exact postings where they answer in
        about 200 us, blocks (`Seismic`) over more.
    metric : {"dot", "cosine"}
        How two vectors are compared. Under the cosine, a vector without weights scores 0 with any other.
    element : {"float32", "binary"}
        What a value is. A binary vector, as of UHD-BERT, is a set of indices and is stored without values;
        the score is how many indices two of them have in common.
    bucket_size : int, optional
        With binary vectors: so many indices that follow one another are a bucket, index 0 to
        ``bucket_size - 1`` the first.
    bucket_weights : sequence of float, optional
        What an index in common counts, by bucket; there are as many buckets, and no index beyond the last.
    tokens : bool
        Whether entries are named by tokens instead of indices: vectors are given, asked for and returned as
        ``{token: weight}``. The collection keeps the vocabulary; a token is a text of 1 to 255 bytes in
        UTF-8, taken as it is given.
    query_weights : mapping of token or index to number, optional
        What each token weighs in a query that is a list of them, ``["red", "shoes"]``, as models whose
        queries need no inference have it; indices where ``tokens`` is not said. At most 131,072. A token that
        stands several times in the list counts once, and one that has no weight here is left out. The schema
        of a collection tells their number and a digest; the weights themselves stay in the database.
    idf : bool
        Whether a search multiplies the weight of each term of a query with its inverse document frequency,
        ``ln(1 + (n - df + 0.5) / (df + 0.5))``: of ``n`` live points with a vector in the field, ``df`` have
        a weight of the term that is not zero. In a partitioned collection they are the tenant's alone. Both
        follow every write at once. Stored vectors stay as they are.
    encoder : Bm25, optional
        What makes the vectors of texts in the payload, so that none are given, and texts are searched for;
        vectors are returned as ``{term: how often}``.

    Raises
    ------
    InvalidArgument
        When the index is not one of such vectors, the metric not one that compares them, or parameters do
        not go together.
    """

    index: IndexSpec
    metric: Metric
    element: Element
    bucket_size: int | None
    bucket_weights: tuple[float, ...] | None
    tokens: bool
    query_weights: QueryWeights | None
    idf: bool
    encoder: Bm25 | None

    kind: ClassVar[VectorKind] = "sparse"

    def __init__(
        self,
        *,
        index: IndexSpec | Literal["auto"] | None = None,
        metric: Metric | str = Metric.DOT,
        element: Element | str = Element.FLOAT32,
        bucket_size: int | None = None,
        bucket_weights: Sequence[float] | None = None,
        tokens: bool = False,
        query_weights: Mapping[Any, float] | QueryWeights | None = None,
        idf: bool = False,
        encoder: Bm25 | None = None,
    ) -> None:
        checked_metric = choice(Metric, metric, "metric")
        if checked_metric not in (Metric.DOT, Metric.COSINE):
            raise InvalidArgument(
                f"metric is {checked_metric.value!r}; sparse vectors are compared by 'dot' or 'cosine'",
                field="metric",
            )
        for name, flag in {"tokens": tokens, "idf": idf}.items():
            if not isinstance(flag, bool):
                raise InvalidArgument(f"{name} is {flag!r:.80}; pass True or False", field=name)
        object.__setattr__(self, "metric", checked_metric)
        object.__setattr__(self, "element", _checked_element(element))
        size, bucketed = _checked_buckets(bucket_size, bucket_weights)
        object.__setattr__(self, "bucket_size", size)
        object.__setattr__(self, "bucket_weights", bucketed)
        object.__setattr__(self, "tokens", tokens)
        weights = None if query_weights is None else QueryWeights.of(query_weights, tokens)
        object.__setattr__(self, "query_weights", weights)
        object.__setattr__(self, "idf", idf)
        object.__setattr__(self, "encoder", encoder)
        if encoder is not None:
            _check_encoder(self)
        _check_binary(self)
        chosen = AutoSparse() if index is None or is_auto(index) else index
        object.__setattr__(self, "index", checked_index(chosen, self.shape))
        if self.is_binary and not takes_binary(self.index):
            raise InvalidArgument(
                f"index {self.index.name!r} does not read binary sparse vectors; Inverted() and Flat() do",
                field="index",
            )

    @property
    def shape(self) -> FieldShape:
        """What an index is built for."""
        saturation = None if self.encoder is None else self.encoder.saturation
        element = self.element if self.is_binary else None
        return FieldShape(self.kind, self.metric, element, saturation=saturation)

    @property
    def is_binary(self) -> bool:
        """Whether vectors are sets of indices."""
        return self.element is Element.BINARY

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object of this field."""
        record: dict[str, Any] = {
            "kind": self.kind,
            "metric": self.metric.value,
            "index": self.index.to_json(),
        }
        if self.is_binary:
            record["element"] = self.element.value
        if self.bucket_weights is not None:
            record |= {"bucket_size": self.bucket_size, "bucket_weights": list(self.bucket_weights)}
        # What is as it was before there was a choice, any release reads.
        record |= {name: True for name in ("tokens", "idf") if getattr(self, name)}
        if self.query_weights is not None:
            record["query_weights"] = self.query_weights.to_json()
        return record | ({} if self.encoder is None else {"encoder": self.encoder.to_json()})


def _check_encoder(field: Sparse) -> None:
    if not isinstance(field.encoder, Bm25):
        raise InvalidArgument(f"encoder is {field.encoder!r:.80}; pass Bm25('body')", field="encoder")
    said = [name for name in ("tokens", "query_weights", "idf") if getattr(field, name)]
    if field.metric is not Metric.DOT:
        said.append(f"metric={field.metric.value!r}")
    if said:
        raise InvalidArgument(
            f"a field whose encoder is Bm25 has tokens, weights and a score of its own; leave out {said[0]}",
            field=said[0].split("=")[0],
        )


def _checked_element(element: Any) -> Element:
    checked = choice(Element, element, "element")
    if checked not in (Element.FLOAT32, Element.BINARY):
        raise InvalidArgument(
            f"element is {checked.value!r}; a sparse field takes 'float32' or 'binary'", field="element"
        )
    return checked


def _check_binary(field: Sparse) -> None:
    if not field.is_binary:
        if field.bucket_size is not None:
            raise InvalidArgument(
                "buckets are of binary vectors; say element='binary' too, or leave them out",
                field="bucket_size",
            )
        return
    said = [name for name in ("tokens", "query_weights", "idf", "encoder") if getattr(field, name)]
    if field.metric is not Metric.DOT:
        said.append(f"metric={field.metric.value!r}")
    if said:
        raise InvalidArgument(
            f"binary vectors are sets of indices, compared by 'dot'; leave out {said[0]}",
            field=said[0].split("=")[0],
        )


def _checked_buckets(size: Any, weights: Any) -> tuple[int | None, tuple[float, ...] | None]:
    if size is None and weights is None:
        return None, None
    if not isinstance(size, int | np.integer) or isinstance(size, bool) or not 1 <= size <= 2**32:
        raise InvalidArgument(
            f"bucket_size is {size!r:.80}; expected a whole number from 1 to 2**32, with bucket_weights",
            field="bucket_size",
        )
    listed = list(weights) if isinstance(weights, Sequence | np.ndarray) else []
    numbers = all(isinstance(w, int | float | np.number) and not isinstance(w, bool) for w in listed)
    if not 1 <= len(listed) <= MAX_BUCKETS or not numbers or not all(map(math.isfinite, listed)):
        raise InvalidArgument(
            f"bucket_weights is {weights!r:.80}; expected 1 to {MAX_BUCKETS:,} finite numbers, one a bucket",
            field="bucket_weights",
        )
    return int(size), tuple(map(float, listed))
