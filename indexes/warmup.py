"""Compiles every kernel and measures the machine, so that no user waits for it later."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .exact.rescoring import rescore
from .exact.scan import open_scan
from .graph.build import SMALLEST_GRAPH
from .measuring import measure_once
from .protocol import BuildJob, IndexSpec
from .rows.dense import DenseRows, inverse_norms, pad
from .rows.element import Element
from .rows.metric import Metric
from .rows.multi import MultiRows
from .rows.sparse import SparseRows
from .seismic.seismic import Seismic
from .sparse.inverted import Inverted


def warmup() -> None:
    """Compile all kernels, or load those that were compiled before, and measure what they take."""
    n, dim = SMALLEST_GRAPH, 8
    matrix = np.eye(n, dim, dtype=np.float32) + 1
    padded, norms = pad(matrix, Element.FLOAT32, dim), inverse_norms(matrix)
    dense = DenseRows(padded, dim, Element.FLOAT32, norms, Metric.COSINE)
    open_scan(dense).search(dense[:1], 1)
    rescore(dense, np.zeros((1, 1), np.uint32), dense[:1], 1)
    _walk(dense)
    offsets = np.array([0, 1])
    sparse = SparseRows(offsets, np.zeros(1, np.uint32), np.ones(1, np.float32))
    scan = open_scan(sparse)
    scan.search(sparse, 1)
    scan.score(sparse, np.zeros(1, np.uint32))
    specs: tuple[IndexSpec, ...] = (Inverted(), Seismic())
    for spec in specs:
        index = spec.open(spec.build(sparse, BuildJob()), sparse)
        index.search(sparse, 1, index.effort(1, 1.0, None, 1.0))
    multi = MultiRows(offsets, np.ones((1, dim), np.float32))
    multi_scan = open_scan(multi)
    multi_scan.search(multi, 1)
    multi_scan.score(multi, np.zeros(1, np.uint32))
    measure_once()


def _walk(rows: DenseRows) -> None:
    from .codecs.product import Product
    from .codecs.rabitq import RaBitQ
    from .codecs.scalar import Scalar
    from .exact.coded import CodedIndex, CodedKnobs
    from .graph.index import HnswIndex
    from .graph.knobs import HnswKnobs
    from .graph.links import NO_LINK, choose_entries
    from .protocol import Effort

    codec = Scalar().train(rows, BuildJob())
    arrays: dict[str, NDArray[Any]] = codec.arrays() | codec.encode(rows).arrays()
    arrays["links"] = np.full((len(rows), 16), NO_LINK, np.uint32)
    arrays["entries"] = choose_entries(len(rows), 0)
    HnswIndex(arrays, rows, Scalar()).search(rows[:1], 1, Effort(HnswKnobs(1, 1), None, 0.0, ""))
    for spec in (RaBitQ(), Product(1, 8, None, "error"), Product(1, 8, None, "length")):
        spec.train(rows, BuildJob()).encode(rows)
    codes = codec.arrays() | codec.encode(rows).arrays()
    CodedIndex(codes, rows, Scalar()).search(rows[:1], 1, Effort(CodedKnobs(1), None, 0.0, ""))
