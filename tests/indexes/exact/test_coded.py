"""Flat by codes: every code is compared, the nearest rows are scored exactly."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
from pyroaring import BitMap

import vicinal
from vicinal.indexes.codecs.product import Product
from vicinal.indexes.codecs.protocol import CodecSpec
from vicinal.indexes.codecs.rabitq import RaBitQ
from vicinal.indexes.codecs.scalar import Scalar
from vicinal.indexes.exact.coded import WIDTHS, CodedIndex, CodedKnobs
from vicinal.indexes.exact.flat import Flat
from vicinal.indexes.protocol import BuildJob, Effort, FieldShape, Scope, is_exact
from vicinal.indexes.rows.element import Element
from vicinal.indexes.rows.metric import Metric
from vicinal.indexes.rows.row_set import RowSet
from vicinal.testing import oracle
from vicinal.testing.dense_index_conformance import DenseIndexConformance
from vicinal.testing.nearnesses import nearnesses
from vicinal.testing.random_rows import DENSE, random_queries, random_rows

CODED = [shape for shape in DENSE if shape.element is not Element.BINARY]


class TestFlatScalar(DenseIndexConformance):
    shapes = CODED
    floor = 0.93
    given: ClassVar = {"rescore": 60}

    def spec(self) -> Flat:
        return Flat(Scalar())


class TestFlatRaBitQ(DenseIndexConformance):
    shapes = CODED[:1]
    floor = 0.9
    given: ClassVar = {"rescore": 60}

    def spec(self) -> Flat:
        return Flat(RaBitQ(bits=4))


@pytest.mark.parametrize("codec", [Scalar(), Scalar(bits=4), Product(m=10), Product(bits=4), RaBitQ(bits=1)])
def test_candidates_come_by_what_codes_say(codec: CodecSpec) -> None:
    shape, n = FieldShape("dense", Metric.L2, Element.FLOAT32, 40), 700
    rows, queries = random_rows(shape, n), random_queries(shape, 45)
    index = Flat(codec).open(Flat(codec).build(rows, BuildJob(1, 1)), rows)
    assert isinstance(index, CodedIndex)
    learnt, coded = index._held
    near = nearnesses(learnt, coded, queries)
    listed = np.arange(5, n, 3)
    scopes = {None: np.arange(n), RowSet.from_range(20, 690, n): np.arange(20, 690)}
    scopes |= {RowSet.from_bitmap(BitMap(listed), n): listed}
    for allowed, inside in scopes.items():
        found = index.prepared_candidates(30, Scope(allowed))(queries)
        expected = inside[np.argsort(near[:, inside], axis=1, kind="stable")[:, :30]]
        np.testing.assert_array_equal(found, expected)


def test_more_rows_scored_find_more_and_all_of_them_everything() -> None:
    shape, n = FieldShape("dense", Metric.DOT, Element.FLOAT32, 40), 1000
    rows, queries = random_rows(shape, n), random_queries(shape, 40)
    spec = Flat(Product(m=5))
    index = spec.open(spec.build(rows, BuildJob(1, 1)), rows)
    _, truth = oracle.top(oracle.scores_of(rows, queries), 10, higher_is_nearer=True)
    reached = []
    for width in (10, 100, 400, n):
        found = index.search(queries, 10, Effort(CodedKnobs(width), None, 0.0, ""))
        reached.append(oracle.recall(found.scores, truth, True, 1e-4))
    assert reached == sorted(reached)
    assert reached[0] < 0.9
    assert reached[-1] == 1.0
    widths = [index.effort(10, recall, None, 1.0).knobs.rescore for recall in (0.5, 0.9, 0.99)]
    assert widths == sorted(widths)
    assert 10 <= widths[0] < widths[-1] <= WIDTHS[-1]


def test_what_it_is_says_its_codec() -> None:
    assert is_exact(Flat())
    assert not is_exact(Flat(Scalar()))
    assert Flat(Scalar(bits=4)).to_json() == {"name": "flat", "codec": {"name": "scalar", "bits": 4}}
    assert (Flat().worth_building(10**6), Flat(Scalar()).worth_building(10**6)) == (False, True)
    assert Flat(Scalar()).knobs({"rescore": 50}) == CodedKnobs(50)
    for wrong in ({"rescore": 0}, {"rescore": 1.5}, {"ef": 3}):
        with pytest.raises(ValueError, match="rescore"):
            Flat(Scalar()).knobs(wrong)
    with pytest.raises(ValueError, match="their own codes"):
        Flat(Scalar()).check(FieldShape("dense", Metric.HAMMING, Element.BINARY, 64))
    with pytest.raises(ValueError, match="dense vectors"):
        Flat(Scalar()).check(FieldShape("sparse", Metric.DOT))


def test_a_collection_of_codes_reaches_the_recall_asked_for() -> None:
    shape = FieldShape("dense", Metric.COSINE, Element.FLOAT32, 40)
    matrix, asked = random_queries(shape, 4000, seed=7), random_queries(shape, 50, seed=8)
    with vicinal.open(":memory:") as db:
        collection = db.create_collection("c", vicinal.Dense(40, index=Flat(Scalar(bits=4))))
        collection.upsert(range(len(matrix)), matrix)
        collection.merge()
        exact = collection.search(asked, k=10, exact=True)
        found = collection.search(asked, k=10, effort={"rescore": 40})
        explained = collection.explain(asked, k=10, effort={"rescore": 40})
        assert explained.plan.startswith("scan of 4,000 codes, 40 rescored")
        hits = [len(np.intersect1d(a.ids, b.ids)) for a, b in zip(found, exact, strict=True)]
        assert np.mean(hits) >= 9.5
