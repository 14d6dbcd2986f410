"""Factory strings of faiss as specs."""

from __future__ import annotations

import pytest

from vicinal.indexes.codecs.product import Product
from vicinal.indexes.codecs.rabitq import RaBitQ
from vicinal.indexes.codecs.scalar import Scalar
from vicinal.indexes.codecs.transformed import Transformed
from vicinal.indexes.exact.flat import Flat
from vicinal.indexes.factory import index_factory
from vicinal.indexes.graph.hnsw import Hnsw
from vicinal.indexes.ivf.ivf import Ivf, IvfFlat, IvfPq, IvfRabitq
from vicinal.indexes.protocol import IndexSpec
from vicinal.indexes.transforms.pca import Pca

KNOWN = {
    "Flat": Flat(),
    "HNSW32": Hnsw(m=32),
    "HNSW16,SQ8": Hnsw(m=16, codec=Scalar(8)),
    "IVF1024,Flat": IvfFlat(1024),
    "IVF1024,PQ48x8": Ivf(1024, Product(m=48, bits=8, rotation=None)),
    "IVF4096,PQ64x4fs,RFlat": Ivf(4096, Product(m=64, bits=4, rotation=None)),
    "OPQ16,IVF256,PQ16": IvfPq(256, m=16, bits=8),
    "PCA64,IVF256,SQ8": Ivf(256, Transformed(Pca(64), Scalar(8))),
    "IVF256,RaBitQ4": IvfRabitq(256, bits=4),
    "IVF256,RaBitQ": Ivf(256, RaBitQ(1)),
}


@pytest.mark.parametrize("description", KNOWN)
def test_a_string_means_a_spec(description: str) -> None:
    spec: IndexSpec = index_factory(description)
    assert spec == KNOWN[description]


@pytest.mark.parametrize(
    ("description", "part"),
    [
        ("IVF64,PQ", "'PQ'"),
        ("IVF64,SQ8,Flat", "'Flat'"),
        ("LSH", "'LSH'"),
        ("", "''"),
        ("OPQ8,IVF64,SQ8", "OPQ"),
        ("PQ16", "no index"),
    ],
)
def test_what_is_not_understood_is_named(description: str, part: str) -> None:
    with pytest.raises(ValueError, match=part):
        index_factory(description)
