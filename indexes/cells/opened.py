"""Open cells: searched by codes, the best rows scored exactly."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import check_array, within
from ..codecs.centroids import open_centroids
from ..codecs.protocol import Codec
from ..costs import costs
from ..exact.dense import check_queries
from ..exact.rescoring import rescore
from ..protocol import Arrays
from ..rows.addresses import address
from ..rows.dense import DenseRows
from ..rows.neighbors import Neighbors, SearchStats
from ..rows.offsets import check_offsets
from ..rows.row_set import RowSet
from .build import PREFIX
from .scratch import cell_scratch
from .table import CellTable

_LINE = 64
# Words of a bitset that are looked at in the time in which the codes of a row are compared.
_WORDS_OF_A_ROW = 4
_ROWS_OF_A_WORD = 64
# What halving the members of a cell, until the first of a tenant is found, takes in words each time.
_LOOKED_UP = 2
# Fewer results are looked for as long as so many: whether one alone comes is chance.
_FEWEST_LOOKED_FOR = 10
# Cells are visited that have so many allowed rows by chance: beside one cell that is let through it would not
# be seen that the filter is thin.
_ROWS_THAT_TELL = 400


class Cells:
    """Cells of an index: searched by codes, the best of them scored exactly. Immutable and thread-safe.

    Parameters
    ----------
    arrays
        Those of the index; names of others do not matter.
    rows
        The stored rows.
    codec
        What makes codes of queries.
    row_record, code_record
        The rows and their codes as kernels see them.

    Raises
    ------
    ValueError
        The arrays do not fit each other or the rows.
    """

    def __init__(
        self,
        arrays: Arrays,
        rows: DenseRows,
        codec: Codec,
        row_record: NDArray[Any],
        code_record: NDArray[Any],
    ) -> None:
        from ..kernels.cells import CELLS, search_cells

        own, n = within(PREFIX, arrays), len(rows)
        if "offsets" not in own or "codes" not in own:
            raise ValueError("cells lack offsets or codes")
        offsets = own["offsets"]
        check_offsets(PREFIX + "offsets", offsets, n)
        self.n_cells = len(offsets) - 1
        if not self.n_cells:
            raise ValueError("there are arrays of cells, and no cell")
        centroids, codes = open_centroids(own, rows.dim, rows.metric, self.n_cells)
        record = np.zeros(1, CELLS)
        record["rows"], record["codes"] = address(row_record), address(code_record)
        centroid_record = centroids.record(codes)
        record["centroid_codes"], record["n_cells"] = address(centroid_record), self.n_cells
        record["offsets"] = address(offsets)
        self.members: NDArray[np.uint32] | None = None
        if "members" in own:
            self.members = check_array("members", own, np.uint32, (n,))
            named = np.zeros(n, np.bool_)
            named[self.members[self.members < n]] = True
            if not named.all():
                raise ValueError(f"members of cells do not name each of {n} rows once")
            record["members"] = address(self.members)
        self.offsets, self.table = offsets, CellTable.from_arrays(own)
        self.centroids: NDArray[np.float32] = centroids.decode(codes)
        self._rows, self._prepare, self._kernel = rows, codec.prepare, search_cells
        self._held = codec, codes, centroids, centroid_record, row_record, code_record, record
        self._address = address(record)
        self._scratch = cell_scratch(
            int(row_record["padded_bytes"][0]), codec.query_bytes, centroids.query_bytes, self.n_cells
        )
        self._code_lines, self._centroid_lines = codec.row_bytes / _LINE, centroids.query_bytes / _LINE
        self._span = 1.0

    def raised(self, rungs: int) -> Cells:
        """Return the same cells by a table that is so many rungs higher."""
        raised = copy(self)
        raised.table = None if self.table is None else self.table.raised(rungs)
        return raised

    def spanning(self, share: float) -> Cells:
        """Return the same cells, whose costs are those of scopes within such a share of the rows."""
        spanning = copy(self)
        spanning._span = share
        return spanning

    def search(
        self,
        queries: NDArray[Any],
        k: int,
        n_cells: int,
        wanted: int,
        allowed: RowSet,
        patience: float,
        *,
        thin: bool = False,
    ) -> Neighbors:
        """Find about the nearest ``k`` allowed rows, of which there are more than ``wanted``.

        Parameters
        ----------
        n_cells
            How many of the nearest cells are visited.
        wanted
            How many rows, the nearest by their codes, are scored exactly; at least ``k``.
        patience
            Where the filter is thin near a query more cells are visited, until this share of all that was
            compared brought nothing nearer.
        thin
            Whether the filter is known to be thin near all of these queries; it is seen by itself.
        """
        return self.prepared(k, n_cells, wanted, allowed, patience, thin=thin)(queries)

    def prepared(
        self, k: int, n_cells: int, wanted: int, allowed: RowSet, patience: float, *, thin: bool = False
    ) -> Callable[[NDArray[Any]], Neighbors]:
        """Return :meth:`search` for all but the queries."""
        apart = self._rows.reader is not None
        n_found, scored = (wanted, 0) if apart else (k, k)
        # Held for as long as kernels may read them: two threads that ask first may each make their own.
        held = allowed.located_words
        looked_for = min(max(k, _FEWEST_LOOKED_FOR), wanted), min(max(n_cells, 1), self.n_cells), wanted
        share = np.inf if thin else allowed.count / len(self._rows)
        among = *allowed.span, share, float(patience)

        def search(queries: NDArray[Any]) -> Neighbors:
            queries = check_queries(queries, self._rows, k)
            prepared, many = self._prepare(queries), len(queries)
            rows, scores = np.empty((many, n_found), np.uint32), np.empty((many, scored), np.float32)
            scratch = self._scratch.take(wanted)
            try:
                self._kernel(
                    self._address,
                    scratch.address,
                    address(queries),
                    address(prepared),
                    many,
                    scored,
                    *looked_for,
                    held[1],
                    *among,
                    rows,
                    scores,
                )
                stats = SearchStats(*scratch.stats.tolist())
            finally:
                self._scratch.give(scratch)
            if not apart:
                return Neighbors(rows, scores, stats)
            found = rescore(self._rows, rows, queries, k)
            found.stats += stats
            return found

        return search

    def cells_for(self, k: int, recall: float, share: float) -> int | None:
        """Return the fewest cells that reach ``recall`` as measured, and tell whether a filter is thin there.

        None where nothing that was measured does.
        """
        found = None if self.table is None else self.table.cells_for(k, recall, share)
        if found is None or share >= 1:
            return found
        telling = _ROWS_THAT_TELL * self.n_cells / (share * len(self._rows))
        return min(self.n_cells, max(found, math.ceil(telling)))

    def seconds(self, n_cells: int, share: float) -> float:
        """Predict what a query takes that visits so many cells of whose rows a share is allowed."""
        known, met = costs(), len(self._rows) * min(1.0, n_cells / self.n_cells)
        code = known.code_row + self._code_lines * known.code_line
        bits = met / _ROWS_OF_A_WORD
        if self.members is not None:
            # Of a tenant, whose rows follow one another, the first of a cell is looked up.
            looked_up = n_cells * _LOOKED_UP * math.log2(1 + len(self._rows) / self.n_cells)
            bits = met if self._span >= 1 else self._span * met + looked_up
        finding = self.n_cells * (known.code_row + self._centroid_lines * known.code_line)
        return known.call + finding + share * met * code + bits * known.code_row / _WORDS_OF_A_ROW
