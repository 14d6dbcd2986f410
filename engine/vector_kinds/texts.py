"""Sparse vectors that are made of texts in the payload, and are searched for by texts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Never

import numpy as np

from ...indexes.rows.sparse import SparseRows
from ...storage.columns.array_like import list_of
from ...storage.columns.texts import TextColumn
from ...storage.columns.tokens import TokenColumn
from ..errors import InvalidArgument
from ..results.weighting import Weighting
from ..schema.bm25 import Bm25
from ..schema.sparse_field import Sparse
from .protocol import FieldStatistics, TermWeights, TokenIds
from .tokens import TokenKind, known_entries

if TYPE_CHECKING:
    from ..text.analyzer import Analyzer


class TextKind(TokenKind):
    """Term frequencies by term: stored as what a field by tokens stores."""

    def describe(self, field: Sparse) -> str:
        """Return what a person is told of a field."""
        encoder = _encoder(field)
        return f"{encoder.name} of {encoder.text}, {encoder.language or 'no stems'}"

    def source(self, field: Sparse) -> str:
        """Return the path of the texts in payloads."""
        return _encoder(field).text

    def encoded(self, field: Sparse, texts: Sequence[Sequence[str]]) -> TokenColumn:
        """Return how often each term is in each of some texts, which come in parts."""
        return _analyzer(_encoder(field).language).counted(texts)

    def column(self, field: Sparse, value: Any, what: str) -> Never:
        """Refuse vectors of a caller."""
        raise InvalidArgument(
            f"{what} has vectors, and the field makes its own of the payload field {self.source(field)!r}; "
            "leave them out, and change the payload instead",
            field=what,
        )

    def queries(self, field: Sparse, value: Any, name: str) -> tuple[Any, bool]:
        """Return texts, or queries over terms, as a batch, and whether the caller gave a single one."""
        if isinstance(value, str):
            return TextColumn([_text(value, name)]), True
        texts = value.texts if isinstance(value, TextColumn) else _texts(value)
        if texts is None:
            return super().queries(field, value, name)
        return TextColumn([_text(text, name) for text in texts]), False

    def resolved(
        self, field: Sparse, queries: Any, tokens: TokenIds | None, weights: TermWeights | None
    ) -> SparseRows:
        """Return queries over ids; terms that no point has match nothing and are left out."""
        if isinstance(queries, TextColumn) and len(queries) == 1:
            assert tokens is not None
            counts = _analyzer(_encoder(field).language).counts(queries.texts)
            return known_entries(tokens.known_ids(list(counts)), np.array(list(counts.values()), np.float32))
        if isinstance(queries, TextColumn):
            queries = self.encoded(field, [[text] for text in queries.texts])
        return super().resolved(field, queries, tokens, weights)

    def prepares(self, field: Sparse) -> bool:
        """Return True: terms are weighted, and texts have an average length."""
        return True

    def prepare(
        self, field: Sparse, queries: SparseRows, statistics: FieldStatistics
    ) -> tuple[SparseRows, Weighting | None]:
        """Return queries with their inverse document frequencies, and the average length of the texts."""
        n, total = statistics.n_vectors, statistics.total
        average = total / n if total > 0 else 1.0
        factors = statistics.inverse_frequencies(queries.indices)
        return queries.weighted(factors, average), Weighting(n, average)

    def query_column(self, field: Sparse, queries: Any) -> Any:
        """Return a batch of queries as it is sent: texts as they are."""
        return queries


@cache
def _analyzer(language: str | None) -> Analyzer:
    # Only here: who has no such field loads no stemmers. Kept, as finding a module takes as long as a word.
    from ..text.analyzer import analyzer

    return analyzer(language)


def _encoder(field: Sparse) -> Bm25:
    assert field.encoder is not None
    return field.encoder


def _texts(value: Any) -> list[str] | None:
    """Return the texts of a list that begins with one, or of an empty one; None for what is no such list."""
    if not isinstance(value, list | tuple | np.ndarray):
        return None
    listed = list_of(value)
    if listed and not isinstance(listed[0], str):
        return None
    return listed


def _text(text: Any, name: str) -> str:
    try:
        text.encode()
    except (AttributeError, UnicodeEncodeError):
        raise InvalidArgument(
            f"query for {name!r} has {text!r:.80}; pass a text, or a list of texts", field="query"
        ) from None
    return str(text)
