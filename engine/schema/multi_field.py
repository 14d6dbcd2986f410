"""Vector fields of a schema that have several vectors a point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ...indexes.codecs.product import Product
from ...indexes.protocol import FieldShape, IndexSpec
from ...indexes.rows.element import Element
from ...indexes.rows.metric import Metric
from ...indexes.token_lists.token_lists import TokenLists
from ...storage.columns.vectors import VectorKind
from ..errors import InvalidArgument
from .parameters import checked_dim, checked_index, checked_on_disk, choice, record_of_numbers

MAX_TOKENS = 2048
"""Of a point, unless a field says otherwise."""
_MOST_TOKENS = 65_536
_CODED_ELEMENTS = (Element.FLOAT16, Element.FLOAT32)


@dataclass(frozen=True, init=False, slots=True)
class Multi:
    """Any number of vectors of ``dim`` numbers a point, its tokens, compared by MaxSim.

    For each token of a query the best token of a point counts, and the sum over the query is the score. A
    point without tokens is kept and filtered as any other, and no search of the field finds it.

    Parameters
    ----------
    dim : int
        Number of dimensions of each token, 1 to 8192.
    metric : {"dot", "cosine", "l2"}
        How two tokens are compared. Of ``"dot"`` and ``"cosine"`` the largest products are summed. Of
        ``"l2"`` the smallest squared distances are, and the score is the root of the sum, as Qdrant has it:
        between points of one token each it is their Euclidean distance.
    element : {"float16", "float32", "int8", "binary"}
        What is stored of tokens, which are given as numbers and not normalised. ``"int8"`` keeps each number
        in steps of a 127th of its token's largest, with a float32 a token that says how long a step is;
        ``"binary"`` keeps signs, 1 for a number above zero and -1 for any other, and takes a dim that is a
        multiple of 8. Both are returned as float32. With ``"int8"`` a query finds each best token in 127
        steps, and its product with the query as given counts; with ``"binary"`` a query has 255 steps.
    max_tokens : int
        How many tokens a point may have, 1 to 65,536.
    index : IndexSpec, optional
        The index built over sealed segments; ``TokenLists()`` unless given, and ``Flat()`` for an exact scan.
    on_disk : bool
        Whether the tokens of sealed segments stay in their files, to be read for exact scores alone: what is
        in memory is the index with its codes or encodings.
    codec : Product, optional
        What tokens of sealed segments are coded by: each is the nearest of some centroids and ``codec.m``
        codes of 8 bits for what is left of it, all learnt from the first segment of 16,384 tokens or more.
        Scores are of decoded tokens then, and those are what is returned. ``element``, float16 or float32, is
        what tokens are until they are coded and once they are decoded.

    Raises
    ------
    InvalidArgument
        When a value is out of range, or the index is not one of multi-vectors.
    """

    dim: int
    metric: Metric
    element: Element
    max_tokens: int
    index: IndexSpec
    on_disk: bool
    codec: Product | None

    kind: ClassVar[VectorKind] = "multi"

    def __init__(
        self,
        dim: int,
        *,
        metric: Metric | str = Metric.DOT,
        element: Element | str = Element.FLOAT16,
        max_tokens: int = MAX_TOKENS,
        index: IndexSpec | None = None,
        on_disk: bool = False,
        codec: Product | None = None,
    ) -> None:
        checked_metric, checked_element = (
            choice(Metric, metric, "metric"),
            choice(Element, element, "element"),
        )
        if checked_metric is Metric.HAMMING:
            raise InvalidArgument(
                "metric is 'hamming'; a multi-vector field takes 'dot', 'cosine' or 'l2'",
                field="metric",
            )
        if type(max_tokens) is not int or not 1 <= max_tokens <= _MOST_TOKENS:
            raise InvalidArgument(
                f"max_tokens is {max_tokens!r}; expected a whole number from 1 to {_MOST_TOKENS:,}",
                field="max_tokens",
            )
        object.__setattr__(self, "dim", checked_dim(dim, checked_element))
        object.__setattr__(self, "metric", checked_metric)
        object.__setattr__(self, "element", checked_element)
        object.__setattr__(self, "max_tokens", max_tokens)
        object.__setattr__(self, "index", checked_index(TokenLists() if index is None else index, self.shape))
        object.__setattr__(self, "on_disk", checked_on_disk(on_disk))
        object.__setattr__(self, "codec", _checked_codec(codec, self.shape))

    @property
    def shape(self) -> FieldShape:
        """What an index is built for."""
        return FieldShape(self.kind, self.metric, self.element, self.dim)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object of this field.

        ``max_tokens`` is in it where it is not the usual number, ``on_disk`` when it is true, ``codec`` if
        there is one.
        """
        record = record_of_numbers(self)
        if self.max_tokens != MAX_TOKENS:
            record["max_tokens"] = self.max_tokens
        return record if self.codec is None else record | {"codec": self.codec.to_json()}


def _checked_codec(codec: Any, shape: FieldShape) -> Product | None:
    if codec is None:
        return None
    if not isinstance(codec, Product) or codec.bits != 8 or codec.loss is not None:
        raise InvalidArgument(
            f"codec is {codec!r}; a multi-vector field takes None or Product(m=..., rotation=...), "
            "of 8 bits and without a loss",
            field="codec",
        )
    if shape.element not in _CODED_ELEMENTS:
        raise InvalidArgument(
            f"codec is {codec!r} and element {str(shape.element)!r}; "
            "tokens that are coded are 'float16' or 'float32' until then",
            field="codec",
        )
    try:
        codec.check(shape)
    except ValueError as error:
        raise InvalidArgument(str(error), field="codec") from error
    return codec
