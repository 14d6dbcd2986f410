"""Curator: cells without a graph."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from vicinal.indexes.cells.curator import Curator
from vicinal.indexes.cells.knobs import CellKnobs
from vicinal.indexes.codecs.rabitq import RaBitQ
from vicinal.indexes.protocol import FieldShape
from vicinal.indexes.rows.element import Element
from vicinal.indexes.rows.metric import Metric
from vicinal.testing.dense_index_conformance import DenseIndexConformance
from vicinal.testing.random_rows import DENSE

FLOATS = tuple(shape for shape in DENSE if shape.element is not Element.BINARY)


class TestCurator(DenseIndexConformance):
    # The queries of the suite come from other clusters than its rows.
    floor = 0.88
    given: ClassVar = {"cells": 60, "rescore": 30}
    shapes = FLOATS

    def spec(self) -> Curator:
        return Curator()


class TestCuratorOfFewBits(DenseIndexConformance):
    floor = 0.88
    given: ClassVar = {"cells": 60, "rescore": 60}
    shapes = tuple(shape for shape in FLOATS if shape.element is Element.FLOAT32)

    def spec(self) -> Curator:
        return Curator(codec=RaBitQ(4))


def test_the_codec_is_part_of_the_spec() -> None:
    spec = Curator(codec=RaBitQ(4))
    assert Curator(**{name: value for name, value in spec.to_json().items() if name != "name"}) == spec
    assert Curator().to_json() == {"name": "curator"}


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (FieldShape("sparse", Metric.DOT), "dense vectors"),
        (FieldShape("dense", Metric.HAMMING, Element.BINARY, 64), "no mean"),
    ],
)
def test_fields_it_cannot_have_are_refused(shape: FieldShape, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Curator().check(shape)


@pytest.mark.parametrize("given", [{"rescore": 4}, {"cells": 0}, {"cells": 4, "patience": 2.0}, {"ef": 4}])
def test_knobs_that_make_no_sense_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"cells|patience"):
        Curator().knobs(given)
    assert Curator().knobs({"cells": 7, "patience": 0.5}) == CellKnobs(7, 0, 0.5)
