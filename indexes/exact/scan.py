"""The scan that goes with each kind of rows."""

from __future__ import annotations

from typing import Any

from ..protocol import Rows, Scan
from ..rows.dense import DenseRows
from ..rows.multi import MultiRows
from ..rows.sparse import SparseRows
from .dense import DenseScan
from .read import ReadScan
from .read_multi import open_multi_scan
from .screened import ScreenedRows, ScreenedScan
from .sparse import SparseScan

_SCANS: dict[type[Any], type[Any]] = {
    DenseRows: DenseScan,
    ScreenedRows: ScreenedScan,
    SparseRows: SparseScan,
}


def open_scan(rows: Rows) -> Scan[Any]:
    """Return the scan of stored rows; kernels are loaded by its first search."""
    if isinstance(rows, DenseRows) and rows.reader is not None:
        return ReadScan(rows)
    if isinstance(rows, MultiRows):
        return open_multi_scan(rows)
    scan: Scan[Any] = _SCANS[type(rows)](rows)
    return scan
