"""The TokenLists spec: tokens in lists around centroids, whose codes say which rows are scored exactly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from ..codecs.protocol import CodecSpec
from ..codecs.rabitq import RaBitQ
from ..codecs.registry import checked_codec
from ..ivf.layout import Layout
from ..protocol import Arrays, BuildJob, FieldShape, RowOrder
from ..rows.element import Element
from ..rows.multi import MultiRows
from .knobs import TokenListsKnobs, knobs_from

if TYPE_CHECKING:
    from .index import TokenListsIndex

# Over fewer rows an exact scan answers sooner.
_MIN_ROWS = 2048
_MOST_LISTS, _MOST_TOKENS = 1 << 20, 65_536


@dataclass(frozen=True)
class TokenLists:
    """Inverted lists of tokens: rows with tokens near those of the query are scored exactly.

    Parameters
    ----------
    n_lists
        How many lists; about twice the root of the number of tokens unless given.
    codec
        What is read of each token, as a spec or its JSON: of what is left of it beside its list's centroid.
        Codes of a bit a dimension and products of 4 bits are looked up fastest.
    tokens
        How many tokens of each row are in the lists, its first, 1 to 65,536; None for all. Candidates are
        found by those, and scored by all tokens or by as many as a search says. For models whose first
        vectors say most (Matryoshka multi-vectors).
    """

    n_lists: int | None = None
    codec: CodecSpec = field(default_factory=RaBitQ)
    tokens: int | None = None

    name = "token-lists"

    def __post_init__(self) -> None:
        lists = self.n_lists
        if lists is not None and (type(lists) is not int or not 1 <= lists <= _MOST_LISTS):
            message = f"TokenLists.n_lists is {lists!r}; expected a whole number from 1 to {_MOST_LISTS:,}"
            raise ValueError(message)
        tokens = self.tokens
        if tokens is not None and (type(tokens) is not int or not 1 <= tokens <= _MOST_TOKENS):
            message = f"TokenLists.tokens is {tokens!r}; expected a whole number from 1 to {_MOST_TOKENS:,}"
            raise ValueError(message)
        object.__setattr__(self, "codec", checked_codec("TokenLists.codec", self.codec))

    def to_json(self) -> dict[str, Any]:
        """Return the name and the parameters; the lists and the tokens if they were given."""
        record: dict[str, Any] = {"name": self.name, "codec": self.codec.to_json()}
        given = {"n_lists": self.n_lists, "tokens": self.tokens}
        return record | {name: value for name, value in given.items() if value is not None}

    def check(self, field: FieldShape) -> None:
        """Refuse what are not multi-vectors, and those that the codec cannot code."""
        if field.kind != "multi":
            raise ValueError(f"index 'token-lists' is of multi-vectors; the field has {field.kind} ones")
        self.codec.check(FieldShape("dense", field.metric, Element.FLOAT32, field.dim))

    def knobs(self, given: Mapping[str, float]) -> TokenListsKnobs:
        """Return ``candidates``, ``n_probe`` and ``tokens`` as the index takes them."""
        return knobs_from(given)

    def worth_building(self, n: int) -> bool:
        """Return whether there are more rows than are scanned in no time."""
        return n >= _MIN_ROWS

    def order(self, rows: MultiRows, job: BuildJob) -> RowOrder | None:
        """Return None."""
        return None

    def build(self, rows: MultiRows, job: BuildJob) -> dict[str, NDArray[Any]]:
        """Build the lists, the codes and the ladder of efforts."""
        from .build import build

        return build(rows, self.n_lists, self.tokens, self._layout(), job)

    def open(self, arrays: Arrays, rows: MultiRows) -> TokenListsIndex:
        """Validate the arrays and return the index."""
        from .index import TokenListsIndex

        return TokenListsIndex(arrays, rows, self._layout(), self.tokens)

    def _layout(self) -> Layout:
        return Layout(self.codec, residual=True, spill=False)
