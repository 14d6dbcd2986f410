"""Ivf: lists, their codes and the ladder of efforts."""

from __future__ import annotations

from typing import ClassVar

from vicinal.indexes.codecs.product import Product
from vicinal.indexes.codecs.rabitq import RaBitQ
from vicinal.indexes.codecs.scalar import Scalar
from vicinal.indexes.ivf.ivf import Ivf
from vicinal.indexes.protocol import FieldShape
from vicinal.indexes.rows.element import Element
from vicinal.indexes.rows.metric import Metric
from vicinal.testing.dense_index_conformance import DenseIndexConformance


class IvfConformance(DenseIndexConformance):
    shapes = (
        FieldShape("dense", Metric.COSINE, Element.FLOAT32, 40),
        FieldShape("dense", Metric.L2, Element.FLOAT32, 40),
        FieldShape("dense", Metric.DOT, Element.INT8, 40),
    )
    # The queries of the suite come from other clusters than its rows.
    floor = 0.85
    given: ClassVar = {"n_probe": 20, "rescore": 60}


class TestIvfOfRows(IvfConformance):
    shapes = IvfConformance.shapes[:1]

    def spec(self) -> Ivf:
        return Ivf()


class TestIvfOfCodes(IvfConformance):
    shapes = IvfConformance.shapes[:1]

    def spec(self) -> Ivf:
        return Ivf(codec=Scalar(8))


class TestIvfOfParts(IvfConformance):
    # A bit a dimension says little of vectors without structure.
    floor = 0.7
    shapes = IvfConformance.shapes[1:2]

    def spec(self) -> Ivf:
        return Ivf(n_lists=40, codec=Product(bits=4, rotation=None))


class TestIvfOfBlocks(IvfConformance):
    floor = 0.78
    shapes = IvfConformance.shapes[:2]

    def spec(self) -> Ivf:
        return Ivf(n_lists=40, codec=RaBitQ(1))
