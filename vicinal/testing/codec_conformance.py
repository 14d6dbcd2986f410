"""What every codec does, run against each of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from vicinal.indexes.codecs.protocol import Codec, CodecSpec, Coded
from vicinal.indexes.codecs.registry import codec_from_json
from vicinal.indexes.graph.hnsw import Hnsw
from vicinal.indexes.protocol import Arrays, BuildJob, FieldShape
from vicinal.indexes.rows.dense import NO_NORMS, DenseRows
from vicinal.indexes.rows.metric import Metric
from vicinal.storage.arrays.header import DTYPES

from . import oracle
from .index_conformance import as_mapped
from .nearnesses import Given, nearnesses
from .random_rows import DENSE, random_queries, random_rows, stored


class CodecConformance(ABC):
    """Subclass it as ``Test...`` and give a spec.

    Attributes
    ----------
    shapes
        The fields that the codec is tested on; the first one stands for them where one is enough.
    floor
        The recall that a graph of its codes keeps at ``recall=0.95``.
    rounding
        How far a product may be off for rounding the query, as a share of both lengths.
    """

    shapes: ClassVar[Sequence[FieldShape]] = DENSE
    floor: ClassVar[float] = 0.85
    rounding: ClassVar[float] = 0.01

    @abstractmethod
    def spec(self) -> CodecSpec:
        """Return the spec to test."""

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run what takes a shape on each of them."""
        if "shape" in metafunc.fixturenames:
            names = [f"{shape.metric} {shape.element}" for shape in self.shapes]
            metafunc.parametrize("shape", self.shapes, ids=names)

    def coded(self, rows: DenseRows) -> tuple[Codec, dict[str, NDArray[Any]]]:
        """Return the codec of these rows, and its arrays as an index stores them."""
        codec = self.spec().train(rows, BuildJob(1, 1))
        return codec, as_mapped(codec.arrays() | codec.encode(rows).arrays())

    def codes(self, codec: Codec, arrays: Arrays, rows: DenseRows) -> Coded:
        """Return the codes of these rows; those of binary vectors are the rows."""
        if "codes" not in arrays:
            return Coded(rows.rows, NO_NORMS, NO_NORMS)
        return codec.checked(arrays, len(rows))

    def test_the_spec_is_one(self, shape: FieldShape) -> None:
        spec = self.spec()
        spec.check(shape)
        assert codec_from_json(spec.to_json()) == spec
        assert hash(spec) == hash(self.spec())

    def test_codes_are_what_kernels_read(self, shape: FieldShape) -> None:
        rows = random_rows(shape, 300)
        codec, arrays = self.coded(rows)
        coded = self.codes(codec, arrays, rows)
        assert coded.codes.dtype == np.uint8
        assert coded.codes.shape == (300, codec.row_bytes)
        assert coded.codes.ctypes.data % 64 == codec.query_bytes % 64 == 0
        for array in (coded.bias, coded.factors):
            assert array.dtype == np.float32
            assert len(array) in (0, 300)
            assert np.isfinite(array).all()
        assert len(codec.record(coded)) == 1
        assert all(array.dtype in DTYPES.values() for array in arrays.values())

    def test_what_was_stored_codes_as_what_was_trained(self, shape: FieldShape) -> None:
        rows = random_rows(shape, 300)
        codec, arrays = self.coded(rows)
        again = self.spec().open(arrays, rows.dim, rows.metric)
        assert (again.row_bytes, again.query_bytes) == (codec.row_bytes, codec.query_bytes)
        first, second = codec.encode(rows).arrays(), again.encode(rows, threads=2).arrays()
        assert first.keys() == second.keys()
        for name, array in first.items():
            np.testing.assert_array_equal(array, second[name])

    def test_kernels_compare_with_what_codes_decode_to(self, shape: FieldShape) -> None:
        rows, queries = random_rows(shape, 203), random_queries(shape, 7)
        codec, arrays = self.coded(rows)
        coded = self.codes(codec, arrays, rows)
        near = nearnesses(codec, coded, queries)
        decoded = codec.decode(coded).astype(np.float64)
        if shape.metric is Metric.HAMMING:
            bits = np.unpackbits(queries, axis=1, count=rows.dim)
            np.testing.assert_array_equal(near, (bits[:, None] != decoded[None]).sum(axis=2))
            return
        expected = -queries.astype(np.float64) @ decoded.T
        if shape.metric is Metric.L2:
            # Of codes or of the rows themselves, as the codec has it: those differ by half the error squared.
            expected += 0.5 * (decoded**2).sum(axis=1)
        lengths = np.linalg.norm(queries, axis=1, keepdims=True) * np.linalg.norm(decoded, axis=1)
        spared = self.rounding * lengths + 1e-6
        if shape.metric is Metric.L2:
            spared = spared + 0.5 * np.abs(
                (rows.floats(slice(None)) ** 2).sum(axis=1) - (decoded**2).sum(axis=1)
            )
        # Nearness is given up to what depends on the query alone.
        difference = near - expected
        difference -= np.median(difference, axis=1, keepdims=True)
        assert (np.abs(difference) <= spared + np.median(spared, axis=1, keepdims=True)).all()

    def test_how_long_a_query_is_changes_no_order(self, shape: FieldShape) -> None:
        if not shape.metric.higher_is_nearer:
            pytest.skip("distances depend on how long a query is")
        # Rows and queries that share a direction, which is most of what they are.
        rows, queries = _leaning(random_queries(shape, 600, 0)), _leaning(random_queries(shape, 20))
        given = stored(shape, rows)
        codec, arrays = self.coded(given)
        coded = self.codes(codec, arrays, given)
        near = nearnesses(codec, coded, queries)
        for power in (-40, -7, 7, 40):
            scale = np.float32(2.0**power)
            np.testing.assert_array_equal(nearnesses(codec, coded, queries * scale), near * scale)
        nearest = np.argsort(near, axis=1)[:, :100]
        for factor in (0.01, 100.0):
            scaled = nearnesses(codec, coded, queries * np.float32(factor))
            found = np.argsort(scaled, axis=1)[:, :100]
            same = [len(np.intersect1d(*pair)) for pair in zip(found, nearest, strict=True)]
            assert np.mean(same) >= 99

    def test_what_is_left_beside_anchors_is_compared_as_whole_rows(self, shape: FieldShape) -> None:
        if shape.metric is Metric.HAMMING:
            pytest.skip("binary vectors are their own codes")
        rows, queries = random_rows(shape, 300), random_queries(shape, 5)
        vectors = rows.floats(slice(None))
        of = np.arange(300) % 3
        centres = vectors[:3]
        anchors = Given(centres[of], shape.metric)
        left = Given(vectors - centres[of], shape.metric)
        codec = self.spec().train(left, BuildJob(1, 1))
        coded = codec.encode(left, anchors)
        near = nearnesses(codec, coded, queries) - (queries @ centres.T)[:, of]
        exact = -queries @ vectors.T
        if shape.metric is Metric.L2:
            near += 0.5 * (centres**2).sum(axis=1)[of]
            exact += 0.5 * (vectors**2).sum(axis=1)
        difference = near - exact
        difference -= np.median(difference, axis=1, keepdims=True)
        # On average an estimate is no farther off than the decoded rows are, and the query for its rounding.
        error = np.linalg.norm(codec.decode(coded) - left.floats(slice(None)), axis=1).mean()
        lengths = np.linalg.norm(queries, axis=1).mean()
        rounded = self.rounding * lengths * np.linalg.norm(vectors, axis=1).mean()
        assert np.abs(difference).mean() <= lengths * error + rounded

    def test_damaged_arrays_are_refused(self, shape: FieldShape) -> None:
        rows = random_rows(shape, 300)
        _, arrays = self.coded(rows)
        for name, array in arrays.items():
            if len(array) > 1:
                cut = {**arrays, name: array[: len(array) // 2]}
                with pytest.raises(ValueError, match=name.rpartition(".")[2]):
                    self.spec().open(cut, rows.dim, rows.metric).checked(cut, len(rows))

    @pytest.mark.parametrize("n", [1, 2])
    def test_few_rows(self, shape: FieldShape, n: int) -> None:
        rows = random_rows(shape, n)
        codec, arrays = self.coded(rows)
        assert len(self.codes(codec, arrays, rows)) == n

    def test_equal_rows_have_equal_codes(self, shape: FieldShape) -> None:
        rows = stored(shape, random_queries(shape, 1)[np.zeros(50, np.int64)])
        codec, arrays = self.coded(rows)
        coded = self.codes(codec, arrays, rows)
        for array in coded.arrays().values():
            assert (array == array[:1]).all()

    def test_a_graph_of_its_codes_finds_the_nearest_rows(self, shape: FieldShape) -> None:
        rows, queries = random_rows(shape, 600), random_queries(shape, 60)
        spec = Hnsw(codec=self.spec())
        index = spec.open(as_mapped(spec.build(rows, BuildJob(1, 1))), rows)
        found = index.search(queries, 10, index.effort(10, 0.95, None, 1.0))
        higher = shape.metric.higher_is_nearer
        _, truth = oracle.top(oracle.scores_of(rows, queries), 10, higher)
        assert oracle.recall(found.scores, truth, higher, 1e-5 * np.abs(truth).max()) >= self.floor


def _leaning(vectors: NDArray[Any]) -> NDArray[Any]:
    """Return vectors moved the same way, by twice as much as they are long on average."""
    away = np.random.default_rng(5).standard_normal(vectors.shape[1])
    away *= 2 * np.linalg.norm(vectors, axis=1).mean() / np.linalg.norm(away)
    return np.asarray(np.clip(vectors + away, -127, 127), np.float32)
