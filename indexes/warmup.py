"""Compiles every kernel and measures the machine, so that no user waits for it later."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from .codecs.protocol import CodecSpec
from .codecs.rabitq import RaBitQ
from .exact.rescoring import rescore
from .exact.scan import open_scan
from .exact.sparse import MANY
from .graph.build import SMALLEST_GRAPH
from .ivf.ivf import Ivf
from .kernels.signatures import keep_known, load_known
from .measuring import measure_once
from .muvera.muvera import Muvera
from .protocol import BuildJob, IndexSpec, Previous
from .rows import bits
from .rows.dense import NO_NORMS, DenseRows, inverse_norms, pad
from .rows.element import Element
from .rows.metric import Metric
from .rows.multi import MultiRows
from .rows.neighbors import NO_ROW
from .rows.row_set import RowSet
from .rows.sparse import SparseRows
from .seismic.seismic import Seismic
from .sparse.inverted import Inverted
from .token_lists.token_lists import TokenLists


def warmup() -> None:
    """Compile all kernels, or load those that were compiled before, and measure what they take."""
    if not load_known():
        _use_all()
        keep_known()
    measure_once()


def _use_all() -> None:
    n, dim = SMALLEST_GRAPH, 8
    matrix = np.eye(n, dim, dtype=np.float32) + 1
    padded, norms = pad(matrix, Element.FLOAT32, dim), inverse_norms(matrix)
    dense = DenseRows(padded, dim, Element.FLOAT32, norms, Metric.COSINE)
    open_scan(dense).search(dense[:1], 1)
    rescore(dense, np.zeros((1, 1), np.uint32), dense[:1], 1)
    _walk(dense)
    offsets = np.array([0, 1])
    # A term so high that terms are looked up in a table.
    sparse = SparseRows(offsets, np.full(1, 1 << 30, np.uint32), np.ones(1, np.float32))
    scan = open_scan(sparse)
    scan.search(sparse, 1)
    scan.search(sparse[np.zeros(MANY, np.int64)], 1)
    scan.score(sparse, np.zeros(1, np.uint32))
    specs: tuple[IndexSpec, ...] = (Inverted(), Seismic())
    for spec in specs:
        index = spec.open(spec.build(sparse, BuildJob()), sparse)
        index.search(sparse, 1, index.effort(1, 1.0, None, 1.0))
    multi = MultiRows(offsets, np.ones((1, dim), np.float32))
    multi_scan = open_scan(multi)
    multi_scan.search(multi, 1)
    multi_scan.score(multi, np.zeros(1, np.uint32))
    _lists()
    _bitsets()


def _bitsets() -> None:
    rows, ends, codes = np.zeros(1, np.uint32), np.ones(1, np.int64), np.zeros(1, np.uint8)
    words = bits.of_serialized(BitMap([0, 2]).serialize(), 3)
    assert words is not None
    bits.add_slices(words, 3, rows, ends - 1, ends)
    bits.of_codes(codes, 0, 1)
    bits.places_of_texts(codes, ends, codes, ends)
    _ = RowSet.from_words(words, 3).rows


def _lists() -> None:
    """Search lists of vectors and of tokens, and encodings of tokens: as few as are not scanned instead."""
    from .clustering.pooling import pool_tokens
    from .ivf.build import SMALLEST

    matrix = np.random.default_rng(0).standard_normal((SMALLEST, 8)).astype(np.float32)
    dense = DenseRows(pad(matrix, Element.FLOAT32, 8), 8, Element.FLOAT32, NO_NORMS, Metric.DOT)
    multi = MultiRows(np.arange(SMALLEST + 1), matrix)
    pool_tokens(matrix[:4], 2)
    lists = Ivf(n_lists=4, codec=RaBitQ())
    opened = lists.open(lists.build(dense, BuildJob()), dense)
    opened.search(matrix[:1], 1, opened.effort(1, 1.0, None, 1.0))
    specs: tuple[IndexSpec, ...] = (TokenLists(n_lists=4), Muvera(repetitions=1))
    for spec in specs:
        index = spec.open(spec.build(multi, BuildJob()), multi)
        index.search(multi[:1], 1, index.effort(1, 1.0, None, 1.0))


def _walk(rows: DenseRows) -> None:
    from .cells.build import build_cells
    from .codecs.product import Product
    from .codecs.scalar import Scalar
    from .exact.coded import CodedIndex, CodedKnobs
    from .graph.growth.growing import grow
    from .graph.index import HnswIndex
    from .graph.knobs import HnswKnobs
    from .protocol import Effort

    codec = Scalar().train(rows, BuildJob())
    arrays: dict[str, NDArray[Any]] = codec.arrays() | codec.encode(rows).arrays()
    nodes = np.arange(len(rows), dtype=np.uint32)
    grown = grow(rows, nodes, 2, 8, BuildJob(threads=1))
    lost = Previous(grown, np.where(nodes == 0, np.uint32(NO_ROW), nodes))
    arrays |= grow(rows, nodes, 2, 8, BuildJob(threads=1, previous=(lost,)))
    arrays |= build_cells(rows, BuildJob())
    graph = HnswIndex(arrays, rows, Scalar())
    for knobs in (HnswKnobs(1, 1), HnswKnobs(0, 1, cells=1)):
        graph.search(rows[:1], 1, Effort(knobs, None, 0.0, ""))
    products = (Product(1, 8, "opq", loss) for loss in ("error", "length"))
    learnt: tuple[CodecSpec, ...] = (RaBitQ(), *products)
    for spec in learnt:
        spec.train(rows, BuildJob()).encode(rows)
    codes = codec.arrays() | codec.encode(rows).arrays()
    CodedIndex(codes, rows, Scalar()).search(rows[:1], 1, Effort(CodedKnobs(1), None, 0.0, ""))
