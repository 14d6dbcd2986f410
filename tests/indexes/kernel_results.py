"""Runs every kernel on fixed inputs and prints a digest of all results; started by ``test_kernels.py``.

Usage: ``python kernel_results.py NAME...`` checks that the named instruction forms are the ones in use.
"""

from __future__ import annotations

import hashlib
import sys
from typing import Any

import numpy as np
from pyroaring import BitMap

from vicinal.indexes.cells.build import build_cells
from vicinal.indexes.codecs.bits import Bits
from vicinal.indexes.codecs.floats import BFloat16, Float8, Float16
from vicinal.indexes.codecs.product import Product
from vicinal.indexes.codecs.protocol import CodecSpec
from vicinal.indexes.codecs.rabitq import RaBitQ
from vicinal.indexes.codecs.scalar import Scalar
from vicinal.indexes.codecs.signs import Sign
from vicinal.indexes.exact.coded import CodedKnobs
from vicinal.indexes.exact.flat import Flat
from vicinal.indexes.exact.rescoring import rescore
from vicinal.indexes.exact.scan import open_scan
from vicinal.indexes.graph.growth.growing import grow
from vicinal.indexes.graph.index import HnswIndex
from vicinal.indexes.graph.knobs import HnswKnobs
from vicinal.indexes.ivf.ivf import Ivf
from vicinal.indexes.ivf.knobs import IvfKnobs
from vicinal.indexes.muvera.encoding import Encoder, Encoding
from vicinal.indexes.protocol import BuildJob, Effort, Scope
from vicinal.indexes.rows import bits
from vicinal.indexes.rows.dense import NO_NORMS, DenseRows, inverse_norms, pad
from vicinal.indexes.rows.element import Element
from vicinal.indexes.rows.metric import Metric
from vicinal.indexes.rows.multi import MultiRows, encoded
from vicinal.indexes.rows.neighbors import Neighbors
from vicinal.indexes.rows.row_set import RowSet
from vicinal.indexes.rows.sparse import SparseRows
from vicinal.testing.nearnesses import nearnesses
from vicinal.testing.random_rows import coded

N = 700
CODECS: tuple[CodecSpec, ...] = (
    Float16(),
    BFloat16(),
    Float8(),
    Sign(),
    Product(5, 8, None),
    Product(7, 4, None),
    RaBitQ(1),
    RaBitQ(7),
    RaBitQ(8),
    Scalar(4, per_vector=True),
    Scalar(8, per_vector=True),
)
SCOPES = Scope(), Scope(RowSet.from_bitmap(BitMap(range(3, N, 3)), N))
LISTS = (
    Ivf(30),
    Ivf(30, RaBitQ(1)),
    Ivf(30, RaBitQ(1), spill=True),
    Ivf(30, Product(5, 8, None)),
    Ivf(30, RaBitQ(4), residual=False),
    Ivf(30, Product(7, 4, None)),
    Ivf(30, Scalar(8)),
)
results: list[tuple[str, Neighbors]] = []


