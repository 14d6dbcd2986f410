"""Any number of vectors of as many numbers a point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Never

import numpy as np
from numpy.typing import NDArray

from ...indexes.product.token_codes import TokenCodes
from ...indexes.protocol import Arrays, BuildJob
from ...indexes.rows.element import Element
from ...indexes.rows.multi import MultiRows, encoded
from ...storage.arrays.row_reader import CHECKSUMS, RowReader, row_checksums
from ...storage.columns.array_like import list_of
from ...storage.columns.multi import MultiColumn
from ...storage.columns.ragged import offsets_of
from ..errors import InvalidArgument
from ..schema.multi_field import Multi
from ..schema.query_weights import QueryWeights
from .growable_array import GrowableArray
from .matrices import MAX_MAGNITUDE, column, to_element, to_matrix, whole_numbers
from .protocol import Array, Chosen, FieldStatistics, OnDisk, TermWeights, TokenIds

_SCALE_BYTES = 4
_OFFSETS, _TOKENS, _SCALES = "offsets", "tokens", "scales"


class MultiKind:
    """Ragged matrices: the vectors of all points laid end to end, cut by offsets."""

    def describe(self, field: Multi) -> str:
        """Return what a person is told of a field."""
        where = ", on disk" if field.on_disk else ""
        coded = "" if field.codec is None else f", coded by {field.codec.parts(field.dim)} parts"
        return f"multi, {field.dim} dimensions, {field.metric}, {field.element}{coded}{where}"

    def column(self, field: Multi, value: Any, what: str) -> MultiColumn:
        """Return vectors that a caller passed, as they are stored."""
        column = _to_multi(value, what, field.dim, field.element)
        sizes = np.diff(column.offsets)
        if sizes.max(initial=0) > field.max_tokens:
            row = int(np.argmax(sizes > field.max_tokens))
            raise InvalidArgument(
                f"{what} row {row} has {sizes[row]:,} vectors; a point has at most {field.max_tokens:,}, "
                "unless the field is created with a larger max_tokens",
                field=what,
            )
        return column

    def source(self, field: Multi) -> str | None:
        """Return None: vectors are given."""
        return None

    def encoded(self, field: Multi, texts: Sequence[Sequence[str]]) -> Never:
        """Refuse: no text makes a vector."""
        raise TypeError("vectors of the field are given")

    def queries(self, field: Multi, value: Any, name: str) -> tuple[MultiRows, bool]:
        """Return queries as a batch, and whether the caller gave a single one."""
        if _is_plain_query(value, field.dim):
            return MultiRows.one(np.ascontiguousarray(value)), True
        what = f"query for {name!r}"
        if not isinstance(value, np.ndarray | tuple | MultiColumn):
            value = column(value, what, "pass the vectors of one query, or a list of those")
        single = value.ndim == 2 if isinstance(value, np.ndarray) else _is_one_matrix(value)
        asked = _to_multi([value] if single else value, what, field.dim, Element.FLOAT32, tiny=True)
        sizes = np.diff(asked.offsets)
        if len(sizes) and not sizes.min():
            which = what if single else f"{what} row {int(np.argmin(sizes))}"
            raise InvalidArgument(f"{which} has no vector; a query has at least one", field=what)
        return _query_rows(asked), single

    def has_tokens(self, field: Multi) -> bool:
        """Return False."""
        return False

    def has_budgets(self, field: Multi) -> bool:
        """Return True: queries and points go by their first tokens."""
        return True

    def query_weights(self, field: Multi) -> QueryWeights | None:
        """Return None: queries say all that they are."""
        return None

    def resolved(
        self, field: Multi, queries: Any, tokens: TokenIds | None, weights: TermWeights | None
    ) -> Any:
        """Return queries as they are."""
        return queries

    def query_floats(self, field: Multi) -> None:
        """Return None: a query is any number of vectors."""

    def prepares(self, field: Multi) -> bool:
        """Return False: queries are searched with as they are."""
        return False

    def prepare(self, field: Multi, queries: MultiRows, statistics: FieldStatistics) -> Never:
        """Refuse: there is nothing to do."""
        raise TypeError("queries of the field are searched with as they are")

    def query_column(self, field: Multi, queries: MultiRows) -> MultiColumn:
        """Return a batch of queries as it is sent."""
        return MultiColumn(queries.offsets, queries.tokens)

    def query_arrays(self, queries: MultiRows) -> dict[str, Array]:
        """Return a batch of queries as it is kept."""
        return MultiColumn(queries.offsets, queries.tokens).arrays()

    def kept_queries(self, arrays: Arrays) -> MultiRows:
        """Return the batch that :meth:`query_arrays` gave."""
        return _query_rows(MultiColumn.from_arrays(arrays))

    def empty(self, field: Multi) -> MultiColumn:
        """Return a column without rows."""
        return MultiColumn(
            np.zeros(1, np.int64), *encoded(np.empty((0, field.dim), np.float32), field.element)
        )

    def growing(self, field: Multi) -> GrowingMulti:
        """Return a growing segment's vectors, none yet."""
        return GrowingMulti(field)

    def sealed_arrays(self, field: Multi, column: MultiColumn) -> dict[str, Array]:
        """Return ``offsets`` and ``tokens``, and of int8 ``scales``.

        Of tokens on disk there are the checksums of each point's besides.
        """
        arrays = column.arrays()
        if not field.on_disk:
            return arrays
        tokens = np.ascontiguousarray(column.tokens)
        return arrays | {_TOKENS + CHECKSUMS: row_checksums(tokens, column.offsets)}

    def sealer(
        self, field: Multi, sources: Sequence[tuple[MultiRows, Chosen]], job: BuildJob
    ) -> TokenSealer | None:
        """Return what codes the tokens of a new segment, where the field has a codec and they are many."""
        codec = field.codec
        if codec is None:
            return None
        # Only here, because it loads kernels.
        from ...indexes.product.token_coding import codes_for

        codes = codes_for(sources, codec.parts(field.dim), codec.rotation is not None, job)
        return None if codes is None else TokenSealer(codes)

    def staged(self, field: Multi) -> OnDisk | None:
        """Return ``tokens``, where they stay on disk or are coded."""
        return self.read_from_disk(field) if field.codec is None else OnDisk(_TOKENS, _OFFSETS)

    def read_from_disk(self, field: Multi) -> OnDisk | None:
        """Return ``tokens``, cut by ``offsets``, where they stay on disk."""
        return OnDisk(_TOKENS, _OFFSETS) if field.on_disk else None

    def disk_rows(self, field: Multi, rows: MultiRows, chosen: Chosen) -> int:
        """Return how many tokens the chosen rows have."""
        return int((rows.offsets[chosen + 1] - rows.offsets[chosen]).sum())

    def rows(self, field: Multi, arrays: Arrays, reader: RowReader | None = None) -> MultiRows:
        """Return the arrays of a segment as an index sees them, without a copy."""
        mine = {name: arrays[name] for name in (_OFFSETS, _TOKENS, _SCALES) if name in arrays}
        column = MultiColumn.from_arrays(mine)
        tokens = column.tokens if reader is None else column.tokens[:0]
        codes = None
        if field.codec is not None:
            codes = TokenCodes.from_arrays(arrays, field.dim, field.codec.parts(field.dim), field.metric)
        return MultiRows(column.offsets, tokens, field.metric, column.scales, field.dim, reader, codes)

    def stored(self, field: Multi, rows: MultiRows, chosen: Chosen) -> MultiColumn:
        """Copy out the chosen rows, decoded."""
        if rows.reader is None and rows.codes is None:
            return MultiColumn(rows.offsets, rows.tokens, rows.scales).take(chosen)
        held, places = _held(rows, chosen)
        tokens = held.tokens if held.codes is None else _floats(held, field.element)
        return MultiColumn(held.offsets, tokens, held.scales).take(places)

    def sizes(self, field: Multi, rows: MultiRows, chosen: Chosen) -> NDArray[np.int64]:
        """Return the bytes of each chosen row, which are not read."""
        token = rows.token_bytes + (rows.scales is not None) * _SCALE_BYTES
        if rows.codes is not None:
            token = field.dim * field.element.dtype.itemsize
        return (rows.offsets[chosen + 1] - rows.offsets[chosen]) * token


