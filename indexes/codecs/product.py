"""Product quantization: a byte, or half of one, for each part of a vector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import check_array
from ..protocol import Arrays, BuildJob, FieldShape
from ..rows.element import Element
from ..rows.metric import Metric
from ..rows.vectors import Vectors

if TYPE_CHECKING:
    from .product_codec import ProductCodec

ROTATIONS, LOSSES = (None, "opq"), (None, "error", "length")
# Rows that say how much shorter decoded rows are.
_MEASURED_ROWS = 8192


@dataclass(frozen=True)
class Product:
    """Vectors cut into ``m`` parts, each coded as the nearest of ``2 ** bits`` centroids of that part.

    Jégou, Douze and Schmid, "Product quantization for nearest neighbor search", PAMI 2011. A row takes
    ``m * bits / 8`` bytes, rounded up. Where ``m`` does not divide the dimensions, parts differ by one.

    Parameters
    ----------
    m
        Parts of a vector, at most its dimensions. Unless given, one for 8 dimensions at 8 bits and one for 4
        at 4 bits: a thirty-second of the bytes that float32 takes.
    bits
        8 or 4 a part. At equal bytes 8 keep more, and 4 are compared several times as fast by lists.
    rotation
        ``"opq"`` learns a rotation that makes the parts easy to code; ``None`` takes vectors as they are.
    loss
        What codes are chosen for: ``"error"``, that a decoded row is as near to the row as can be, or
        ``"length"``, that its length is also the same share of the row's for all rows. What falls short of
        that would rank behind for products and the cosine, so those have ``"length"`` unless given, and l2
        ``"error"``. Rows beside anchors are coded by ``"error"``: their own length does not rank them.
    """

    m: int | None = None
    bits: int = 8
    rotation: str | None = "opq"
    loss: str | None = None

    name = "product"

    def __post_init__(self) -> None:
        if self.m is not None and (type(self.m) is not int or self.m < 1):
            raise ValueError(f"Product.m is {self.m!r}; expected a whole number of parts, at least 1")
        if type(self.bits) is not int or self.bits not in (4, 8):
            raise ValueError(f"Product.bits is {self.bits!r}; expected 4 or 8")
        if self.rotation not in ROTATIONS:
            raise ValueError(f"Product.rotation is {self.rotation!r}; expected 'opq' or None")
        if self.loss not in LOSSES:
            raise ValueError(f"Product.loss is {self.loss!r}; expected 'error', 'length' or None")

    def to_json(self) -> dict[str, Any]:
        """Return the name and the parameters; parts and loss if they were given."""
        record: dict[str, Any] = {"name": self.name, "bits": self.bits, "rotation": self.rotation}
        given = {"m": self.m, "loss": self.loss}
        return record | {key: value for key, value in given.items() if value is not None}

    def check(self, field: FieldShape) -> None:
        """Refuse binary vectors, and more parts than there are dimensions."""
        if field.element is Element.BINARY:
            raise ValueError("codec 'product' takes numbers; the field has binary vectors")
        if field.metric is Metric.L2 and self.loss == "length":
            raise ValueError("Product.loss is 'length', which serves products; the field's metric is l2")
        if field.dim is not None and self.parts(field.dim) > field.dim:
            raise ValueError(
                f"Product.m is {self.m}; the field has {field.dim} dimensions, so at most as many parts"
            )

    def parts(self, dim: int) -> int:
        """Return how many parts vectors of ``dim`` dimensions have."""
        return -(-dim // self.bits) if self.m is None and self.bits == 8 else self.m or -(-dim // 4)

    def _even(self, metric: Metric) -> bool:
        return self.loss == "length" or (self.loss is None and metric is not Metric.L2)

    def train(self, vectors: Vectors, job: BuildJob) -> ProductCodec:
        """Learn the rotation and the codebooks from a sample: at most 65,536 rows, for 4 bits 16,384."""
        from ..product.rotation import fit_rotation
        from ..product.training import SAMPLE_ROWS, sample_of, train_codebooks
        from .product_codec import ProductCodec

        m, width = self.parts(vectors.dim), 1 << self.bits
        sample = sample_of(vectors, SAMPLE_ROWS if self.bits == 8 else SAMPLE_ROWS // 4, job.seed)
        rotation, learning = None, 0.0
        if self.rotation is not None:
            learning = 0.5
            rotation = fit_rotation(
                sample, m, width, job.seed, job.threads, lambda share: job.progress(learning * share)
            )
            sample = sample @ rotation.T
        codebooks = train_codebooks(
            sample,
            m,
            width,
            job.seed,
            job.threads,
            lambda share: job.progress(learning + (1 - learning) * share),
        )
        share = codebooks.length_share(sample[:_MEASURED_ROWS]) if self._even(vectors.metric) else None
        return ProductCodec(codebooks, rotation, vectors.metric, share)

    def open(self, arrays: Arrays, dim: int, metric: Metric) -> ProductCodec:
        """Return the codec that was learnt."""
        from ..product.codebooks import Codebooks
        from .product_codec import ProductCodec

        m = self.parts(dim)
        centroids = check_array("centroids", arrays, np.float32, (dim, 1 << self.bits))
        rotation = None
        if self.rotation is not None:
            rotation = check_array("rotation", arrays, np.float32, (dim, dim))
        share = None
        if self._even(metric):
            share = float(check_array("length_share", arrays, np.float32, (1,))[0])
        return ProductCodec(Codebooks(centroids, m), rotation, metric, share)
