"""What every codec does, run against each of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from vicinal.indexes.codecs.protocol import Codec, CodecSpec
from vicinal.indexes.codecs.registry import codec_from_json
from vicinal.indexes.graph.hnsw import Hnsw
from vicinal.indexes.protocol import BuildJob, FieldShape
from vicinal.indexes.rows.dense import DenseRows
from vicinal.storage.arrays.header import DTYPES

from . import oracle
from .index_conformance import as_mapped
from .random_rows import DENSE, random_queries, random_rows, stored


class CodecConformance(ABC):
    """Subclass it as ``Test...`` and give a spec.

    Attributes
    ----------
    shapes
        The fields that the codec is tested on; the first one stands for them where one is enough.
    floor
        The recall that a graph of its codes keeps at ``recall=0.95``.
    """

    shapes: ClassVar[Sequence[FieldShape]] = DENSE
    floor: ClassVar[float] = 0.85

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
        codec = self.spec().train(rows)
        codes, bias = codec.encode(rows)
        return codec, as_mapped({**codec.arrays(), **({"codes": codes, "bias": bias} if len(codes) else {})})

    def test_the_spec_is_one(self, shape: FieldShape) -> None:
        spec = self.spec()
        spec.check(shape)
        assert codec_from_json(spec.to_json()) == spec
        assert hash(spec) == hash(self.spec())

    def test_codes_are_what_kernels_read(self, shape: FieldShape) -> None:
        rows = random_rows(shape, 300)
        codec, arrays = self.coded(rows)
        codes, bias = codec.checked(arrays, rows)
        assert codes.dtype.itemsize * codes.shape[1] == codec.row_bytes
        assert codec.row_bytes % 64 == codec.query_bytes % 64 == 0
        assert codes.ctypes.data % 64 == 0
        assert len(codes) == 300
        assert bias.dtype == np.float32
        assert len(bias) in (0, 300)
        assert np.isfinite(bias).all()
        assert len(codec.record(codes, bias)) == 1
        assert all(array.dtype in DTYPES.values() for array in arrays.values())

    def test_what_was_stored_codes_as_what_was_trained(self, shape: FieldShape) -> None:
        rows = random_rows(shape, 300)
        codec, arrays = self.coded(rows)
        again = self.spec().open(arrays, rows)
        assert (again.row_bytes, again.query_bytes) == (codec.row_bytes, codec.query_bytes)
        for first, second in zip(codec.encode(rows), again.encode(rows), strict=True):
            np.testing.assert_array_equal(first, second)

    def test_damaged_arrays_are_refused(self, shape: FieldShape) -> None:
        rows = random_rows(shape, 300)
        _, arrays = self.coded(rows)
        for name, array in arrays.items():
            if len(array) > 1:
                cut = {**arrays, name: array[: len(array) // 2]}
                with pytest.raises(ValueError, match=name):
                    self.spec().open(cut, rows).checked(cut, rows)

    @pytest.mark.parametrize("n", [1, 2])
    def test_few_rows(self, shape: FieldShape, n: int) -> None:
        rows = random_rows(shape, n)
        codec, arrays = self.coded(rows)
        assert len(codec.checked(arrays, rows)[0]) == n

    def test_equal_rows_have_equal_codes(self, shape: FieldShape) -> None:
        rows = stored(shape, random_queries(shape, 1)[np.zeros(50, np.int64)])
        codec, arrays = self.coded(rows)
        codes, bias = codec.checked(arrays, rows)
        assert (codes == codes[0]).all()
        assert (bias == bias[:1]).all()

    def test_a_graph_of_its_codes_finds_the_nearest_rows(self, shape: FieldShape) -> None:
        rows, queries = random_rows(shape, 1000), random_queries(shape, 60)
        spec = Hnsw(codec=self.spec())
        index = spec.open(as_mapped(spec.build(rows, BuildJob(1, 1))), rows)
        found = index.search(queries, 10, index.effort(10, 0.95, None, 1.0))
        higher = shape.metric.higher_is_nearer
        _, truth = oracle.top(oracle.scores_of(rows, queries), 10, higher)
        assert oracle.recall(found.scores, truth, higher, 1e-5 * np.abs(truth).max()) >= self.floor
