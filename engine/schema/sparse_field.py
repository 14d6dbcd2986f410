"""Sparse vector fields of a schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ...indexes.protocol import FieldShape, IndexSpec
from ...indexes.rows.metric import Metric
from ...indexes.sparse.inverted import Inverted
from ...storage.columns.vectors import VectorKind
from ..errors import InvalidArgument
from .bm25 import Bm25
from .parameters import checked_index, choice
from .query_weights import QueryWeights


@dataclass(frozen=True, init=False, slots=True)
class Sparse:
    """One sparse vector a point: pairs of an index below 2**32 and a value.

    Parameters
    ----------
    index : IndexSpec, optional
        The index built over sealed segments; ``Inverted()`` unless given.
    metric : {"dot", "cosine"}
        How two vectors are compared. Under the cosine, a vector without weights scores 0 with any other.
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
        When the index is not one of sparse vectors, or the metric not one that compares them.
    """

    index: IndexSpec
    metric: Metric
    tokens: bool
    query_weights: QueryWeights | None
    idf: bool
    encoder: Bm25 | None

    kind: ClassVar[VectorKind] = "sparse"

    def __init__(
        self,
        *,
        index: IndexSpec | None = None,
        metric: Metric | str = Metric.DOT,
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
        object.__setattr__(self, "tokens", tokens)
        weights = None if query_weights is None else QueryWeights.of(query_weights, tokens)
        object.__setattr__(self, "query_weights", weights)
        object.__setattr__(self, "idf", idf)
        object.__setattr__(self, "encoder", encoder)
        if encoder is not None:
            _check_encoder(self)
        object.__setattr__(self, "index", checked_index(Inverted() if index is None else index, self.shape))

    @property
    def shape(self) -> FieldShape:
        """What an index is built for."""
        saturation = None if self.encoder is None else self.encoder.saturation
        return FieldShape(self.kind, self.metric, saturation=saturation)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object of this field."""
        record: dict[str, Any] = {
            "kind": self.kind,
            "metric": self.metric.value,
            "index": self.index.to_json(),
        }
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
