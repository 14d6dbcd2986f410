"""No index: every search compares every row, or every row's codes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
from numpy.typing import NDArray

from ..codecs.protocol import CodecSpec
from ..codecs.registry import checked_codec
from ..protocol import EVERYTHING, Arrays, BuildJob, Effort, FieldShape, RowOrder, Rows, Scope
from ..rows.dense import DenseRows
from ..rows.element import Element
from ..rows.neighbors import Neighbors

if TYPE_CHECKING:
    from .coded import CodedIndex, CodedKnobs


# Over fewer rows an exact scan answers sooner.
_MIN_ROWS = 2048


@dataclass(frozen=True)
class Flat:
    """No structure at all: each search compares every row. For vectors of every kind.

    Parameters
    ----------
    codec
        What is compared of each row of a dense field, as a spec or its JSON: codes instead of the rows, of
        which the nearest are scored exactly, as many as the recall asked for takes. Without one rows are
        compared, and recall is 1.
    """

    codec: CodecSpec | None = None

    name = "flat"

    def __post_init__(self) -> None:
        if self.codec is not None:
            object.__setattr__(self, "codec", checked_codec("Flat.codec", self.codec))

    @property
    def exact(self) -> bool:
        """Whether rows are compared, and not codes."""
        return self.codec is None

    @property
    def binary(self) -> bool:
        """Whether sparse rows without values are taken."""
        return self.codec is None

    def to_json(self) -> dict[str, Any]:
        """Return ``{"name": "flat"}``, with the codec if one was given."""
        return (
            {"name": self.name} if self.codec is None else {"name": self.name, "codec": self.codec.to_json()}
        )

    def check(self, field: FieldShape) -> None:
        """Accept every field without a codec, and with one those that it can code."""
        if self.codec is None:
            return
        if field.kind != "dense":
            raise ValueError(f"a flat index by codes is of dense vectors; the field has {field.kind} ones")
        if field.element is Element.BINARY:
            raise ValueError("binary vectors are their own codes, scanned exactly: leave the codec out")
        self.codec.check(field)

    def knobs(self, given: Mapping[str, float]) -> CodedKnobs | None:
        """Return ``rescore`` as an index by codes takes it; refuse whatever is said of an exact one."""
        if self.codec is not None:
            from .coded import knobs_from

            return knobs_from(given)
        if given:
            raise ValueError(f"a flat index has no knobs, as it compares every row; got {sorted(given)}")
        return None

    def worth_building(self, n: int) -> bool:
        """Return False without a codec: stored rows are all it needs, and those are scanned without it."""
        return self.codec is not None and n >= _MIN_ROWS

    def order(self, rows: Rows, job: BuildJob) -> RowOrder | None:
        """Return None: a scan does not care about the order of rows."""
        return None

    def build(self, rows: Rows, job: BuildJob) -> dict[str, NDArray[Any]]:
        """Return codes and the ladder of efforts; nothing without a codec."""
        if self.codec is not None:
            from .coded import build

            return build(cast(DenseRows, rows), self.codec, job)
        job.progress(1.0)
        return {}

    def open(self, arrays: Arrays, rows: Rows) -> FlatIndex | CodedIndex:
        """Return the index over ``rows``."""
        if self.codec is not None:
            from .coded import CodedIndex

            return CodedIndex(arrays, cast(DenseRows, rows), self.codec)
        if arrays:
            raise ValueError(f"a flat index has no arrays; got {sorted(arrays)}")
        return FlatIndex(rows)


class FlatIndex:
    """Exact search over the rows of one segment."""

    nbytes = 0

    def __init__(self, rows: Rows) -> None:
        # Not with this module, which clients load for the spec.
        from .scan import open_scan

        self._scan = open_scan(rows)
        self._n = len(rows)

    def effort(self, k: int, recall: float, knobs: None, share: float) -> Effort[None]:
        """Return the only effort there is: all rows that may be found."""
        count = round(self._n * share)
        seconds = self._scan.cost(None, count, contiguous=share >= 1.0)
        return Effort(None, 1.0, seconds, f"scan of {count:,} rows")

    def search(self, queries: Any, k: int, effort: Effort[None], scope: Scope = EVERYTHING) -> Neighbors:
        """Return the true nearest rows, whatever the effort."""
        return self._scan.search(queries, k, scope)

    def calibrate(self, queries: Any, truth: NDArray[np.float32] | None = None) -> dict[str, NDArray[Any]]:
        """Return no arrays: there is nothing to measure."""
        return {}

    def with_table(self, arrays: Arrays) -> Self:
        """Return this index."""
        return self
