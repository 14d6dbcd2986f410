"""The Ivf spec: rows in lists around centroids, the nearest of which are read by their codes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from ..codecs.product import Product
from ..codecs.protocol import CodecSpec
from ..codecs.rabitq import RaBitQ
from ..codecs.registry import checked_codec
from ..protocol import Arrays, BuildJob, FieldShape, RowOrder
from ..rows.dense import DenseRows
from ..rows.element import Element
from .knobs import IvfKnobs, knobs_from
from .layout import Layout

if TYPE_CHECKING:
    from .index import IvfIndex

# Over fewer rows an exact scan answers sooner.
_MIN_ROWS = 2048
_MOST_LISTS = 1 << 20


@dataclass(frozen=True)
class Ivf:
    """Inverted lists: each row in the list of the nearest centroid, searched by reading the nearest lists.

    Parameters
    ----------
    n_lists
        How many lists; about ``4 * sqrt(n)`` unless given.
    codec
        What is read of each row, as a spec or its JSON; the stored vectors themselves unless given.
    residual
        Whether codes are of what is left of a row beside its centroid, which is smaller than the row.
    spill
        Whether each row stands in a second list too, chosen for queries that miss the first (SOAR, arXiv
        2404.00774): fewer lists are read for a recall, twice the codes are stored.
    """

    n_lists: int | None = None
    codec: CodecSpec | None = None
    residual: bool = True
    spill: bool = False

    name = "ivf"

    def __post_init__(self) -> None:
        lists = self.n_lists
        if lists is not None and (type(lists) is not int or not 1 <= lists <= _MOST_LISTS):
            raise ValueError(f"Ivf.n_lists is {lists!r}; expected a whole number from 1 to {_MOST_LISTS:,}")
        for field in ("residual", "spill"):
            if type(getattr(self, field)) is not bool:
                raise ValueError(f"Ivf.{field} is {getattr(self, field)!r}; expected True or False")
        if self.codec is not None:
            object.__setattr__(self, "codec", checked_codec("Ivf.codec", self.codec))

    def to_json(self) -> dict[str, Any]:
        """Return the name and the parameters; lists and codec if they were given."""
        record: dict[str, Any] = {"name": self.name, "residual": self.residual, "spill": self.spill}
        if self.n_lists is not None:
            record["n_lists"] = self.n_lists
        return record if self.codec is None else record | {"codec": self.codec.to_json()}

    def check(self, field: FieldShape) -> None:
        """Refuse vectors that are not dense numbers, and those that the codec cannot code."""
        if field.kind != "dense":
            raise ValueError(f"index 'ivf' is of dense vectors; the field has {field.kind} ones")
        if field.element is Element.BINARY:
            raise ValueError(
                "index 'ivf' is of vectors of numbers; the field has binary ones: use hnsw or flat"
            )
        if self.codec is not None:
            self.codec.check(field)

    def knobs(self, given: Mapping[str, float]) -> IvfKnobs:
        """Return ``n_probe`` and ``rescore`` as the index takes them."""
        return knobs_from(given)

    def worth_building(self, n: int) -> bool:
        """Return whether there are more rows than are scanned in no time."""
        return n >= _MIN_ROWS

    def order(self, rows: DenseRows, job: BuildJob) -> RowOrder | None:
        """Return None."""
        return None

    def build(self, rows: DenseRows, job: BuildJob) -> dict[str, NDArray[Any]]:
        """Build the lists, the codes and the ladder of efforts."""
        from .build import build

        return build(rows, self.n_lists, self._layout(), job)

    def open(self, arrays: Arrays, rows: DenseRows) -> IvfIndex:
        """Validate the arrays and return the index."""
        from .index import IvfIndex

        return IvfIndex(arrays, rows, self._layout())

    def _layout(self) -> Layout:
        return Layout(self.codec, self.residual, self.spill)


def IvfFlat(n_lists: int | None = None) -> Ivf:  # a spec, as its neighbours are
    """Return lists of the stored vectors themselves."""
    return Ivf(n_lists)


def IvfPq(n_lists: int | None = None, *, m: int | None = None, bits: int = 4) -> Ivf:
    """Return lists of a product quantizer's codes: ``m`` parts of ``bits`` bits, 4 looked up fastest."""
    return Ivf(n_lists, Product(m=m, bits=bits))


def IvfRabitq(n_lists: int | None = None, *, bits: int = 1) -> Ivf:
    """Return lists of RaBitQ's codes, ``bits`` a dimension; one bit is looked up fastest."""
    return Ivf(n_lists, RaBitQ(bits))
