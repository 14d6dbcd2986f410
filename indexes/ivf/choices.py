"""What the automatic dense index chooses from, and what a row takes in each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..clustering.n_lists import usual_lists
from ..codecs.rabitq import RaBitQ
from ..codecs.scalar import Scalar, bits_for, code_bytes
from ..graph.hnsw import Hnsw
from ..rows.dense import DenseRows
from ..rows.metric import Metric
from .ivf import Ivf

CHOICES: tuple[Hnsw | Ivf, ...] = (
    Hnsw(),
    Hnsw(codec=Scalar(bits=4)),
    Ivf(codec=RaBitQ(bits=4)),
    Ivf(codec=RaBitQ(bits=1)),
)
"""From the fastest to the smallest. Segments name theirs by its place here, so new ones go to the end."""

# Not from the kernels, which a client does not load.
_BLOCK_ROWS = 32
_GRAPH, _LISTS = frozenset({"ef", "rescore"}), frozenset({"n_probe", "rescore"})
KNOBS = _GRAPH | _LISTS


def knobs_of(spec: Hnsw | Ivf, given: Mapping[str, float]) -> Any:
    """Return what was said as the index of ``spec`` takes it, None where it was said of another."""
    graph = isinstance(spec, Hnsw)
    if ("ef" if graph else "n_probe") not in given:
        return None
    named = _GRAPH if graph else _LISTS
    return spec.knobs({name: value for name, value in given.items() if name in named})


def bytes_a_vector(spec: Hnsw | Ivf, rows: DenseRows) -> float:
    """Return the bytes of memory that a row takes in an index: codes, and links or its places in lists."""
    n, dim = max(1, len(rows)), rows.dim
    if isinstance(spec, Hnsw):
        links = -(-2 * spec.m // 16) * 64
        bias = 4 if rows.metric is Metric.L2 else 0
        bits = spec.codec.bits if isinstance(spec.codec, Scalar) else None
        return links + bias + code_bytes(dim, bits or bits_for(dim))
    assert isinstance(spec.codec, RaBitQ)
    code = -(-dim // 64) * 8 * spec.codec.bits
    # Codes of one bit lie in blocks, of which a list ends within one.
    half_empty = code * _BLOCK_ROWS / 2 if spec.codec.bits == 1 else 0
    a_list = code_bytes(dim, 8) + 12 + half_empty
    # Beside a row's code stand a factor, a bias and the row's number.
    return code + 12 + a_list * usual_lists(n) / n
