"""The HNSW spec: a graph that is walked by codes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from ..codecs.bits import Bits
from ..codecs.protocol import CodecSpec
from ..codecs.registry import checked_codec
from ..codecs.scalar import Scalar
from ..protocol import Arrays, BuildJob, FieldShape, RowOrder
from ..rows.dense import DenseRows
from ..rows.element import Element
from .knobs import HnswKnobs, knobs_from

if TYPE_CHECKING:
    from .index import HnswIndex

# Over fewer rows an exact scan answers sooner.
_MIN_ROWS = 2048
_BUILDERS = "vicinal", "hnswlib"


@dataclass(frozen=True)
class Hnsw:
    """A proximity graph: fast approximate search of a recall that the caller chooses.

    Parameters
    ----------
    m
        Half as many links as a row may have.
    ef_construction
        How many near rows its links are chosen from, half of them in each of two passes; by hnswlib all in
        one. Higher builds longer and better graphs.
    codec
        What the walk reads of each row, as a spec or its JSON; ``Scalar()`` unless given, and of binary
        vectors their bits.
    builder
        ``vicinal``, which works on 8-bit codes and builds equal graphs of equal rows whatever the threads,
        or ``hnswlib``, which takes several times as long and copies all vectors.
    """

    m: int = 16
    ef_construction: int = 200
    codec: CodecSpec | None = None
    builder: str = "vicinal"

    name = "hnsw"

    def __post_init__(self) -> None:
        for field, low, high in (("m", 2, 128), ("ef_construction", 8, 4096)):
            value = getattr(self, field)
            if type(value) is not int or not low <= value <= high:
                raise ValueError(f"Hnsw.{field} is {value!r}; expected a whole number from {low} to {high}")
        if self.builder not in _BUILDERS:
            raise ValueError(
                f"Hnsw.builder is {self.builder!r}; expected {' or '.join(map(repr, _BUILDERS))}"
            )
        if self.codec is not None:
            object.__setattr__(self, "codec", checked_codec("Hnsw.codec", self.codec))

    def to_json(self) -> dict[str, Any]:
        """Return the name and the parameters; codec and builder if they are not the usual ones."""
        record: dict[str, Any] = {"name": self.name, "m": self.m, "ef_construction": self.ef_construction}
        if self.builder != _BUILDERS[0]:
            record["builder"] = self.builder
        return record if self.codec is None else record | {"codec": self.codec.to_json()}

    def check(self, field: FieldShape) -> None:
        """Refuse vectors that are not dense, and those that the codec cannot code."""
        if field.kind != "dense":
            raise ValueError(f"index 'hnsw' is of dense vectors; the field has {field.kind} ones")
        self._codec(field.element).check(field)

    def knobs(self, given: Mapping[str, float]) -> HnswKnobs:
        """Return ``ef`` and ``rescore`` as the index takes them."""
        return knobs_from(given)

    def worth_building(self, n: int) -> bool:
        """Return whether there are more rows than are scanned in no time."""
        return n >= _MIN_ROWS

    def order(self, rows: DenseRows, job: BuildJob) -> RowOrder | None:
        """Return the rows cell by cell, as filtered searches read them; None where there is no graph."""
        from ..cells.build import has_cells, order_by_cells
        from .build import SMALLEST_GRAPH

        if len(rows) < SMALLEST_GRAPH or not has_cells(rows):
            return None
        return order_by_cells(rows, job)

    def build(self, rows: DenseRows, job: BuildJob) -> dict[str, NDArray[Any]]:
        """Build the graph, the codes and the ladder of efforts."""
        from .build import build

        return build(rows, self._codec(rows.element), self.m, self.ef_construction, self.builder, job)

    def open(self, arrays: Arrays, rows: DenseRows) -> HnswIndex:
        """Validate the arrays and return the index."""
        from .index import HnswIndex

        return HnswIndex(arrays, rows, self._codec(rows.element))

    def _codec(self, element: Element | None) -> CodecSpec:
        if self.codec is not None:
            return self.codec
        return Bits() if element is Element.BINARY else Scalar()
