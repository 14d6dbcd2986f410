"""Binary vectors as codes of themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..protocol import Arrays, BuildJob, FieldShape
from ..rows.dense import NO_NORMS
from ..rows.element import Element
from ..rows.metric import Metric
from ..rows.vectors import Vectors
from .protocol import Coded
from .record import codes_record


@dataclass(frozen=True)
class Bits:
    """No coding: the stored bits are compared."""

    name = "bits"

    def to_json(self) -> dict[str, Any]:
        """Return ``{"name": "bits"}``."""
        return {"name": self.name}

    def check(self, field: FieldShape) -> None:
        """Refuse what is not binary."""
        if field.element is not Element.BINARY:
            raise ValueError(f"codec 'bits' reads binary vectors; the field has {field.element} ones")

    def train(self, vectors: Vectors, job: BuildJob) -> BitsCodec:
        """Return the codec; there is nothing to learn."""
        return BitsCodec(vectors.dim)

    def open(self, arrays: Arrays, dim: int, metric: Metric) -> BitsCodec:
        """Return the codec; it has no arrays."""
        return BitsCodec(dim)


class BitsCodec:
    """The rows are their codes, so none are made; whoever searches hands in the rows as :class:`Coded`."""

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self.row_bytes = self.query_bytes = Element.BINARY.stride(dim)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return nothing."""
        return {}

    def encode(self, vectors: Vectors, anchors: Vectors | None = None, threads: int = 1) -> Coded:
        """Return nothing to be stored."""
        return Coded(np.empty((0, self.row_bytes), np.uint8), NO_NORMS, NO_NORMS)

    def decode(self, coded: Coded) -> NDArray[np.float32]:
        """Return zeros and ones."""
        return np.unpackbits(coded.codes, axis=1, count=self.dim).astype(np.float32)

    def prepare(self, queries: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the packed bits as they are."""
        return queries

    def checked(self, arrays: Arrays, n: int) -> Coded:
        """Refuse: the rows are no array of the index."""
        raise ValueError("binary vectors are their own codes; an index has none of them")

    def record(self, coded: Coded) -> NDArray[Any]:
        """Describe codes to kernels."""
        from ..kernels.codes import BITS

        return codes_record(BITS, coded, dim=self.dim, given_bytes=Element.BINARY.width(self.dim))
