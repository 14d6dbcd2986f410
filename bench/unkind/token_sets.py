"""Sets of rows of tokens: texts in copies, and crowds of texts beside what is asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ...indexes.rows.multi import MultiRows
from ..datasets.dataset import Floats
from ..datasets.multi.dataset import MultiDataset
from ..datasets.multi.generated import generated_texts

_TOKENS, _DIM = 16, 64
_QUERY_TOKENS, _QUERY_WORDS = 24, 12
_TOPICS = 20
# By what share of their length tokens are disturbed in texts of a topic, and in those that are nearly equal.
_TOPIC_SPREAD, _NEARLY = 0.3, 0.01

Made = Callable[[Floats, np.random.Generator], Floats]
"""Texts of a set, ``(rows, tokens, dim)``, from as many that all differ."""


def make_token_set(name: str, rows: int, queries: int, seed: int) -> MultiDataset:
    """Make one of :data:`TOKEN_SETS`, of at most so many rows; equal seeds make equal sets."""
    rng = np.random.default_rng([seed, rows, list(TOKEN_SETS).index(name)])
    texts = generated_texts(rng, rows, _TOKENS, _TOKENS, _DIM)
    asked = generated_texts(rng, queries, _QUERY_TOKENS, _QUERY_WORDS, _DIM)
    made = TOKEN_SETS[name](texts, rng)
    note = f"{name}, seed {seed}, artificial vectors"
    return MultiDataset(name, _rows(made.astype(np.float16)), _rows(asked), note=note)


def _texts(texts: Floats, rng: np.random.Generator) -> Floats:
    return texts


def _copies(texts: Floats, rng: np.random.Generator, times: int, spread: float = 0.0) -> Floats:
    chosen = rng.permutation(np.repeat(np.arange(len(texts) // times), times))
    return _disturbed(texts[chosen], spread, rng)


def _topics(texts: Floats, rng: np.random.Generator, share: float) -> Floats:
    """Most rows are a few texts, disturbed; the rest are all the texts there are besides."""
    rest = round(len(texts) * (1 - share))
    crowd = texts[rest + rng.integers(0, _TOPICS, len(texts) - rest)]
    made = np.concatenate([texts[:rest], _disturbed(crowd, _TOPIC_SPREAD, rng)])
    return made[rng.permutation(len(made))]


def _disturbed(texts: Floats, spread: float, rng: np.random.Generator) -> Floats:
    if not spread:
        return texts
    noise = rng.standard_normal(texts.shape, np.float32) * np.float32(spread / texts.shape[-1] ** 0.5)
    return texts + noise


def _rows(texts: NDArray[np.floating]) -> MultiRows:
    offsets = np.arange(len(texts) + 1, dtype=np.int64) * texts.shape[1]
    return MultiRows(offsets, np.ascontiguousarray(texts).reshape(-1, texts.shape[2]))


TOKEN_SETS: dict[str, Made] = {
    "token-texts": _texts,
    **{f"token-copies-{times}": partial(_copies, times=times) for times in (12, 100)},
    "token-nearly-12": partial(_copies, times=12, spread=_NEARLY),
    "token-topics-95": partial(_topics, share=0.95),
}
"""What makes each set."""
