"""Muvera: the recall it promises with any inner index, and candidates that the encodings bring."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from vicinal.indexes.codecs.rabitq import RaBitQ
from vicinal.indexes.exact.flat import Flat
from vicinal.indexes.exact.multi import MultiScan
from vicinal.indexes.graph.hnsw import Hnsw
from vicinal.indexes.ivf.ivf import Ivf
from vicinal.indexes.muvera.encoding import Encoder, Encoding
from vicinal.indexes.muvera.muvera import Muvera
from vicinal.indexes.muvera.tokens import TokenSpace
from vicinal.indexes.protocol import EVERYTHING, BuildJob, FieldShape, IndexSpec, Scope
from vicinal.indexes.registry import spec_from_json
from vicinal.indexes.rows.element import Element
from vicinal.indexes.rows.metric import Metric
from vicinal.indexes.rows.multi import MultiRows
from vicinal.indexes.rows.row_set import RowSet
from vicinal.testing import oracle
from vicinal.testing.multi_index_conformance import MultiIndexConformance
from vicinal.testing.random_rows import CODED, MULTI, random_tokens


def small(inner: IndexSpec) -> Muvera:
    """Return encodings of few dimensions."""
    return Muvera(k_sim=1, d_proj=8, repetitions=4, inner=inner)


class TestMuvera(MultiIndexConformance):
    # Its rows are a few tokens without any structure, which encodings tell apart badly.
    shapes = MULTI[::2]
    floor = 0.85
    n = 600
    given: ClassVar = {"candidates": 40}

    def spec(self) -> Muvera:
        return Muvera(k_sim=1, repetitions=4, inner=Flat())


class TestMuveraOfCodedTokens(TestMuvera):
    shapes = CODED[:1]


class TestMuveraByCodes(TestMuvera):
    shapes = MULTI[1:2]
    given: ClassVar = {"candidates": 40, "rescore": 80}

    def spec(self) -> Muvera:
        return Muvera(repetitions=4, fill_empty=True, final_projection=64)


class TestMuveraByLists(TestMuvera):
    shapes = MULTI[:1]
    given: ClassVar = {"candidates": 40, "n_probe": 20}

    def spec(self) -> Muvera:
        return Muvera(k_sim=1, repetitions=4, inner=Ivf(n_lists=20, codec=RaBitQ(4)))


class TestMuveraOfFirstTokens(TestMuvera):
    # Rows are tokens in no order, of which the first say little of the others.
    shapes = MULTI[:1]
    given: ClassVar = {"candidates": 200}

    def spec(self) -> Muvera:
        return Muvera(k_sim=1, repetitions=4, inner=Flat(), tokens=3)


def topical(n: int, seed: int, topics: int = 60, dim: int = 32) -> MultiRows:
    """Return rows of 2 to 12 tokens of unit length, each about one topic and a few of its words."""
    rng = np.random.default_rng(seed)
    of_topics, of_words = np.random.default_rng(9).standard_normal((2, 2000, dim))
    offsets = np.concatenate([[0], np.cumsum(rng.integers(2, 13, n))]).astype(np.int64)
    topic = np.repeat(rng.integers(0, topics, n), np.diff(offsets))
    words = rng.integers(0, 40, len(topic)) + 20 * topic
    tokens = of_topics[topic] + of_words[words] + 0.3 * rng.standard_normal((len(topic), dim))
    # What the tokens of many models have in common.
    tokens += 1.5 * of_topics[-1]
    return MultiRows(offsets, (tokens / np.linalg.norm(tokens, axis=1, keepdims=True)).astype(np.float32))


@pytest.fixture(scope="module")
def rows() -> MultiRows:
    return topical(3000, 0)


def built(spec: Muvera, rows: MultiRows) -> Any:
    return spec.open(spec.build(rows, BuildJob(1, 1)), rows)


def test_few_candidates_hold_the_nearest(rows: MultiRows) -> None:
    index, queries = built(Muvera(), rows), topical(60, 1)
    truth = MultiScan(rows).search(queries, 10).scores
    found = index.search(queries, 10, index.effort(10, 0.9, Muvera().knobs({"candidates": 60}), 1.0))
    assert oracle.recall(found.scores, truth, True) > 0.9
    assert found.stats.rescored == 60 * 60
    promised = index.effort(10, 0.9, None, 1.0)
    assert promised.knobs.candidates < 400
    assert promised.expected_recall >= 0.9
    assert oracle.recall(index.search(queries, 10, promised).scores, truth, True) >= 0.9


def test_a_graph_finds_candidates_under_a_filter(rows: MultiRows) -> None:
    some = rows[:1000]
    spec, queries = small(Hnsw(m=6, ef_construction=40)), topical(40, 1)
    index, chosen = built(spec, some), np.arange(0, 1000, 3)
    scope = Scope(RowSet.from_bitmap(BitMap(chosen.tolist()), 1000))
    truth = MultiScan(some).search(queries, 5, scope).scores
    for knobs in (None, spec.knobs({"candidates": 100, "ef": 300, "rescore": 120})):
        found = index.search(queries, 5, index.effort(5, 0.9, knobs, len(chosen) / 1000), scope)
        assert np.isin(found.rows, chosen).all()
        assert oracle.recall(found.scores, truth, True) > 0.85


def test_candidates_are_the_rows_of_the_nearest_encodings(rows: MultiRows) -> None:
    spec, queries, k = Muvera(inner=Flat()), topical(10, 2), 30
    index = built(spec, rows)
    found = index.search(queries, k, index.effort(k, 0.9, spec.knobs({"candidates": k}), 1.0))
    encoding = Encoding(3, 16, 20, False, None, 0)
    encoder, space = Encoder(encoding, 32, Encoder.draw(encoding, 32)), TokenSpace.of_rows(rows)
    products = encoder.of_queries(space.tokens(queries)) @ encoder.of_rows(space.tokens(rows)).T
    nearest = np.argsort(-products, axis=1)[:, :k]
    same = [len(np.intersect1d(mine, theirs)) for mine, theirs in zip(found.rows, nearest, strict=True)]
    # Bytes put a few in another order.
    assert np.mean(same) > 0.95 * k


@pytest.mark.parametrize("metric", [Metric.DOT, Metric.COSINE, Metric.L2])
@pytest.mark.parametrize("share", [0.5, 0.02])
def test_rows_without_tokens_are_not_found(metric: Metric, share: float) -> None:
    some = random_tokens(500, 8, 2, Element.FLOAT32, 3)
    rows = MultiRows(some.offsets, some.tokens, metric)
    spec, lengths = small(Flat()), np.diff(rows.offsets)
    index, chosen = built(spec, rows), np.flatnonzero(np.random.default_rng(0).random(500) < share)
    scope = Scope(RowSet.from_bitmap(BitMap(chosen.tolist()), 500))
    queries = MultiRows(np.array([0, 2]), np.ones((2, 8), np.float32), metric)
    for one, possible in ((EVERYTHING, lengths), (scope, lengths[chosen])):
        filled = int((possible > 0).sum())
        for k in (5, filled + 3):
            effort = index.effort(k, 0.9, spec.knobs({"candidates": 6}), 1.0)
            found = index.search(queries, k, effort, one)
            assert (lengths[found.rows[0, : min(k, filled)]] > 0).all()
            assert (found.rows[0, filled:] == oracle.NO_ROW).all()


@given(st.lists(st.sampled_from([1, 1, 2, 7, 60]), min_size=256, max_size=300), st.integers(1, 12))
@settings(max_examples=10)
def test_scores_are_exact_whatever_the_rows(counts: list[int], k: int) -> None:
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    tokens = np.random.default_rng(k).standard_normal((int(offsets[-1]), 9)).astype(np.float16)
    rows, spec = MultiRows(offsets, tokens), Muvera(k_sim=2, repetitions=2)
    index, queries = built(spec, rows), random_tokens(4, 9, 40, Element.FLOAT32, k, fewest=1)
    found = index.search(queries, k, index.effort(k, 0.9, spec.knobs({"candidates": 2 * k}), 1.0))
    expected = np.take_along_axis(oracle.scores_of(rows, queries), found.rows.astype(np.int64), 1)
    np.testing.assert_allclose(found.scores, expected, rtol=1e-4, atol=1e-4)
    assert found.stats.rescored == 4 * 2 * k


@pytest.mark.parametrize("value", [0.0, 3e18])
def test_tokens_that_are_all_alike(value: float) -> None:
    rows = MultiRows(np.arange(301), np.full((300, 8), value, np.float32), Metric.COSINE)
    index = built(Muvera(k_sim=1, repetitions=2), rows)
    found = index.search(rows[:3], 5, index.effort(5, 0.9, None, 1.0))
    np.testing.assert_array_equal(found.rows, np.arange(5)[None].repeat(3, axis=0))


def test_encodings_are_of_the_first_tokens(rows: MultiRows) -> None:
    some, spec = rows[:400], Muvera(repetitions=2, tokens=4)
    arrays, short = (
        spec.build(some, BuildJob(1, 1)),
        Muvera(repetitions=2).build(some.first(4), BuildJob(1, 1)),
    )
    for name in ("encodings", "mean"):
        np.testing.assert_array_equal(arrays[name], short[name])
    index = spec.open(arrays, some)
    assert index.with_tokens(3) is None
    shorter = index.with_tokens(5)
    assert shorter is not None
    found = shorter.search(some[:3], 5, shorter.effort(5, 0.9, spec.knobs({"candidates": 60}), 1.0))
    expected = np.take_along_axis(oracle.scores_of(some.first(5), some[:3]), found.rows.astype(np.int64), 1)
    np.testing.assert_allclose(found.scores, expected, rtol=1e-4, atol=1e-4)


def test_the_seed_is_part_of_the_spec(rows: MultiRows) -> None:
    some = rows[:300]
    first, other = (Muvera(seed=seed, repetitions=2).build(some, BuildJob(1, 1)) for seed in (0, 1))
    assert (first["planes"] != other["planes"]).any()
    assert Muvera(seed=1).to_json()["seed"] == 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"k_sim": 9}, r"Muvera\.k_sim is 9; expected a whole number from 0 to 8"),
        ({"repetitions": 0}, r"repetitions is 0"),
        ({"repetitions": True}, r"repetitions is True"),
        ({"tokens": 0}, r"tokens is 0; expected a whole number from 1 to 65,536, or None"),
        ({"d_proj": 0}, r"d_proj is 0; .* or None"),
        ({"final_projection": 8}, r"final_projection is 8"),
        ({"fill_empty": 1}, r"fill_empty is 1; expected True or False"),
        ({"seed": -1}, r"seed is -1"),
        ({"inner": 7}, r"inner is 7; expected the spec of an index of dense vectors"),
        ({"inner": {"name": "nothing"}}, r"no index is named 'nothing'"),
    ],
)
def test_parameters_out_of_range_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Muvera(**given)


def test_fields_it_cannot_have_are_refused() -> None:
    shape = FieldShape("multi", Metric.DOT, Element.FLOAT16, 64)
    with pytest.raises(ValueError, match="'muvera' is of multi-vectors; the field has dense ones"):
        Muvera().check(FieldShape("dense", Metric.DOT, Element.FLOAT16, 64))
    with pytest.raises(ValueError, match="d_proj is 65; the field's tokens have 64 dimensions"):
        Muvera(d_proj=65).check(shape)
    with pytest.raises(ValueError, match="encodings have 1,048,576 dimensions; expected at most 65,536"):
        Muvera(k_sim=8, d_proj=64, repetitions=64).check(shape)
    with pytest.raises(ValueError, match="'seismic' is of sparse vectors"):
        Muvera(inner=spec_from_json({"name": "seismic"})).check(shape)


def test_it_is_read_from_json() -> None:
    spec = Muvera(k_sim=4, d_proj=8, final_projection=100, inner=Ivf(codec=RaBitQ(4)), seed=7)
    assert spec_from_json(spec.to_json()) == spec
    assert "d_proj" not in Muvera().to_json()
    with pytest.raises(ValueError, match="does not take these parameters"):
        spec_from_json({"name": "muvera", "reps": 3})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "give candidates"),
        ({"rescore": 5}, r"give candidates.*\['rescore'\] alone"),
        ({"candidates": 0}, "candidates is 0; expected a whole number from 1 to 65,536"),
        ({"candidates": 1.5}, r"candidates is 1\.5"),
        ({"candidates": 9, "ef": 3}, "no knob 'ef'"),
    ],
)
def test_knobs_are_checked(given: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Muvera().knobs(given)


def test_arrays_that_do_not_fit_are_refused(rows: MultiRows) -> None:
    spec, some = Muvera(repetitions=2), rows[:300]
    arrays = spec.build(some, BuildJob(1, 1))
    with pytest.raises(ValueError, match="has no array 'encodings'"):
        spec.open({name: array for name, array in arrays.items() if name != "encodings"}, some)
    with pytest.raises(ValueError, match="planes are float32"):
        Muvera(repetitions=3).open(arrays, some)
