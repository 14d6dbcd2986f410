"""The graph that a search walks: built by hnswlib, taken over into plain arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..protocol import BuildJob
from ..rows.dense import DenseRows, aligned
from ..rows.metric import Metric

NO_LINK = 0xFFFFFFFF
_SPACES = {Metric.COSINE: "ip", Metric.DOT: "ip", Metric.L2: "l2", Metric.HAMMING: "l2"}
_CHUNK_ROWS = 2048
_LINKS_PER_LINE = 16


def build_links(stored: DenseRows, m: int, ef_construction: int, job: BuildJob) -> NDArray[np.uint32]:
    """Return the neighbours of every row, ``(n, degree)``, unused places ``NO_LINK`` behind the used ones."""
    import hnswlib

    n = len(stored)
    index = hnswlib.Index(_SPACES[stored.metric], stored.dim)
    index.init_index(n, M=m, ef_construction=ef_construction, random_seed=job.seed + 1)
    # Rows may be sorted by meaning; a graph grown cluster by cluster lacks the long links between clusters.
    order = np.random.default_rng(job.seed).permutation(n)
    for start in range(0, n, _CHUNK_ROWS):
        chunk = order[start : start + _CHUNK_ROWS]
        index.add_items(_floats(stored, chunk), chunk, num_threads=job.threads or -1)
        job.progress(min(1.0, (start + _CHUNK_ROWS) / n))
    state = index.__getstate__()[0]
    del index
    return _take_over(state, n, 2 * m)


def _floats(stored: DenseRows, rows: NDArray[Any]) -> NDArray[np.float32]:
    if stored.metric is Metric.HAMMING:
        # Over zeros and ones the squared Euclidean distance counts differing bits.
        return np.unpackbits(stored.matrix[rows], axis=1, count=stored.dim).astype(np.float32)
    return stored.floats(rows)


def _take_over(state: dict[str, Any], n: int, most: int) -> NDArray[np.uint32]:
    """Read the bottom layer out of hnswlib's pickled state, renumbered from insertion order to rows."""
    size, label_at = int(state["size_data_per_element"]), int(state["label_offset"])
    raw = np.asarray(state["data_level0"]).view(np.uint8)
    if len(raw) < n * size or label_at + 8 > size or 4 + 4 * most > size:
        raise RuntimeError(
            f"hnswlib's state has {len(raw)} bytes in elements of {size}; expected at least {n} of "
            f"{4 + 4 * most + 8}: this version of hnswlib lays its graph out differently"
        )
    elements = raw[: n * size].reshape(n, size)
    used = elements[:, :2].copy().view(np.uint16)[:, 0]
    labels = elements[:, label_at : label_at + 8].copy().view(np.uint64)[:, 0]
    inserted = elements[:, 4 : 4 + 4 * most].copy().view(np.uint32)
    is_link = np.arange(most) < used[:, None]
    if used.max(initial=0) > most or inserted[is_link].max(initial=0) >= n or labels.max(initial=0) >= n:
        raise RuntimeError("hnswlib's state names elements that do not exist: its graph is damaged")
    links = aligned((n, -(-most // _LINKS_PER_LINE) * _LINKS_PER_LINE), np.uint32)
    links[:] = NO_LINK
    renumbered = np.full(inserted.shape, NO_LINK, np.uint32)
    renumbered[is_link] = labels[inserted[is_link]]
    links[labels, :most] = renumbered
    return links


def check_links(links: NDArray[Any], n: int) -> None:
    """Refuse links of the wrong shape or to rows that do not exist."""
    if links.dtype != np.uint32 or links.ndim != 2 or len(links) != n or links.shape[1] % _LINKS_PER_LINE:
        raise ValueError(
            f"links are {links.dtype} {links.shape}; expected uint32 ({n}, a multiple of {_LINKS_PER_LINE})"
        )
    step = 1 << 12
    for start in range(0, n, step):
        # NO_LINK plus one wraps to zero.
        if int((links[start : start + step] + np.uint32(1)).max(initial=0)) > n:
            raise ValueError(f"links lead to rows beyond the last of {n}")


def choose_entries(n: int, seed: int) -> NDArray[np.uint32]:
    """Return the rows where walks may start: about the root of ``n``, spread at random."""
    count = min(n, int(min(512, max(64, n**0.5))))
    return np.sort(np.random.default_rng(seed + 1).choice(n, count, replace=False)).astype(np.uint32)
