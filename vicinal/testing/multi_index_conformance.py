"""What every index of multi-vectors does besides."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pyroaring import BitMap

from vicinal.indexes.protocol import FieldShape, Scope, TakesBudgets
from vicinal.indexes.rows.multi import MultiRows
from vicinal.indexes.rows.row_set import RowSet

from .index_conformance import IndexConformance
from .random_rows import MULTI, random_queries


class MultiIndexConformance(IndexConformance):
    """Subclass it as ``Test...`` and give a spec."""

    shapes = MULTI
    n = 400

    def test_tokens_of_another_width_are_refused(self) -> None:
        _, index = self.opened()
        dim = (self.shapes[0].dim or 0) + 1
        wide = MultiRows(np.array([0, 1]), np.ones((1, dim), np.float32))
        with pytest.raises(ValueError, match="expected"):
            index.search(wide, 3, index.effort(3, 0.95, None, 1.0))

    def test_rows_that_have_to_be_read_are_found_alike(self, shape: FieldShape) -> None:
        self.check_read_alike(shape)

    @pytest.mark.parametrize("count", [1, 3, 100])
    def test_goes_by_the_first_tokens_of_rows(self, count: int) -> None:
        rows, index = self.opened()
        if not isinstance(index, TakesBudgets):
            pytest.skip("rows are scanned instead")
        shorter = index.with_budgets(None, count)
        if shorter is None:
            return
        assert index.with_budgets(None, count) is shorter
        queries = random_queries(self.shapes[0], 30)
        found = shorter.search(queries, 5, shorter.effort(5, 0.95, None, 1.0))
        self.check_recall(found, rows.first(count), queries, 5)
        chosen = np.arange(0, self.n, 3)
        allowed = RowSet.from_bitmap(BitMap(chosen.tolist()), self.n)
        effort = shorter.effort(5, 0.95, None, allowed.count / self.n)
        found = shorter.search(queries, 5, effort, Scope(allowed))
        self.check_recall(found, rows.first(count), queries, 5, chosen)

    @pytest.mark.parametrize("dim", [1, 33, 128])
    def test_any_dimension(self, dim: int) -> None:
        shape = replace(self.shapes[0], dim=dim)
        rows, index = self.opened(shape)
        queries = random_queries(shape, 10)
        self.check_recall(index.search(queries, 5, index.effort(5, 0.95, None, 1.0)), rows, queries, 5)
