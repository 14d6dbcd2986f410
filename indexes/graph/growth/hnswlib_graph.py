"""A graph that hnswlib builds, taken over into plain arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...protocol import BuildJob
from ...rows.dense import DenseRows, aligned
from ...rows.metric import Metric
from ..links import LINKS_PER_LINE, NO_LINK, count_entries

_SPACES = {Metric.COSINE: "ip", Metric.DOT: "ip", Metric.L2: "l2", Metric.HAMMING: "l2"}
_CHUNK_ROWS = 2048


def grow_by_hnswlib(
    stored: DenseRows, nodes: NDArray[np.uint32], m: int, ef_construction: int, job: BuildJob
) -> dict[str, NDArray[np.uint32]]:
    """Return links and entries as `grow` does, of the bottom layer of hnswlib's graph over the nodes.

    It copies all vectors as float32, and with several threads no two graphs are equal. Nodes that cannot be
    reached stay so.
    """
    import hnswlib

    n = len(nodes)
    index = hnswlib.Index(_SPACES[stored.metric], stored.dim)
    index.init_index(n, M=m, ef_construction=ef_construction, random_seed=job.seed + 1)
    # Rows may be sorted by meaning; a graph grown cluster by cluster lacks the long links between clusters.
    order = np.random.default_rng(job.seed).permutation(nodes)
    for start in range(0, n, _CHUNK_ROWS):
        chunk = order[start : start + _CHUNK_ROWS]
        index.add_items(_floats(stored, chunk), chunk, num_threads=job.threads or -1)
        job.progress(min(1.0, (start + _CHUNK_ROWS) / n))
    state = index.__getstate__()[0]
    del index
    entries = np.sort(order[: count_entries(n)])
    return {"links": _take_over(state, n, len(stored), 2 * m), "entries": entries}


def _floats(stored: DenseRows, rows: NDArray[Any]) -> NDArray[np.float32]:
    if stored.metric is Metric.HAMMING:
        # Over zeros and ones the squared Euclidean distance counts differing bits.
        return np.unpackbits(stored.matrix[rows], axis=1, count=stored.dim).astype(np.float32)
    return stored.floats(rows)


def _take_over(state: dict[str, Any], n: int, n_rows: int, most: int) -> NDArray[np.uint32]:
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
    if used.max(initial=0) > most or inserted[is_link].max(initial=0) >= n or labels.max(initial=0) >= n_rows:
        raise RuntimeError("hnswlib's state names elements that do not exist: its graph is damaged")
    links = aligned((n_rows, -(-most // LINKS_PER_LINE) * LINKS_PER_LINE), np.uint32)
    links[:] = NO_LINK
    renumbered = np.full(inserted.shape, NO_LINK, np.uint32)
    renumbered[is_link] = labels[inserted[is_link]]
    links[labels, :most] = renumbered
    return links
