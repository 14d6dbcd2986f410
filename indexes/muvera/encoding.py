"""What a fixed dimensional encoding is made like, and the encoder that makes it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import check_array
from ..protocol import Arrays
from ..rows.addresses import address
from ..rows.multi import MultiRows

# Tokens that are made float32 at once.
_BLOCK_TOKENS = 4096


@dataclass(frozen=True, slots=True)
class Encoding:
    """Parameters of encodings.

    Parameters
    ----------
    k_sim
        Hyperplanes of a repetition, which make ``2 ** k_sim`` partitions.
    d_proj
        Dimensions that tokens are projected to; those of a token, or more, for tokens as they are.
    repetitions
        How many times tokens are partitioned and projected anew.
    fill_empty
        Whether a partition without tokens of a row has the nearest one instead.
    final_projection
        Dimensions that an encoding is sketched to; None for all it has.
    seed
        What hyperplanes and projections are drawn from.
    """

    k_sim: int
    d_proj: int
    repetitions: int
    fill_empty: bool
    final_projection: int | None
    seed: int

    def projects(self, dim: int) -> bool:
        """Return whether tokens of ``dim`` dimensions are projected."""
        return self.d_proj < dim

    def cells(self, dim: int) -> int:
        """Return the dimensions of an encoding that is not sketched."""
        return self.repetitions * (1 << self.k_sim) * min(dim, self.d_proj)

    def width(self, dim: int) -> int:
        """Return the dimensions of an encoding."""
        return self.cells(dim) if self.final_projection is None else self.final_projection


class Encoder:
    """Makes one vector of the tokens of a row, and one of those of a query; immutable, thread-safe.

    The dot product of the two is about ``repetitions`` times the MaxSim of row and query. In each repetition
    hyperplanes part the space, tokens are projected at random, and each partition has the mean of the row's
    tokens in it, or the sum of the query's: a query's token meets the mean of the row's tokens that lie near
    it. Tokens are given as they are to be compared: under the cosine at unit length.

    Parameters
    ----------
    encoding
        How they are made.
    dim
        Dimensions of a token.
    arrays
        Those of :meth:`draw`.

    Raises
    ------
    ValueError
        The arrays do not fit.

    Notes
    -----
    Dhulipala et al., "MUVERA: Multi-Vector Retrieval via Fixed Dimensional Encodings", NeurIPS 2024 (arXiv
    2405.19504), section 2. Partitions stand in the order of the Gray codes of the sides of the hyperplanes
    that they lie on, so that neighbours differ in one; tokens are projected by a matrix of
    ``+-1 / sqrt(d_proj)``; of the tokens nearest to an empty partition the first fills it. The final
    projection adds each dimension, or takes it off, at a random place (a count sketch).
    """

    def __init__(self, encoding: Encoding, dim: int, arrays: Arrays) -> None:
        from ..clustering.centroids import panels_of
        from ..kernels.fde import ENCODER, encode_tokens, encoding_scratch_bytes

        self._dim, self._kernel, self._scratch_bytes = dim, encode_tokens, encoding_scratch_bytes
        hashed = encoding.repetitions * encoding.k_sim
        projected = encoding.repetitions * encoding.d_proj if encoding.projects(dim) else 0
        planes = check_array("planes", arrays, np.float32, (hashed, dim))
        signs = check_array("signs", arrays, np.uint8, (projected, -(-dim // 8)))
        # Of the bits 1 is plus.
        turns = np.unpackbits(signs, axis=1, count=dim).astype(np.float32) * 2 - 1
        maps = np.concatenate([planes, turns / np.float32(np.sqrt(encoding.d_proj))])
        self._panels, _ = panels_of(maps.astype(np.float32))
        self.width, self._cells = encoding.width(dim), encoding.cells(dim)
        slots = None
        if encoding.final_projection is not None:
            slots = check_array("slots", arrays, np.int32, (self._cells,))
            if int(np.where(slots < 0, ~slots, slots).max()) >= self.width:
                raise ValueError(f"slots lead beyond the last of {self.width} dimensions")
        self._bits, self._held = encoding.k_sim, slots
        self._record = record = np.zeros(1, ENCODER)
        record["panels"], record["n_panels"] = address(self._panels), len(self._panels)
        record["slots"], record["dim"], record["bits"] = address(slots), dim, encoding.k_sim
        record["repetitions"], record["cells"] = encoding.repetitions, self._cells
        record["width"] = min(dim, encoding.d_proj)
        record["projects"], record["fills"] = encoding.projects(dim), encoding.fill_empty
        self._address = address(record)
        self.products = hashed + projected
        """Products of a token with as many directions, that an encoding takes."""

    @staticmethod
    def draw(encoding: Encoding, dim: int) -> dict[str, NDArray[Any]]:
        """Return the hyperplanes, the signs of the projections and the slots that the seed stands for."""
        rng = np.random.default_rng(encoding.seed)
        planes = rng.standard_normal((encoding.repetitions * encoding.k_sim, dim), np.float32)
        projected = encoding.repetitions * encoding.d_proj if encoding.projects(dim) else 0
        signs = np.packbits(rng.integers(0, 2, (projected, dim), np.uint8), axis=1)
        arrays: dict[str, NDArray[Any]] = {"planes": planes, "signs": signs}
        if encoding.final_projection is not None:
            cells = encoding.cells(dim)
            slots = rng.integers(0, encoding.final_projection, cells).astype(np.int32)
            arrays["slots"] = np.where(rng.random(cells) < 0.5, slots, ~slots)
        return arrays

    def of_rows(self, rows: MultiRows) -> NDArray[np.float32]:
        """Return the ``(n, width)`` encodings of rows; zeros of one without tokens."""
        return self._encoded(rows, average=True)

    def of_queries(self, queries: MultiRows) -> NDArray[np.float32]:
        """Return the ``(q, width)`` encodings of queries."""
        return self._encoded(queries, average=False)

    def _encoded(self, rows: MultiRows, average: bool) -> NDArray[np.float32]:
        if rows.dim != self._dim:
            raise ValueError(f"tokens have {rows.dim} dimensions; expected {self._dim}")
        made = np.empty((len(rows), self.width), np.float32)
        if rows.tokens.dtype == np.float32:
            self._encode(rows, average, made)
            return made
        for block in _blocks(rows.offsets):
            self._encode(rows[block], average, made[block])
        return made

    def _encode(self, rows: MultiRows, average: bool, made: NDArray[np.float32]) -> None:
        # Of few tokens no row can be longer than all of them.
        longest = len(rows.tokens)
        if longest > _BLOCK_TOKENS:
            longest = int(np.diff(rows.offsets).max())
        room = self._scratch_bytes(self._dim, self._bits, self._cells, len(self._panels), longest)
        scratch = np.empty(room, np.uint8)
        self._kernel(
            self._address,
            address(rows.offsets),
            address(rows.tokens),
            len(rows),
            average,
            address(scratch),
            address(made),
            self.width,
        )


def _blocks(offsets: NDArray[np.int64]) -> Iterator[slice]:
    """Yield rows that follow one another, of about as many tokens as are made float32 at once."""
    first, n = 0, len(offsets) - 1
    while first < n:
        until = int(np.searchsorted(offsets, offsets[first] + _BLOCK_TOKENS, "right")) - 1
        until = min(max(until, first + 1), n)
        yield slice(first, until)
        first = until
