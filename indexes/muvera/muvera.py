"""The Muvera spec: multi-vectors encoded as one vector each, in a dense index, the best scored exactly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from ..codecs.rabitq import RaBitQ
from ..exact.flat import Flat
from ..protocol import Arrays, BuildJob, FieldShape, IndexSpec, RowOrder, missing_methods
from ..registry import spec_from_json
from ..rows.element import Element
from ..rows.metric import Metric
from ..rows.multi import MultiRows
from .encoding import Encoding
from .knobs import MuveraKnobs, knobs_from

if TYPE_CHECKING:
    from .index import EncodedIndex

# Over fewer rows an exact scan answers sooner.
_MIN_ROWS = 512
_BOUNDS = {
    "k_sim": (0, 8),
    "d_proj": (1, 1024),
    "repetitions": (1, 256),
    "final_projection": (16, 65_536),
    "tokens": (1, 65_536),
}
_MAY_LACK = ("d_proj", "final_projection", "tokens")
_MOST_WIDE = 65_536
_D_PROJ = 16


@dataclass(frozen=True)
class Muvera:
    """One vector for all tokens of a point, in an index of dense vectors; its best are scored by MaxSim.

    The dot product of the encodings of a query and of a point is about their MaxSim. The inner index finds
    the points whose encodings are nearest, and as many of those as the recall takes are scored exactly.

    Parameters
    ----------
    k_sim
        Hyperplanes of a repetition, 0 to 8: tokens are parted into ``2 ** k_sim``.
    d_proj
        Dimensions that a token is projected to; those of a token for no projection. 16 unless given, or
        those of a token if they are fewer.
    repetitions
        How many times this is done with other hyperplanes and projections, 1 to 256. An encoding has
        ``repetitions * 2 ** k_sim * d_proj`` dimensions, 65,536 at most, each stored in a byte.
    fill_empty
        Whether a partition without tokens of a point has the point's nearest one instead, as in the paper.
        Left empty, it counts against points that have nothing near a query's token, which finds more.
    final_projection
        Dimensions that encodings are sketched to, 16 to 65,536; None for all they have.
    inner
        The index of the encodings, of dense vectors of int8 compared by dot: a spec or its JSON.
    seed
        What hyperplanes and projections are drawn from.
    tokens
        How many tokens of a point are encoded, its first, 1 to 65,536; None for all. The best are scored by
        all tokens or by as many as a search says. For models whose first vectors say most (Matryoshka
        multi-vectors). A search by fewer than are encoded scans.

    Notes
    -----
    Dhulipala et al., "MUVERA: Multi-Vector Retrieval via Fixed Dimensional Encodings", NeurIPS 2024 (arXiv
    2405.19504). What is ours: the mean of all tokens is taken off first, as it keeps partitions from
    telling tokens apart.
    """

    k_sim: int = 3
    d_proj: int | None = None
    repetitions: int = 20
    fill_empty: bool = False
    final_projection: int | None = None
    inner: IndexSpec = field(default_factory=lambda: Flat(RaBitQ(1)))
    seed: int = 0
    tokens: int | None = None

    name = "muvera"

    def __post_init__(self) -> None:
        for name, (low, high) in _BOUNDS.items():
            value, may_lack = getattr(self, name), name in _MAY_LACK
            if may_lack and value is None:
                continue
            if type(value) is not int or not low <= value <= high:
                other = ", or None" if may_lack else ""
                raise ValueError(
                    f"Muvera.{name} is {value!r}; expected a whole number from {low} to {high:,}{other}"
                )
        if type(self.fill_empty) is not bool:
            raise ValueError(f"Muvera.fill_empty is {self.fill_empty!r}; expected True or False")
        if type(self.seed) is not int or not 0 <= self.seed < 1 << 64:
            raise ValueError(f"Muvera.seed is {self.seed!r}; expected a whole number from 0 to 2**64 - 1")
        if isinstance(self.inner, Mapping):
            object.__setattr__(self, "inner", spec_from_json(self.inner))
        if missing_methods(self.inner):
            raise ValueError(
                f"Muvera.inner is {self.inner!r}; expected the spec of an index of dense vectors"
            )

    def to_json(self) -> dict[str, Any]:
        """Return the name and the parameters; those that may be None if they were given."""
        record: dict[str, Any] = {"name": self.name, "k_sim": self.k_sim, "repetitions": self.repetitions}
        given = {name: getattr(self, name) for name in _MAY_LACK}
        record |= {name: value for name, value in given.items() if value is not None}
        return record | {
            "fill_empty": self.fill_empty,
            "inner": self.inner.to_json(),
            "seed": self.seed,
        }

    def check(self, field: FieldShape) -> None:
        """Refuse vectors that are not multi-vectors, encodings too large and inner indexes of others."""
        if field.kind != "multi":
            raise ValueError(f"index 'muvera' is of multi-vectors; the field has {field.kind} ones")
        if field.dim is None:
            return
        if self.d_proj is not None and self.d_proj > field.dim:
            raise ValueError(
                f"Muvera.d_proj is {self.d_proj}; the field's tokens have {field.dim} dimensions, "
                "so at most as many"
            )
        encoding = self._encoding(field.dim)
        if encoding.cells(field.dim) > _MOST_WIDE:
            raise ValueError(
                f"encodings have {encoding.cells(field.dim):,} dimensions; expected at most {_MOST_WIDE:,}: "
                "repetitions * 2 ** k_sim * d_proj"
            )
        self.inner.check(FieldShape("dense", Metric.DOT, Element.INT8, encoding.width(field.dim)))

    def knobs(self, given: Mapping[str, float]) -> MuveraKnobs:
        """Return ``candidates`` as the index takes it, and the rest as the inner index does."""
        return knobs_from(given, self.inner)

    def worth_building(self, n: int) -> bool:
        """Return whether there are more rows than are scanned in no time."""
        return n >= _MIN_ROWS

    def order(self, rows: MultiRows, job: BuildJob) -> RowOrder | None:
        """Return None: candidates are read wherever they stand."""
        return None

    def build(self, rows: MultiRows, job: BuildJob) -> dict[str, NDArray[Any]]:
        """Build the encodings, the inner index and the ladder of efforts."""
        from .build import build

        return build(rows, self._encoding(rows.dim), self.inner, self.tokens, job)

    def open(self, arrays: Arrays, rows: MultiRows) -> EncodedIndex:
        """Validate the arrays and return the index."""
        from .index import EncodedIndex

        return EncodedIndex(arrays, rows, self._encoding(rows.dim), self.inner, self.tokens)

    def _encoding(self, dim: int) -> Encoding:
        d_proj = min(_D_PROJ, dim) if self.d_proj is None else self.d_proj
        return Encoding(
            self.k_sim, d_proj, self.repetitions, self.fill_empty, self.final_projection, self.seed
        )