class TokenSealer:
    """Codes the tokens of a new segment; those that are coded so already are copied."""

    def __init__(self, codes: TokenCodes) -> None:
        self._codes = codes

    def column(self, rows: MultiRows, chosen: Chosen) -> MultiColumn:
        """Return the chosen rows, their tokens coded."""
        from ...indexes.product.token_coding import coded_rows

        held, places = _held(rows, chosen)
        held = coded_rows(held, self._codes)
        return MultiColumn(held.offsets, held.tokens).take(places)

    def arrays(self) -> dict[str, Array]:
        """Return the centroids, the codebooks and the rotation, if there is one."""
        return self._codes.arrays()


def _held(rows: MultiRows, chosen: Chosen) -> tuple[MultiRows, NDArray[np.int64]]:
    """Return a copy in memory of what the chosen rows are, and the place of each of them in it."""
    distinct, places = np.unique(chosen, return_inverse=True)
    rows.read_ahead(distinct)
    return rows.in_memory(distinct), places.reshape(-1)


def _floats(rows: MultiRows, element: Element) -> NDArray[Any]:
    """Return decoded tokens as an element, whose largest number none exceeds."""
    floats = rows.floats(slice(None))
    if element is Element.FLOAT16:
        most = np.finfo(np.float16).max
        floats = floats.clip(-most, most)
    return floats.astype(element.dtype, copy=False)


