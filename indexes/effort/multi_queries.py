"""Multi-vector queries made out of the rows, to measure a new index before it has seen any query."""

from __future__ import annotations

import numpy as np

from ..rows.multi import MultiRows

# Queries are shorter than documents: of a row's tokens they hold so many.
_SHARE = 1 / 2
_FEWEST, _MOST = 4, 32
FEWEST_ASKED = 8
"""What is measured on these queries promises too much of a search by fewer tokens of a query."""
# Of those so many are exchanged for any row's: nobody asks for a document in its own words.
_FOREIGN = 0.25
# With 0.15, what is promised of generated texts about topics at 0.99 would be a little too much.
# And all are disturbed by so much of their length, as the tokens of a question stand in other sentences.
_NOISE = 0.7
# Exact answers to all of them take about so long, but there are always some.
_TRUTH_SECONDS = 5.0
_FEWEST_QUERIES, _MOST_QUERIES = 32, 192


def affordable_count(seconds: float, threads: int) -> int:
    """Return how many queries a new index is measured on where the exact answer to one takes so long."""
    return int(np.clip(_TRUTH_SECONDS * threads / max(seconds, 1e-9), _FEWEST_QUERIES, _MOST_QUERIES))


def multi_pseudo_queries(rows: MultiRows, count: int, seed: int) -> MultiRows:
    """Return up to ``count`` queries, each of some tokens of a row that has any, disturbed."""
    rng = np.random.default_rng(seed + 5)
    sizes = np.diff(rows.offsets)
    filled = np.flatnonzero(sizes)
    chosen = np.sort(rng.choice(filled, min(count, len(filled)), replace=False))
    wished = np.clip(np.ceil(_SHARE * sizes[chosen]), _FEWEST, _MOST).astype(np.int64)
    asked = np.minimum(sizes[chosen], wished)
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(asked)])
    places = np.concatenate(
        [
            np.zeros(0, np.int64),
            *(
                rows.offsets[row] + np.sort(rng.choice(sizes[row], wanted, replace=False))
                for row, wanted in zip(chosen.tolist(), asked.tolist(), strict=True)
            ),
        ]
    )
    foreign = rng.random(len(places)) < _FOREIGN
    places[foreign] = rng.integers(0, rows.n_tokens, int(foreign.sum()))
    tokens = rows.floats(places)
    lengths = np.linalg.norm(tokens, axis=1, keepdims=True)
    noise = rng.standard_normal(tokens.shape, np.float32) * (_NOISE * lengths / np.sqrt(rows.dim))
    return MultiRows(offsets, np.ascontiguousarray(tokens + noise, np.float32), rows.metric)
