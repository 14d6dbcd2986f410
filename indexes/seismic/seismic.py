"""The Seismic spec: pruned posting lists in blocks of similar rows; approximate, for many rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from ..protocol import Arrays, BuildJob, FieldShape, RowOrder
from ..rows.sparse import SparseRows
from .knobs import SeismicKnobs, knobs_from

if TYPE_CHECKING:
    from ..sparse.index import InvertedIndex
    from .index import SeismicIndex

# Over fewer rows all postings are summed as soon.
_MIN_ROWS = 1024
_BOUNDS = {
    "n_postings": (1, 1 << 24),
    "max_fraction": (1.0, 1e6),
    "centroid_fraction": (1e-4, 1.0),
    "min_cluster_size": (0, 1024),
    "max_block_size": (1, 65_536),
    "summary_energy": (0.0, 1.0),
    "n_knn": (0, 256),
}
_WHOLE = ("n_postings", "min_cluster_size", "max_block_size", "n_knn")


@dataclass(frozen=True)
class Seismic:
    """Blocks of similar rows, of which a search visits the promising ones.

    Each term keeps the rows in which it weighs most. Its list is cut into blocks of rows that are alike, and
    each block has a summary: the largest weights of its rows. A search scores the summaries of its heaviest
    terms' lists and reads the rows of the blocks that may hold a result, from a compressed copy of all rows;
    the best are scored exactly. Segments that hold a negative weight or a row of more than 32,767 weights
    are indexed as `Inverted` does.

    Parameters
    ----------
    n_postings
        Rows that a term keeps in the mean; None for as many as keep an eighth of all weights.
    max_fraction
        A term keeps at most so many times that many.
    centroid_fraction
        Blocks of a list as a share of its rows.
    min_cluster_size
        Blocks of so few rows are dissolved.
    max_block_size
        Blocks of more rows are cut again.
    summary_energy
        Share of the mass of a block's largest weights that its summary keeps.
    n_knn
        Neighbours that are known of each row, and scored beside the best rows that blocks brought; 0, as in
        the paper's base version, for none.

    Notes
    -----
    Bruch et al., "Efficient Inverted Indexes for Approximate Retrieval over Learned Sparse Representations"
    (SIGIR 2024), whose names of parameters these are. What is ours: blocks are not larger than
    ``max_block_size``; rows are clustered by their angle without the list's own term; summaries and rows
    share one code per weight, so that all sums are whole numbers of one unit; a row whose heavy entries show
    that it is no result is not read to its end.
    """

    n_postings: int | None = None
    max_fraction: float = 4.0
    centroid_fraction: float = 0.1
    min_cluster_size: int = 2
    max_block_size: int = 32
    summary_energy: float = 0.3
    n_knn: int = 0

    name = "seismic"

    def __post_init__(self) -> None:
        for field, (low, high) in _BOUNDS.items():
            value = getattr(self, field)
            if field == "n_postings" and value is None:
                continue
            known = int if field in _WHOLE else (int, float)
            if not isinstance(value, known) or isinstance(value, bool) or not low <= value <= high:
                kind = "whole number" if field in _WHOLE else "number"
                raise ValueError(f"Seismic.{field} is {value!r}; expected a {kind} from {low:g} to {high:g}")

    def to_json(self) -> dict[str, Any]:
        """Return the name and the parameters."""
        return {"name": self.name, **self._parameters()}

    def _parameters(self) -> dict[str, Any]:
        return {field: getattr(self, field) for field in _BOUNDS}

    def check(self, field: FieldShape) -> None:
        """Refuse vectors that are not sparse."""
        if field.kind != "sparse":
            raise ValueError(f"index 'seismic' is of sparse vectors; the field has {field.kind} ones")

    def knobs(self, given: Mapping[str, float]) -> SeismicKnobs:
        """Return ``query_cut`` and ``heap_factor`` as the index takes them."""
        return knobs_from(given)

    def worth_building(self, n: int) -> bool:
        """Return whether there are more rows than are scanned in no time."""
        return n >= _MIN_ROWS

    def order(self, rows: SparseRows, job: BuildJob) -> RowOrder | None:
        """Return None: rows are read one by one."""
        return None

    def build(self, rows: SparseRows, job: BuildJob) -> dict[str, NDArray[Any]]:
        """Build the compressed rows, the lists, their blocks and the ladder of efforts."""
        from .build import build

        return build(rows, job, **self._parameters())

    def open(self, arrays: Arrays, rows: SparseRows) -> SeismicIndex | InvertedIndex:
        """Validate the arrays and return the index."""
        from .build import opened

        return opened(arrays, rows)
