"""A codec behind a transform: vectors are mapped before they are made small."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import within
from ..protocol import Arrays, BuildJob, FieldShape, missing_methods
from ..rows.element import Element
from ..rows.metric import Metric
from ..rows.vectors import Vectors
from ..transforms.protocol import TRANSFORM_METHODS, Transform, TransformSpec
from .protocol import CODEC_METHODS, Codec, CodecSpec, Coded, InNibbles, WeighedBias

TRANSFORM, CODEC = "transform.", "behind."


@dataclass(frozen=True)
class Transformed:
    """``Transformed(Truncation(128), Scalar(bits=8))``: codes of what a transform makes of the vectors.

    Parameters
    ----------
    transform
        Fitted to the rows of each segment, stored with them, applied to rows and queries.
    codec
        What makes the images small. May be behind a transform itself.
    """

    transform: TransformSpec
    codec: CodecSpec

    name = "transformed"

    def __post_init__(self) -> None:
        for field, methods in (("transform", TRANSFORM_METHODS), ("codec", CODEC_METHODS)):
            value = getattr(self, field)
            if missing_methods(value, methods):
                raise ValueError(f"Transformed.{field} is {value!r:.80}; expected a {field}")

    def to_json(self) -> dict[str, Any]:
        """Return the name, the transform and the codec."""
        return {"name": self.name, "transform": self.transform.to_json(), "codec": self.codec.to_json()}

    def check(self, field: FieldShape) -> None:
        """Refuse binary vectors, and those that the transform or the codec does not take."""
        if field.element is Element.BINARY or field.dim is None:
            raise ValueError("transforms map vectors of numbers; the field has binary vectors")
        self.codec.check(replace(field, dim=self.transform.width(field.dim), element=Element.FLOAT32))

    def train(self, vectors: Vectors, job: BuildJob) -> TransformedCodec:
        """Fit the transform, then the codec to what comes out."""
        transform = self.transform.fit(vectors, job)
        return TransformedCodec(transform, self.codec.train(Images(vectors, transform), job))

    def open(self, arrays: Arrays, dim: int, metric: Metric) -> TransformedCodec:
        """Return the transform and the codec that were fitted."""
        transform = self.transform.open(within(TRANSFORM, arrays), dim)
        codec = self.codec.open(within(CODEC, arrays), transform.width, metric)
        return TransformedCodec(transform, codec)


class TransformedCodec:
    """A fitted transform and the codec of its images."""

    def __init__(self, transform: Transform, codec: Codec) -> None:
        self._transform, self._codec = transform, codec
        self.row_bytes, self.query_bytes = codec.row_bytes, codec.query_bytes

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what both learnt."""
        fitted = {TRANSFORM + name: array for name, array in self._transform.arrays().items()}
        return fitted | {CODEC + name: array for name, array in self._codec.arrays().items()}

    def encode(self, vectors: Vectors, anchors: Vectors | None = None, threads: int = 1) -> Coded:
        """Return the codes of the images."""
        mapped = None if anchors is None else Images(anchors, self._transform)
        return self._codec.encode(Images(vectors, self._transform), mapped, threads)

    @property
    def groups(self) -> int:
        """How many nibbles a row has for lists to look up; 0 where the codec of the images has none."""
        return self._codec.groups if isinstance(self._codec, InNibbles) else 0

    def nibbles(self, coded: Coded) -> NDArray[np.uint8]:
        """Return the nibbles of each row."""
        assert isinstance(self._codec, InNibbles)
        return self._codec.nibbles(coded)

    def bias_weights(self, anchors: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return those of the images, nothing where their codec has none."""
        if not isinstance(self._codec, WeighedBias):
            return np.empty(0, np.float64)
        return self._codec.bias_weights(self._transform.apply(anchors))

    def decode(self, coded: Coded) -> NDArray[np.float32]:
        """Return the shortest vectors that have such images."""
        return self._transform.restore(self._codec.decode(coded))

    def prepare(self, queries: NDArray[np.float32]) -> NDArray[Any]:
        """Return the images of the queries."""
        return self._codec.prepare(self._transform.apply(queries))

    def checked(self, arrays: Arrays, n: int) -> Coded:
        """Return the codes out of the arrays of an index."""
        return self._codec.checked(arrays, n)

    def record(self, coded: Coded) -> NDArray[Any]:
        """Describe codes to kernels."""
        return self._codec.record(coded)


class Images:
    """Vectors as a transform maps them."""

    def __init__(self, vectors: Vectors, transform: Transform) -> None:
        self._vectors, self._transform = vectors, transform
        self.metric, self.dim = vectors.metric, transform.width

    def __len__(self) -> int:
        return len(self._vectors)

    def floats(self, chosen: slice | NDArray[Any]) -> NDArray[np.float32]:
        """Return the images of some."""
        return self._transform.apply(self._vectors.floats(chosen))
