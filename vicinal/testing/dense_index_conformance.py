"""What every index of dense vectors does besides."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vicinal.indexes.protocol import FieldShape
from vicinal.indexes.rows.element import Element

from .index_conformance import IndexConformance
from .random_rows import DENSE, random_queries


class DenseIndexConformance(IndexConformance):
    """Subclass it as ``Test...`` and give a spec."""

    shapes = DENSE

    def test_queries_need_not_be_contiguous(self) -> None:
        _, index = self.opened()
        queries = random_queries(self.shapes[0], 20)
        wide = np.zeros((20, 2 * queries.shape[1]), queries.dtype)
        wide[:, ::2] = queries
        effort = index.effort(3, 0.95, None, 1.0)
        strided, plain = index.search(wide[:, ::2], 3, effort), index.search(queries, 3, effort)
        np.testing.assert_array_equal(strided.rows, plain.rows)

    def test_wrong_queries_are_refused(self) -> None:
        _, index = self.opened()
        effort, queries = index.effort(3, 0.95, None, 1.0), random_queries(self.shapes[0], 2)
        for wrong in (queries[:, :-1], queries.astype(np.float64), queries[0]):
            with pytest.raises(ValueError, match="expected"):
                index.search(wrong, 3, effort)

    def test_rows_that_have_to_be_read_are_found_alike(self, shape: FieldShape) -> None:
        if shape.element is Element.BINARY:
            pytest.skip("binary vectors stay in memory")
        self.check_read_alike(shape)

    @pytest.mark.parametrize("dim", [1, 2, 63, 64, 65, 129, 1000])
    def test_any_dimension(self, dim: int) -> None:
        shape = replace(self.shapes[0], dim=dim)
        rows, index = self.opened(shape, 600)
        queries = random_queries(shape, 20)
        self.check_recall(index.search(queries, 5, index.effort(5, 0.95, None, 1.0)), rows, queries, 5)
