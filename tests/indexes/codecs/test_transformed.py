"""Codes behind a transform."""

from __future__ import annotations

import numpy as np
import pytest

from vicinal.indexes.codecs.registry import codec_from_json
from vicinal.indexes.codecs.scalar import Scalar
from vicinal.indexes.codecs.transformed import Transformed
from vicinal.indexes.protocol import BuildJob, FieldShape
from vicinal.indexes.rows.element import Element
from vicinal.indexes.rows.metric import Metric
from vicinal.indexes.transforms.truncation import Truncation
from vicinal.testing.codec_conformance import CodecConformance
from vicinal.testing.random_rows import DENSE, random_rows

_NUMBERS = tuple(shape for shape in DENSE if shape.element is not Element.BINARY)


class TestTransformed(CodecConformance):
    shapes = _NUMBERS
    # A part of a random vector says less of it.
    floor = 0.5

    def spec(self) -> Transformed:
        return Transformed(Truncation(20), Transformed(Truncation(19), Scalar(8)))


def test_the_images_are_coded() -> None:
    rows = random_rows(_NUMBERS[0], 300)
    codec = Transformed(Truncation(7), Scalar(8)).train(rows, BuildJob())
    decoded = codec.decode(codec.encode(rows))
    np.testing.assert_allclose(decoded[:, :7], rows.floats(slice(None))[:, :7], atol=0.05)
    assert not decoded[:, 7:].any()


def test_what_does_not_fit_is_refused() -> None:
    field = FieldShape("dense", Metric.L2, Element.FLOAT32, 8)
    with pytest.raises(ValueError, match="8 dimensions; expected at most 8"):
        Transformed(Truncation(9), Scalar()).check(field)
    with pytest.raises(ValueError, match="binary vectors"):
        Transformed(Truncation(8), Scalar()).check(FieldShape("dense", Metric.HAMMING, Element.BINARY, 8))
    with pytest.raises(ValueError, match="expected a codec"):
        Transformed(Truncation(9), "scalar")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"Truncation\.dim is 0"):
        Truncation(0)
    with pytest.raises(ValueError, match=r"no transform is named 'fold'; known are: .*truncation"):
        codec_from_json({"name": "transformed", "transform": {"name": "fold"}, "codec": {"name": "scalar"}})
