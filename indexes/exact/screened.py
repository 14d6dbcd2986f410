"""Dense rows without an index that are searched often: scanned by codes first, exactly all the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from ..costs import costs
from ..protocol import Rows
from ..rows.dense import DenseRows
from ..rows.element import Element
from .dense import DenseScan
from .row_codes import CodedRows, RowCodes, code_bytes

# Shorter rows are as quickly scored as their codes are read.
_LEAST_ROW_BYTES = 256
# Where more of the rows are wanted, most would be scored in any case.
_MOST_WANTED = 1 / 16


@dataclass(frozen=True, kw_only=True)
class ScreenedRows(DenseRows):
    """Rows in memory that are scanned by codes first.

    Parameters
    ----------
    codes
        What searches made of these rows, or of those that they grew out of.
    """

    codes: RowCodes


def screened(rows: Rows, codes: RowCodes) -> Rows:
    """Return rows as they are scanned by codes first, or as they are where that saves nothing.

    ``codes`` are those that searches make of these rows, or made of those that they grew out of.
    """
    if not isinstance(rows, DenseRows) or rows.reader is not None or rows.row_bytes < _LEAST_ROW_BYTES:
        return rows
    if rows.element not in (Element.FLOAT32, Element.FLOAT16):
        return rows
    return ScreenedRows(rows.rows, rows.dim, rows.element, rows.inv_norms, rows.metric, codes=codes)


class ScreenedScan(DenseScan):
    """Compares the codes of every row in scope with every query, and the rows that these leave."""

    def __init__(self, rows: ScreenedRows) -> None:
        super().__init__(rows)
        self._row_codes = rows.codes

    def _codes(self, wanted: int, count: int) -> CodedRows:
        if wanted > _MOST_WANTED * count:
            return self._no_codes
        return self._row_codes.of(self._rows)

    def cost(self, queries: NDArray[Any] | None, count: int, contiguous: bool) -> float:
        """Predict the seconds of one query over ``count`` rows."""
        known, lines = costs(), code_bytes(self._rows.dim) / 64
        return count * (lines * known.line + (known.row if contiguous else known.random_row))