class GrowingMulti:
    """Ragged token matrices."""

    def __init__(self, field: Multi) -> None:
        self._field = field
        self._offsets = GrowableArray(np.int64)
        self._offsets.extend(np.zeros(1, np.int64))
        self._tokens = GrowableArray(field.element.dtype, field.element.width(field.dim))
        self._scales = GrowableArray(np.float32) if field.element is Element.INT8 else None

    def append(self, column: MultiColumn) -> None:
        """Append the vectors of a multi-vector column."""
        base = len(self._tokens)
        self._tokens.extend(column.tokens)
        if self._scales is not None and column.scales is not None:
            self._scales.extend(column.scales)
        self._offsets.extend(column.offsets[1:] + base)

    def rows(self, length: int) -> MultiRows:
        """Return the first ``length`` vectors as an index sees them, without a copy."""
        field, column = self._field, self._column(length)
        return MultiRows(column.offsets, column.tokens, field.metric, column.scales, field.dim)

    def index(self, length: int) -> None:
        """Return None: growing vectors are scanned."""

    def _column(self, length: int) -> MultiColumn:
        offsets: NDArray[np.int64] = self._offsets.view(length + 1)
        count = int(offsets[-1])
        scales = None if self._scales is None else self._scales.view(count)
        return MultiColumn(offsets, self._tokens.view(count), scales)

    def column(self, chosen: Chosen) -> MultiColumn:
        """Copy out the chosen vectors."""
        return self._column(len(self._offsets) - 1).take(chosen)

    @property
    def nbytes(self) -> int:
        """Bytes reserved in memory."""
        scales = 0 if self._scales is None else self._scales.nbytes
        return self._offsets.nbytes + self._tokens.nbytes + scales


