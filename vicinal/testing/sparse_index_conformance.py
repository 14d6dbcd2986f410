"""What every index of sparse vectors does besides."""

from __future__ import annotations

import numpy as np

from vicinal.indexes.protocol import BuildJob
from vicinal.indexes.rows.sparse import SparseRows

from .index_conformance import IndexConformance, as_mapped
from .random_rows import SPARSE, random_csr


class SparseIndexConformance(IndexConformance):
    """Subclass it as ``Test...`` and give a spec."""

    shapes = SPARSE

    def test_terms_may_be_any_number(self) -> None:
        rows = random_csr(self.n, 300, 20, fewest=1)
        spread = SparseRows(rows.indptr, rows.indices * np.uint32(14_316_557), rows.values)
        queries = random_csr(30, 300, 20, seed=1, fewest=1)
        asked = SparseRows(queries.indptr, queries.indices * np.uint32(14_316_557), queries.values)
        spec = self.spec()
        index = spec.open(as_mapped(spec.build(spread, BuildJob(1, 1))), spread)
        self.check_recall(index.search(asked, 10, index.effort(10, 0.95, None, 1.0)), spread, asked, 10)

    def test_a_query_of_no_known_term_finds_k_rows_of_score_0(self) -> None:
        _, index = self.opened()
        unknown = SparseRows(np.array([0, 0, 1]), np.array([2**32 - 1], np.uint32), np.ones(1, np.float32))
        found = index.search(unknown, 5, index.effort(5, 0.95, None, 1.0))
        assert (found.rows < self.n).all()
        assert (found.scores == 0).all()
