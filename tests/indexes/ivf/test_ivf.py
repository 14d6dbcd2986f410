"""Ivf: lists, their codes and the ladder of efforts."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest

from vicinal.indexes.codecs.product import Product
from vicinal.indexes.codecs.protocol import CodecSpec
from vicinal.indexes.codecs.rabitq import RaBitQ
from vicinal.indexes.codecs.scalar import Scalar
from vicinal.indexes.codecs.transformed import Transformed
from vicinal.indexes.ivf import build
from vicinal.indexes.ivf.build import lists_of
from vicinal.indexes.ivf.index import IvfIndex
from vicinal.indexes.ivf.ivf import Ivf
from vicinal.indexes.ivf.knobs import IvfKnobs
from vicinal.indexes.ivf.layout import Layout
from vicinal.indexes.protocol import BuildJob, FieldShape
from vicinal.indexes.rows.element import Element
from vicinal.indexes.rows.metric import Metric
from vicinal.indexes.transforms.rotation import Rotation
from vicinal.testing import oracle
from vicinal.testing.dense_index_conformance import DenseIndexConformance
from vicinal.testing.random_rows import random_queries, random_rows, stored


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


class TestIvfOfFinerCodes(IvfConformance):
    shapes = IvfConformance.shapes[2:]

    def spec(self) -> Ivf:
        return Ivf(n_lists=40, codec=RaBitQ(4))


class TestIvfOfBytes(IvfConformance):
    shapes = IvfConformance.shapes[:1]

    def spec(self) -> Ivf:
        return Ivf(n_lists=40, codec=Product(bits=8, rotation=None))


class TestIvfOfSpilledBlocks(IvfConformance):
    floor = 0.78
    shapes = IvfConformance.shapes[1:2]

    def spec(self) -> Ivf:
        return Ivf(n_lists=40, spill=True, codec=RaBitQ(1))


def test_spilled_rows_stand_in_two_lists_and_are_found_once() -> None:
    shape = IvfConformance.shapes[0]
    rows, queries = random_rows(shape, 1500), random_queries(shape, 60)
    _, truth = oracle.top(oracle.scores_of(rows, queries), 10, True)
    recalls = []
    for codec in (None, RaBitQ(1), Scalar(8)):
        for spill in (False, True):
            spec = Ivf(n_lists=40, codec=codec, spill=spill)
            arrays = spec.build(rows, BuildJob(1, 1))
            counts = np.bincount(arrays["members"], minlength=1500)
            assert (counts == 1 + spill).all()
            index = spec.open(arrays, rows)
            found = index.search(
                queries, 10, index.effort(10, 0.9, spec.knobs({"n_probe": 6, "rescore": 100}), 1.0)
            )
            assert all(len(np.unique(one)) == 10 for one in found.rows)
            recalls.append(oracle.recall(found.scores, truth, True, 1e-5))
    assert recalls[1] > recalls[0]
    assert recalls[3] > recalls[2]
    assert recalls[5] > recalls[4]
    again = Ivf(n_lists=40, codec=None, spill=False)
    with pytest.raises(ValueError, match="lists hold"):
        again.open(Ivf(n_lists=40, spill=True).build(rows, BuildJob(1, 1)), rows)


def test_damaged_lists_are_refused() -> None:
    shape = IvfConformance.shapes[1]
    rows = random_rows(shape, 1500)
    spec = Ivf(n_lists=40, codec=RaBitQ(1))
    arrays = spec.build(rows, BuildJob(1, 1))
    members, offsets = arrays["members"], arrays["offsets"]
    beyond, falls, swapped = members.copy(), offsets.copy(), members.copy()
    beyond[7] = 1500
    falls[3] = falls[4] + 1
    swapped[[0, 1]] = swapped[[1, 0]]
    damaged = {
        "beyond the last": {"members": beyond},
        "offsets": {"offsets": falls},
        "ascend": {"members": swapped},
        "blocks": {"blocks": arrays["blocks"][:-1]},
        "bias": {"bias": arrays["bias"][:-1]},
        "factors": {"factors": arrays["factors"].astype(np.float64)},
        "mean": {"lists.mean": arrays["lists.mean"][:-1]},
    }
    for words, change in damaged.items():
        with pytest.raises(ValueError, match=words):
            spec.open({**arrays, **change}, rows)


@pytest.mark.parametrize("metric", [Metric.DOT, Metric.COSINE])
@pytest.mark.parametrize("residual", [True, False])
@pytest.mark.parametrize(
    "codec",
    [RaBitQ(1), RaBitQ(4), Transformed(Rotation(), RaBitQ(2)), Product(bits=4, rotation=None), Scalar(8)],
    ids=lambda codec: f"{codec.name}{getattr(codec, 'bits', '')}",
)
def test_how_long_a_query_is_changes_no_answer(metric: Metric, residual: bool, codec: CodecSpec) -> None:
    shape, rng = FieldShape("dense", metric, Element.FLOAT32, 64), np.random.default_rng(2)
    # Most of what the vectors are is the same in all of them.
    away = (2 * rng.standard_normal(64)).astype(np.float32)
    rows = stored(shape, random_queries(shape, 900, 0) + away)
    queries = random_queries(shape, 30) + away
    layout = Layout(codec, residual=residual, spill=False)
    index = IvfIndex(lists_of(rows, 9, layout, BuildJob(1, 1)), rows, layout)
    # No more rows are scored exactly than are asked for: those found are those that the codes name.
    effort = index.effort(100, 0.9, IvfKnobs(9, 100), 1.0)
    found = np.sort(index.search(queries, 100, effort).rows, axis=1)
    for power in (-20, -7, 7, 20):
        scaled = index.search(queries * np.float32(2.0**power), 100, effort)
        np.testing.assert_array_equal(np.sort(scaled.rows, axis=1), found)
    exact = np.argsort(-oracle.scores_of(rows, queries), axis=1)[:, :100]
    hit = [len(np.intersect1d(*pair)) for pair in zip(found, exact, strict=True)]
    assert np.mean(hit) >= 40


@pytest.mark.parametrize("bits", [1, 2])
def test_on_which_side_of_zero_coordinates_are_costs_no_recall(bits: int) -> None:
    shape, rng = FieldShape("dense", Metric.COSINE, Element.FLOAT32, 64), np.random.default_rng(3)
    away = np.abs(rng.standard_normal(64)).astype(np.float32)
    matrix, queries = random_queries(shape, 3000, 0) + away, random_queries(shape, 60) + away
    layout = Layout(RaBitQ(bits), residual=True, spill=False)
    hits = []
    # Axes that are turned around change no product, but the sum of a query's coordinates.
    for signs in (np.ones(64, np.float32), np.where(np.arange(64) % 2, 1, -1).astype(np.float32)):
        rows = stored(shape, matrix * signs)
        index = IvfIndex(lists_of(rows, 60, layout, BuildJob(1, 1)), rows, layout)
        found = index.search(queries * signs, 50, index.effort(50, 0.9, IvfKnobs(60, 50), 1.0)).rows
        exact = np.argsort(-oracle.scores_of(rows, queries * signs), axis=1)[:, :50]
        hits.append(np.mean([len(np.intersect1d(*pair)) for pair in zip(found, exact, strict=True)]))
    assert abs(hits[0] - hits[1]) <= 1


def test_rows_may_be_fewer_than_the_results_that_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of copies so many are asked for that all of some different rows could be there."""
    monkeypatch.setattr(build, "SMALLEST", 1)
    shape = FieldShape("dense", Metric.L2, Element.FLOAT32, 8)
    rows = stored(shape, np.repeat(random_queries(shape, 6), 20, axis=0))
    spec = Ivf(n_lists=4)
    index = spec.open(spec.build(rows, BuildJob()), rows)
    assert set(index.search(rows[:1], 20, index.effort(20, 0.95, None, 1.0)).rows[0]) == set(range(20))