def _to_multi(value: Any, what: str, dim: int, element: Element, *, tiny: bool = False) -> MultiColumn:
    """Return the vectors of each point from a list of matrices, a (n, t, dim) array or (tokens, offsets).

    Raises
    ------
    InvalidArgument
        At the first point of another width, or with a value that is not finite.
    """
    expected = f"pass a list with one (tokens, {dim}) matrix a point, or the pair (tokens, offsets)"
    if isinstance(value, MultiColumn):
        coded = _element_of(value)
        if coded is element and value.tokens.shape[1] == element.width(dim):
            return _checked(value, what)
        value = value.tokens if coded is None else value.floats(), value.offsets
    if not isinstance(value, tuple):
        value = column(value, what, expected)
        if isinstance(value, np.ndarray) and value.dtype == object:
            value = list_of(value)
    if isinstance(value, np.ndarray) and value.ndim == 3:
        n, per_point, width = value.shape
        offsets = np.arange(n + 1, dtype=np.int64) * per_point
        tokens = to_matrix(value.reshape(n * per_point, width), what, dim)
    elif isinstance(value, tuple) and len(value) == 2 and getattr(value[1], "ndim", 0) == 1:
        tokens = to_matrix(value[0], f"{what} tokens", dim)
        offsets = whole_numbers(np.asarray(value[1]), f"{what} offsets")
        if not len(offsets) or offsets[0] != 0 or offsets[-1] != len(tokens):
            message = f"{what} offsets do not run from 0 to the {len(tokens)} tokens"
            raise InvalidArgument(message, field=what)
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        parts = [to_matrix(matrix, f"{what} row {row}", dim) for row, matrix in enumerate(value)]
        offsets = offsets_of(map(len, parts), len(parts))
        tokens = np.concatenate(parts) if parts else np.empty((0, dim), element.dtype)
    else:
        raise InvalidArgument(f"{what} is a {type(value).__name__}; {expected}", field=what)
    if len(offsets) > 2 and (np.diff(offsets) < 0).any():
        raise InvalidArgument(f"{what} offsets fall; expected them to rise from 0", field=what)

    def locate(token: int) -> str:
        row = int(np.searchsorted(offsets, token, side="right")) - 1
        return f"{what} row {row} vector {token - offsets[row]}"

    offsets = offsets.astype(np.int64)
    if element in (Element.INT8, Element.BINARY):
        floats = to_element(tokens, Element.FLOAT32, what, locate=locate)
        return MultiColumn(offsets, *encoded(floats, element))
    return MultiColumn(offsets, to_element(tokens, element, what, tiny=tiny, locate=locate))


def _element_of(column: MultiColumn) -> Element | None:
    """Return which element a column's tokens are coded as; None where they are numbers."""
    if column.scales is not None:
        return Element.INT8
    return Element.BINARY if column.tokens.dtype == np.uint8 else None


def _checked(column: MultiColumn, what: str) -> MultiColumn:
    """Return a column of coded tokens that came from elsewhere."""
    scales = column.scales
    if scales is not None and not ((scales >= 0) & (scales <= MAX_MAGNITUDE / 127)).all():
        raise InvalidArgument(
            f"{what} has scales of tokens that are below 0, too large or no numbers", field=what
        )
    if scales is not None and column.tokens.min(initial=0) < -127:
        raise InvalidArgument(f"{what} has tokens of -128; int8 ones are -127 to 127", field=what)
    return column


def _is_plain_query(value: Any, dim: int) -> bool:
    """Return whether a value is the tokens of one query as they are, which is the common call."""
    if type(value) is not np.ndarray or value.dtype != np.float32 or value.ndim != 2:
        return False
    if value.shape[1] != dim or not len(value):
        return False
    # A sum of squares in range shows that every number is finite.
    flat = value.reshape(-1)
    return bool(flat.dot(flat) < MAX_MAGNITUDE**2)


def _is_one_matrix(value: Any) -> bool:
    """Return whether a list is one of vectors, not of matrices."""
    first = value[0] if isinstance(value, list) and value else None
    if isinstance(first, list | tuple):
        return bool(first) and np.isscalar(first[0])
    return getattr(first, "ndim", 0) == 1


def _query_rows(column: MultiColumn) -> MultiRows:
    """Return queries as an index takes them; their tokens are float32 whatever is stored."""
    return MultiRows(column.offsets, column.tokens.astype(np.float32, copy=False))
