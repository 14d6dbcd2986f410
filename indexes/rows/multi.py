"""Multi-vectors as an index sees them: the tokens of all rows, one behind the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .addresses import address
from .dense import aligned
from .element import Element
from .metric import Metric
from .neighbors import SearchStats
from .offsets import check_offsets, chosen_offsets, packed_offsets, packed_places
from .reader import RowReader

_ELEMENT_OF = {element.dtype: element for element in Element}
_METRICS = (Metric.DOT, Metric.COSINE, Metric.L2)


class Codes(Protocol):
    """What tokens are coded by: each is a centroid and what each part of it adds, times a scale."""

    @property
    def dim(self) -> int:
        """Dimensions of a token."""

    @property
    def m(self) -> int:
        """How many parts a token has."""

    @property
    def starts(self) -> NDArray[np.int64]:
        """Where each part begins and the last ends, ``(m + 1,)``."""

    @property
    def token_bytes(self) -> int:
        """Bytes of a coded token."""

    @property
    def centroids(self) -> NDArray[np.float32]:
        """``(k, dim)``, turned."""

    @property
    def parts(self) -> NDArray[np.float32]:
        """What codes add, turned: ``(256, dimensions of the part)`` of one part behind the other."""

    @property
    def nbytes(self) -> int:
        """Bytes of centroids and parts."""

    def decode(self, coded: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the ``(t, dim)`` tokens that coded ones stand for."""

    def turned(self, tokens: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return tokens of queries turned as centroids and parts are, contiguous."""

    def check(self, coded: NDArray[np.uint8]) -> None:
        """Refuse what kernels could not look up."""


@dataclass(frozen=True)
class MultiRows:
    """Several vectors a row, in memory or where they are read from; or a batch of queries of several vectors.

    Parameters
    ----------
    offsets
        ``(n + 1,)`` int64: row i has the tokens ``offsets[i]`` to ``offsets[i + 1]``; it may have none.
    tokens
        ``(t, dim)`` float32, which queries always are, float16 or int8; or packed signs,
        ``(t, ceil(dim / 8))`` uint8: a bit is set for a number above zero; or uint8 as ``codes`` say.
    metric
        How two tokens are compared: dot, cosine or l2.
    scales
        ``(t,)`` float32, what the int8 of a token are multiplied with; None for other elements.
    dim
        Dimensions of a token; 0 for as many as ``tokens`` has columns.
    reader
        What reads the tokens where they are not in memory: then ``tokens`` has none of them, so that no
        kernel that wants them there is given any. `floats` and `in_memory` read what they return.
    codes
        What tokens are coded by; None where they are stored as an element.
    """

    offsets: NDArray[np.int64]
    tokens: NDArray[Any]
    metric: Metric = Metric.DOT
    scales: NDArray[np.float32] | None = None
    dim: int = 0
    reader: RowReader | None = None
    codes: Codes | None = None

    def __post_init__(self) -> None:
        tokens, scales, reader = self.tokens, self.scales, self.reader
        if tokens.ndim != 2 or tokens.dtype not in _ELEMENT_OF or not tokens.shape[1]:
            raise ValueError(
                f"tokens are {tokens.dtype} {tokens.shape}; "
                "expected float16 or float32, int8, or packed signs, (t, width)"
            )
        if not tokens.flags.c_contiguous:
            raise ValueError("tokens are contiguous")
        if self.metric not in _METRICS:
            raise ValueError(f"tokens are compared by {self.metric}; expected one of {', '.join(_METRICS)}")
        if not self.dim:
            object.__setattr__(self, "dim", tokens.shape[1] * (8 if self.element is Element.BINARY else 1))
        codes = self.codes
        width = _ELEMENT_OF[tokens.dtype].width(self.dim) if codes is None else codes.token_bytes
        is_other = codes is not None and (codes.dim != self.dim or tokens.dtype != np.uint8)
        if width != tokens.shape[1] or is_other:
            raise ValueError(
                f"tokens have {tokens.shape[1]} columns of {tokens.dtype}; {self.dim} dimensions have other"
            )
        count = len(tokens)
        if reader is not None:
            found = reader.dtype, *reader.shape[1:], count, len(reader)
            if found != (tokens.dtype, tokens.shape[1], 0, len(self)):
                raise ValueError(
                    f"tokens that are read are {found}; "
                    f"expected {tokens.dtype}, {tokens.shape[1]}, 0, {len(self)}"
                )
            count = reader.shape[0]
        if (scales is None) == (self.element is Element.INT8):
            raise ValueError("tokens of int8 have scales, and no others have")
        if scales is not None and (scales.dtype != np.float32 or scales.shape != (count,)):
            raise ValueError(f"scales are {scales.dtype} {scales.shape}; expected float32 ({count},)")
        check_offsets("offsets", self.offsets, count)

    @classmethod
    def one(cls, tokens: NDArray[np.float32]) -> MultiRows:
        """Return a query alone of tokens that are known to be right: contiguous, and one or more.

        Checking them again would take a tenth of its time.
        """
        return _unchecked(np.array((0, len(tokens)), np.int64), tokens)

    def of_tokens(self, tokens: NDArray[np.float32]) -> MultiRows:
        """Return queries of other tokens, contiguous and as many, which are not checked again."""
        return _unchecked(self.offsets, tokens)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, chosen: Any) -> MultiRows:
        """Return some rows as queries, by a slice or by numbers."""
        offsets, places = chosen_offsets(self.offsets, chosen)
        return MultiRows(offsets, self.floats(places), self.metric)

    def first(self, count: int) -> MultiRows:
        """Return the rows, as queries, with no more than their first ``count`` tokens."""
        offsets = np.zeros(len(self.offsets), np.int64)
        np.cumsum(np.minimum(np.diff(self.offsets), count), out=offsets[1:])
        return MultiRows(offsets, self.floats(packed_places(self.offsets[:-1], offsets)), self.metric)

    def floats(self, places: slice | NDArray[Any]) -> NDArray[np.float32]:
        """Return some tokens, by their places among all of them, as contiguous float32 ``(m, dim)``."""
        if self.reader is not None:
            wanted = np.arange(self.n_tokens)[places]
            rows, owners = np.unique(np.searchsorted(self.offsets, wanted, "right") - 1, return_inverse=True)
            self.read_ahead(rows)
            held = self.in_memory(rows)
            return held.floats(wanted - self.offsets[rows][owners] + held.offsets[owners])
        scales = None if self.scales is None else self.scales[places]
        if self.codes is not None:
            return self.codes.decode(self.tokens[places])
        return decoded(self.tokens[places], scales, self.dim)

    @property
    def located(self) -> tuple[np.uint64, np.uint64]:
        """Where ``offsets`` and ``tokens`` begin, for kernels."""
        return address(self.offsets), address(self.tokens)

    def read_ahead(self, rows: NDArray[np.integer[Any]]) -> None:
        """Begin to fetch ``rows``, ascending and each once; nothing is to be done for those in memory."""
        if self.reader is not None:
            self.reader.read_ahead(rows)

    def in_memory(
        self,
        rows: NDArray[np.integer[Any]],
        room: NDArray[np.uint8] | None = None,
        stats: SearchStats | None = None,
    ) -> MultiRows:
        """Return a copy of ``rows``, ascending and each once, numbered from 0 on, in memory.

        Rows at random places are asked for by `read_ahead` first. Tokens are put into ``room``, where that is
        given and large enough; what is read is added to ``stats``.
        """
        offsets = packed_offsets(self.offsets, rows)
        shape = int(offsets[-1]), self.tokens.shape[1]
        size = shape[0] * self.token_bytes
        if room is None or len(room) < size:
            room = aligned((size,), np.uint8)
        tokens = room[:size].view(self.tokens.dtype).reshape(shape)
        if self.reader is None:
            tokens[...] = self.tokens[chosen_offsets(self.offsets, rows)[1]]
        else:
            late = self.reader.read(rows, tokens)
            if stats is not None:
                stats.read_bytes += size
                stats.late_bytes += late
        scales = None if self.scales is None else self.scales[chosen_offsets(self.offsets, rows)[1]]
        return MultiRows(offsets, tokens, self.metric, scales, self.dim, codes=self.codes)

    @property
    def element(self) -> Element | None:
        """What the tokens are made of; None where they are coded."""
        return None if self.codes is not None else _ELEMENT_OF[self.tokens.dtype]

    @property
    def n_tokens(self) -> int:
        """How many tokens all rows have."""
        return int(self.offsets[-1])

    @property
    def token_bytes(self) -> int:
        """Bytes of a token."""
        return int(self.tokens.shape[1]) * self.tokens.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of tokens, scales and offsets, and of what tokens are coded by."""
        besides = sum(0 if part is None else part.nbytes for part in (self.scales, self.codes))
        return self.offsets.nbytes + self.n_tokens * self.token_bytes + besides


def _unchecked(offsets: NDArray[np.int64], tokens: NDArray[np.float32]) -> MultiRows:
    made = object.__new__(MultiRows)
    made.__dict__.update(offsets=offsets, tokens=tokens, dim=tokens.shape[1])
    return made


def encoded(tokens: NDArray[Any], element: Element) -> tuple[NDArray[Any], NDArray[np.float32] | None]:
    """Return ``(t, dim)`` floats as tokens of an element, and the scales of those that are int8.

    An int8 is a number in steps of a 127th of its token's largest; a sign is set for numbers above zero.
    """
    if element is Element.BINARY:
        return np.packbits(tokens > 0, axis=1), None
    if element is not Element.INT8:
        return np.ascontiguousarray(tokens, element.dtype), None
    floats = np.asarray(tokens, np.float32)
    scales = np.abs(floats).max(axis=1, initial=0) / np.float32(127)
    steps = np.divide(floats, scales[:, None], out=np.zeros_like(floats), where=scales[:, None] > 0)
    return np.rint(steps).astype(np.int8), scales


def decoded(tokens: NDArray[Any], scales: NDArray[np.float32] | None, dim: int) -> NDArray[np.float32]:
    """Return tokens of any element as contiguous float32; packed signs as 1 and -1."""
    if tokens.dtype == np.uint8:
        bits = np.unpackbits(tokens, axis=1, count=dim)
        return bits.astype(np.float32) * 2 - 1
    floats = np.ascontiguousarray(tokens, np.float32)
    return floats if scales is None else floats * scales[:, None]
