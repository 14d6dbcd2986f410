"""The automatic choice of a dense index: a graph while its memory allows, smaller codes in lists beyond."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..protocol import Arrays, BuildJob, FieldShape, RowOrder
from ..rows.dense import DenseRows
from ..rows.element import Element
from .choices import CHOICES, KNOBS, bytes_a_vector, knobs_of

if TYPE_CHECKING:
    from .chosen import ChosenIndex

_CHOICE = "choice"


@dataclass(frozen=True)
class AutoDense:
    """`Hnsw` while a vector's share of the memory holds its codes and links, else `Ivf` over smaller codes.

    Of what fits the fastest is taken, segment by segment; what was chosen is said by ``explain``.

    Parameters
    ----------
    memory
        Bytes that the index may take, all segments together; None for no limit. Each segment gets the share
        that its rows are of all when it is built. Stored vectors count too, unless they are kept on disk
        (``Dense(on_disk=True)``). Where nothing fits, what is smallest is taken.
    """

    memory: int | None = None

    name = "auto-dense"

    def __post_init__(self) -> None:
        if self.memory is not None and (type(self.memory) is not int or self.memory < 1):
            raise ValueError(f"AutoDense.memory is {self.memory!r}; expected bytes, or None for no limit")

    def to_json(self) -> dict[str, Any]:
        """Return the name, and the memory if it is limited."""
        return {"name": self.name} if self.memory is None else {"name": self.name, "memory": self.memory}

    def check(self, field: FieldShape) -> None:
        """Refuse vectors that are not dense."""
        if field.kind != "dense":
            raise ValueError(f"index 'auto-dense' is of dense vectors; the field has {field.kind} ones")

    def knobs(self, given: Mapping[str, float]) -> Mapping[str, float]:
        """Return ``ef``, ``n_probe`` and ``rescore``, each for the segments whose index has it."""
        unknown = sorted(given.keys() - KNOBS)
        if unknown:
            raise ValueError(
                f"an automatic index has no knob {unknown[0]!r}; it takes ef, n_probe and rescore"
            )
        if given and not {"ef", "n_probe"} & given.keys():
            raise ValueError("rescore alone says nothing of the search; give ef or n_probe too")
        for spec in (CHOICES[0], CHOICES[-1]):
            knobs_of(spec, given)
        return dict(given)

    def worth_building(self, n: int) -> bool:
        """Return whether there are more rows than are scanned in no time."""
        return CHOICES[0].worth_building(n)

    def order(self, rows: DenseRows, job: BuildJob) -> RowOrder | None:
        """Return None: no choice cares about the order of rows."""
        return None

    def build(self, rows: DenseRows, job: BuildJob) -> dict[str, NDArray[Any]]:
        """Build the fastest index that fits."""
        place = self._place(rows, job)
        arrays = CHOICES[place].build(rows, job)
        return arrays | {_CHOICE: np.array([place], np.uint8)} if arrays else {}

    def open(self, arrays: Arrays, rows: DenseRows) -> ChosenIndex:
        """Validate the arrays and return the index that they are of."""
        from .chosen import ChosenIndex

        place = arrays.get(_CHOICE, np.zeros(1, np.uint8))
        if place.shape != (1,) or place.dtype != np.uint8 or place[0] >= len(CHOICES):
            raise ValueError(f"choice is {place!r}; expected one of {len(CHOICES)} as uint8")
        spec = CHOICES[place[0]]
        own = {name: array for name, array in arrays.items() if name != _CHOICE}
        return ChosenIndex(spec, spec.open(own, rows))

    def _place(self, rows: DenseRows, job: BuildJob) -> int:
        """Return the place of the choice for these rows."""
        if self.memory is None or rows.element is Element.BINARY:
            return 0
        n = max(1, len(rows))
        allowed = self.memory / max(n, job.total_rows)
        stored = 0 if rows.reader is not None else rows.nbytes / n
        fitting = (i for i, spec in enumerate(CHOICES) if stored + bytes_a_vector(spec, rows) <= allowed)
        return next(fitting, len(CHOICES) - 1)
