"""The Curator spec: codes in the order of clusters, for filters and tenants of any size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from ..codecs.protocol import CodecSpec
from ..codecs.registry import checked_codec
from ..codecs.scalar import Scalar
from ..protocol import Arrays, BuildJob, FieldShape, RowOrder
from ..rows.dense import DenseRows
from ..rows.element import Element
from .knobs import CellKnobs, knobs_from

if TYPE_CHECKING:
    from .index import CuratorIndex

# Over fewer rows an exact scan answers sooner.
_MIN_ROWS = 2048


@dataclass(frozen=True)
class Curator:
    """Cells without a graph: one clustering that every tenant and every filter searches its part of.

    After Curator (arXiv 2401.07119, section 4; arXiv 2601.01291). There a tree of clusters keeps lists of
    each tenant's rows and Bloom filters that say where they are. Here rows stand by tenant and by cell, so
    that what a tenant or a filter has in a cell is found in the bitset of its rows, nothing is kept for any
    of them, and cells that hold nothing cost next to nothing.

    Parameters
    ----------
    codec
        What is compared of each row, as a spec or its JSON; ``Scalar()`` unless given.
    """

    codec: CodecSpec | None = None

    name = "curator"

    def __post_init__(self) -> None:
        if self.codec is not None:
            object.__setattr__(self, "codec", checked_codec("Curator.codec", self.codec))

    def to_json(self) -> dict[str, Any]:
        """Return the name, and the codec if one was given."""
        return (
            {"name": self.name} if self.codec is None else {"name": self.name, "codec": self.codec.to_json()}
        )

    def check(self, field: FieldShape) -> None:
        """Refuse vectors that are not dense, bits, and what the codec cannot code."""
        if field.kind != "dense":
            raise ValueError(f"index 'curator' is of dense vectors; the field has {field.kind} ones")
        if field.element is Element.BINARY:
            raise ValueError("index 'curator' needs clusters, and bits have no mean; take Hnsw or Flat")
        self._codec.check(field)

    def knobs(self, given: Mapping[str, float]) -> CellKnobs:
        """Return ``cells``, ``rescore`` and ``patience`` as the index takes them."""
        return knobs_from(given)

    def worth_building(self, n: int) -> bool:
        """Return whether there are more rows than are scanned in no time."""
        return n >= _MIN_ROWS

    def order(self, rows: DenseRows, job: BuildJob) -> RowOrder | None:
        """Return the rows cell by cell; None of few, which are scanned."""
        from .build import order_by_cells
        from .index import FEWEST

        return order_by_cells(rows, job) if len(rows) >= FEWEST else None

    def build(self, rows: DenseRows, job: BuildJob) -> dict[str, NDArray[Any]]:
        """Build the cells, the codes, and what is measured of both."""
        from .index import build

        return build(rows, self._codec, job)

    def open(self, arrays: Arrays, rows: DenseRows) -> CuratorIndex:
        """Validate the arrays and return the index."""
        from .index import CuratorIndex

        return CuratorIndex(arrays, rows, self._codec)

    @property
    def _codec(self) -> CodecSpec:
        return Scalar() if self.codec is None else self.codec