def matrix_of(element: Element, dim: int, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """Return values that also hold tiny halves, which a conversion may flush to zero."""
    values = rng.standard_normal((N, dim))
    if element is Element.BINARY:
        return np.packbits(values > 0, axis=1)
    if element is Element.INT8:
        return np.clip(values * 40, -128, 127).astype(np.int8)
    values[:, 0] *= 1e-7
    return values.astype(element.dtype)


def graph_arrays(rows: DenseRows, rng: np.random.Generator, spec: CodecSpec) -> dict[str, Any]:
    """Return a random graph with unused places, and codes."""
    links = rng.integers(0, N, (N, 16)).astype(np.uint32)
    links[:, 11:] = 2**32 - 1
    arrays: dict[str, Any] = {"links": links, "entries": np.arange(0, N, 13, dtype=np.uint32)}
    if rows.metric is not Metric.HAMMING:
        codec = spec.train(rows, BuildJob())
        arrays |= codec.arrays() | codec.encode(rows).arrays()
    return arrays


def run_dense() -> None:
    """Search exactly and by a walk, with and without a filter."""
    for element in Element:
        binary = element is Element.BINARY
        for metric in [Metric.HAMMING] if binary else [Metric.COSINE, Metric.DOT, Metric.L2]:
            for dim in (24, 200):
                rng = np.random.default_rng(dim)
                matrix = matrix_of(element, dim, rng)
                norms = inverse_norms(matrix) if metric is Metric.COSINE else NO_NORMS
                vectors = DenseRows(pad(matrix, element, dim), dim, element, norms, metric)
                queries = matrix[:40] if binary else rng.standard_normal((40, dim)).astype(np.float32)
                name = f"{element} {metric} {dim}"
                spec: CodecSpec = Bits() if binary else Scalar()
                index = HnswIndex(graph_arrays(vectors, rng, spec), vectors, spec)
                for scope in SCOPES:
                    results.append((f"scan {name}", open_scan(vectors).search(queries, 9, scope)))
                    for ef in (5, 40, 300):
                        effort = Effort(HnswKnobs(ef, min(ef, 20)), None, 0.0, "")
                        found = index.search(queries, 5, effort, scope)
                        results.append((f"walk {name} {ef}", found))
                    going_on = HnswKnobs(12, 12, spread=1.4, goal=1.5, least=1.1, far_goal=1.6, widest=100)
                    found = index.search(queries, 5, Effort(going_on, None, 0.0, ""), scope)
                    results.append((f"walk on {name}", found))
                nodes = np.arange(0, N, 2, dtype=np.uint32)
                grown = grow(vectors, nodes, 4, 30, BuildJob(threads=2))["links"]
                results.append((f"grown {name}", Neighbors(grown, np.zeros(1, np.float32))))
                candidates = rng.permutation(N).astype(np.uint32)[:600].reshape(40, 15)
                candidates[::3, 4:9] = 2**32 - 1
                results.append((f"rescoring {name}", rescore(vectors, candidates, queries, 6)))


def floats_of(metric: Metric, dim: int) -> DenseRows:
    matrix = matrix_of(Element.FLOAT32, dim, np.random.default_rng(dim))
    norms = inverse_norms(matrix) if metric is Metric.COSINE else NO_NORMS
    return DenseRows(pad(matrix, Element.FLOAT32, dim), dim, Element.FLOAT32, norms, metric)


def run_codes() -> None:
    """Estimate every row by its code, walk a graph of codes, search its cells, and scan codes."""
    walk, scan = Effort(HnswKnobs(40, 20), None, 0.0, ""), Effort(CodedKnobs(20), None, 0.0, "")
    cells = Effort(HnswKnobs(0, 20, cells=9, patience=0.5), None, 0.0, "")
    for spec in CODECS:
        for metric in (Metric.COSINE, Metric.L2):
            for dim in (24, 200):
                rng, vectors = np.random.default_rng([dim, 1]), floats_of(metric, dim)
                queries = rng.standard_normal((10, dim)).astype(np.float32)
                codec = spec.train(vectors, BuildJob())
                coded = codec.encode(vectors)
                name = f"{spec} {metric} {dim}"
                results.append((f"codes {name}", Neighbors(coded.codes, nearnesses(codec, coded, queries))))
                arrays = graph_arrays(vectors, rng, spec) | build_cells(vectors, BuildJob())
                graph = HnswIndex(arrays, vectors, spec)
                results.append((f"walk {name}", graph.search(queries, 5, walk)))
                flat = Flat(spec).open(codec.arrays() | coded.arrays(), vectors)
                for scope in SCOPES:
                    results.append((f"scan {name}", flat.search(queries, 5, scan, scope)))
                    results.append((f"cells {name}", graph.search(queries, 5, cells, scope)))


def run_lists() -> None:
    """Build inverted lists of every layout and search them, with and without a filter."""
    told, going_on = IvfKnobs(9, 20), IvfKnobs(3, 12, 10, 1.5, 1.5, 20, 60)
    efforts = [Effort(knobs, None, 0.0, "") for knobs in (told, going_on)]
    for place, spec in enumerate(LISTS):
        metric = (Metric.COSINE, Metric.L2)[place % 2]
        vectors = floats_of(metric, 72)
        queries = np.random.default_rng(1).standard_normal((10, 72)).astype(np.float32)
        arrays = spec.build(vectors, BuildJob(1, 1))
        for key, array in arrays.items():
            results.append((f"{key} of {spec} {metric}", Neighbors(array, NO_NORMS)))
        index = spec.open(arrays, vectors)
        for scope in SCOPES:
            for effort in efforts:
                results.append((f"lists {spec} {metric}", index.search(queries, 5, effort, scope)))


def run_ragged() -> None:
    """Search sparse vectors and multi-vectors."""
    rng = np.random.default_rng(5)
    indptr = np.arange(0, 10 * N + 1, 10)
    terms, weights = rng.integers(0, 99, 10 * N).astype(np.uint32), rng.random(10 * N).astype(np.float32)
    csr = SparseRows(indptr, terms, weights)
    results.append(("sparse", open_scan(csr).search(csr, 5)))
    offsets = np.concatenate([[0], np.cumsum(rng.integers(0, 30, 200))])
    asked_offsets = np.array([0, 3, 20, 53])
    for width in (13, 128):
        floats = rng.standard_normal((int(offsets[-1]), width)).astype(np.float32)
        asked = MultiRows(asked_offsets, rng.standard_normal((53, width)).astype(np.float32))
        for element in Element:
            tokens, scales = encoded(floats, element)
            for metric in (Metric.COSINE, Metric.DOT, Metric.L2):
                rows = MultiRows(offsets, tokens, metric, scales, width)
                results.append((f"maxsim {element} {metric} {width}", open_scan(rows).search(asked, 50)))
        for metric in (Metric.COSINE, Metric.DOT, Metric.L2):
            rows = coded(MultiRows(offsets, floats, metric), 5, turn=width == 13)
            results.append((f"maxsim coded {metric} {width}", open_scan(rows).search(asked, 50)))


def run_encodings() -> None:
    """Encode rows and queries of multi-vectors."""
    rng = np.random.default_rng(6)
    offsets = np.cumsum(rng.integers(0, 40, 80))
    offsets[0] = 0
    tokens = MultiRows(offsets, rng.standard_normal((int(offsets[-1]), 33)).astype(np.float32))
    for encoding in (Encoding(4, 7, 5, True, None, 1), Encoding(3, 64, 2, False, 50, 2)):
        made = Encoder(encoding, 33, Encoder.draw(encoding, 33))
        for name, found in (("rows", made.of_rows(tokens)), ("queries", made.of_queries(tokens))):
            results.append((f"encoded {name} {encoding}", Neighbors(offsets[:-1].astype(np.uint32), found)))


def run_bitsets() -> None:
    """Make bitsets of stored sets, of lists and of codes, and list their rows."""
    rng = np.random.default_rng(7)
    n = 150_001
    listed = rng.permutation(n).astype(np.uint32)
    starts = np.arange(0, n - 500, 1000)
    for share in (0.001, 0.3, 1.0):
        stored = BitMap(np.flatnonzero(rng.random(n) < share))
        stored.run_optimize()
        words = bits.of_serialized(stored.serialize(), n)
        assert words is not None
        words |= bits.of_codes(rng.integers(0, 256, n).astype(np.uint8), 250, 253)
        assert bits.add_slices(words, n, listed, starts, starts + 7)
        rows = RowSet.from_words(words, n).rows
        results.append((f"bitset {share}", Neighbors(rows, np.array(bits.extent(words), np.float32))))
    texts = [b"a", b"ab", b"b", b"x" * 99]
    joined, ends = np.frombuffer(b"".join(texts), np.uint8), np.cumsum(list(map(len, texts)), dtype=np.int64)
    found = bits.places_of_texts(joined, ends, joined, ends)
    assert found is not None
    results.append(("texts found", Neighbors(found.astype(np.uint32), NO_NORMS)))


def main() -> None:
    """Check the forms, run everything, print one digest a result."""
    from vicinal.indexes.kernels import target

    forms = {
        "vnni": target.HAS_VNNI,
        "avx2": target.HAS_AVX2,
        "half": target.HAS_HALF_CONVERSION,
    }
    expected = set(sys.argv[1:])
    if {name for name, on in forms.items() if on} != expected:
        raise SystemExit(f"forms in use are {forms}; expected {sorted(expected)}")
    run_dense()
    run_codes()
    run_lists()
    run_ragged()
    run_encodings()
    run_bitsets()
    for name, found in results:
        digest = hashlib.sha256(found.rows.tobytes() + found.scores.tobytes()).hexdigest()
        print(name, digest[:16], found.stats)


if __name__ == "__main__":
    main()
