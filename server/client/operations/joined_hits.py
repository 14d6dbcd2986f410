"""The answers to parts of one batch, as one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....engine.results.carried import Named
from ....engine.results.hit_rows import HitRows
from ....engine.results.hits import BatchHits
from ....proto.v1.search_pb2 import HitColumns
from ...wire.searching.hits import read_rows


def joined_hits(
    answers: Sequence[tuple[HitColumns, BatchHits]], with_payload: Named, with_vectors: Named
) -> BatchHits:
    """Return the hits of several answers laid end to end, each given as it came and as it was read."""
    rows = HitRows.concat([read_rows(message) for message, _ in answers])
    scores = np.concatenate([hits.scores for _, hits in answers])
    counts = np.concatenate([hits.counts for _, hits in answers])
    places = np.full(scores.shape, -1, np.int64)
    places[np.arange(scores.shape[1]) < counts[:, None]] = np.arange(len(rows))
    return BatchHits(rows, places, scores, counts, with_payload, with_vectors)
