"""Seeded artificial tokens with topics: `tokens-ROWSxTOKENSxDIM`.

A token is its word, the context of its text and noise of its own, at unit length. Words have a topic each,
and contexts lie near one or two topics; about half of a text's words are of its topics, the others are
drawn from all, where few are frequent. A query has 32 tokens, as ColBERT's: a dozen words of its own text,
and further tokens that its context fills up, each near one of the words. No query has a document of its own:
what answers it shares its topics and some of its words.

Beside real tokens of glosses (WordNet, 12,000 of 20 tokens), at 50,000 of 32: for a token of a query the
scores at ranks 1, 10, 100 and 1,000 are 0.61, 0.57, 0.42 and 0.33, there 0.61, 0.51, 0.43 and 0.33, of any
document 0.19 with a deviation of 0.065, there 0.23 and 0.066; two tokens of a document have a cosine of 0.43,
there 0.41, and 8 and 32 of the dimensions hold 24 and 54 % of the squares, there 22 and 49 %.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from ....engine.progress import Progress, silent
from ..dataset import DatasetError, Floats
from ..made_once import made_once

PREFIX = "tokens-"
PATTERN = re.compile(rf"{PREFIX}(?P<rows>\d+)x(?P<tokens>\d+)x(?P<dim>\d+)")
TOPICS, WORDS = 1_500, 20_000
QUERIES, QUERY_TOKENS, QUERY_WORDS = 400, 32, 12
SEED = 20
# Rows made together from a seed of their own, so that more rows begin with the same ones.
CHUNK = 1_000

# How fast the shares of dimensions fall, as those of trained tokens do.
_DECAY = 0.3
_TOPIC_OF_WORD, _SECOND_TOPIC, _OWN_CONTEXT = 0.6, 0.6, 0.7
_WORDS_OF_TOPICS, _OF_SECOND_TOPIC = 0.55, 0.3
_CONTEXT, _NOISE = 0.8, 0.6
_FILLED_WORD, _FILLED_NOISE = 0.5, 0.42
_TOPIC_EXPONENT, _WORD_EXPONENT = -0.5, -0.9


class _World(NamedTuple):
    """What all texts are made from."""

    scale: Floats
    topics: Floats
    words: Floats
    by_topic: NDArray[np.int64]
    starts: NDArray[np.int64]
    popular_topics: NDArray[np.float64]
    popular_words: NDArray[np.float64]


def made_tokens(spec: str, folder: Path, step: Progress = silent) -> Path:
    """Return the folder below `folder` with the arrays that `spec` names, which are made if there is none.

    The first rows of a larger set are those of a smaller one.

    Parameters
    ----------
    spec : str
        `tokens-ROWSxTOKENSxDIM`.
    folder : Path
        Where the arrays are kept: two bytes a dimension and four a token.
    step : callable, optional
        Told the finished share.
    """
    match = PATTERN.fullmatch(spec)
    if match is None or not all(map(int, match.groups())):
        raise DatasetError(f"{spec!r}; expected {PREFIX}ROWSxTOKENSxDIM, each 1 at least")
    rows, tokens, dim = map(int, match.groups())
    return made_once(spec, folder, __file__, lambda within: _write(within, rows, tokens, dim, step))


def generated_texts(rng: np.random.Generator, rows: int, tokens: int, words: int, dim: int) -> Floats:
    """Return texts of as many tokens, the first of which are words: (rows, tokens, dim)."""
    world, made = _world(dim), range(0, rows, CHUNK)
    return np.concatenate([_texts(world, rng, tokens, words)[0] for _ in made])[:rows]


def _write(folder: Path, rows: int, tokens: int, dim: int, step: Progress) -> None:
    world = _world(dim)
    vectors = open_memmap(folder / "tokens.npy", "w+", np.float16, (rows * tokens, dim))
    kinds = np.empty((rows, tokens), np.uint32)
    for start in range(0, rows, CHUNK):
        stop = min(start + CHUNK, rows)
        made, words = _texts(world, np.random.default_rng((SEED, 0, start)), tokens, tokens)
        vectors[start * tokens : stop * tokens] = made[: stop - start].reshape(-1, dim)
        kinds[start:stop] = words[: stop - start]
        step("generate", stop / rows)
    vectors.flush()
    asked, _ = _texts(world, np.random.default_rng((SEED, 1)), QUERY_TOKENS, QUERY_WORDS)
    np.save(folder / "token_ids.npy", kinds.ravel())
    np.save(folder / "tokens_offsets.npy", np.arange(0, rows * tokens + 1, tokens, dtype=np.int64))
    np.save(folder / "queries_tokens.npy", asked[:QUERIES].reshape(-1, dim))
    offsets = np.arange(0, QUERIES * QUERY_TOKENS + 1, QUERY_TOKENS, dtype=np.int64)
    np.save(folder / "queries_tokens_offsets.npy", offsets)


def _world(dim: int) -> _World:
    rng = np.random.default_rng((SEED, 2))
    scale = (np.arange(1, dim + 1) ** -_DECAY).astype(np.float32)
    topics = _normal(rng, scale, TOPICS)
    home = rng.integers(0, TOPICS, WORDS)
    words = _unit(_TOPIC_OF_WORD * topics[home] + _normal(rng, scale, WORDS))
    by_topic = np.argsort(home, kind="stable")
    starts = np.searchsorted(home[by_topic], np.arange(TOPICS + 1))
    popular = (_shares(TOPICS, _TOPIC_EXPONENT), _shares(WORDS, _WORD_EXPONENT))
    return _World(scale, topics, words, by_topic, starts, *popular)


def _texts(
    world: _World, rng: np.random.Generator, tokens: int, written: int
) -> tuple[Floats, NDArray[np.int64]]:
    """Make texts of as many tokens, the first of which are words: (texts, tokens, dim) and their words."""
    size = (CHUNK, tokens)
    first, second = (_drawn(rng, world.popular_topics, CHUNK) for _ in range(2))
    context = _normal(rng, world.scale, CHUNK) * _OWN_CONTEXT
    context = _unit(context + world.topics[first] + _SECOND_TOPIC * world.topics[second])
    topic = np.where(rng.random(size) < _OF_SECOND_TOPIC, second[:, None], first[:, None])
    # A topic's first words are its frequent ones.
    known = world.starts[topic + 1] - world.starts[topic]
    within = np.minimum(world.starts[topic] + (rng.random(size) ** 2 * known).astype(np.int64), WORDS - 1)
    words = np.where(
        (rng.random(size) < _WORDS_OF_TOPICS) & (known > 0),
        world.by_topic[within],
        _drawn(rng, world.popular_words, size),
    )
    repeated = rng.integers(0, written, size)
    place = np.arange(tokens)
    filled = place >= written
    words = np.take_along_axis(words, np.where(filled, repeated, place), axis=1)
    by_word = np.where(filled, _FILLED_WORD, 1.0).astype(np.float32)[:, None]
    by_noise = np.where(filled, _FILLED_NOISE, _NOISE).astype(np.float32)[:, None]
    made = _normal(rng, world.scale, *size) * by_noise
    made += _CONTEXT * context[:, None] + by_word * world.words[words]
    return _unit(made), words


def _normal(rng: np.random.Generator, scale: Floats, *shape: int) -> Floats:
    """Vectors in all directions, of which some dimensions have more, at unit length."""
    return _unit(rng.standard_normal((*shape, len(scale)), np.float32) * scale)


def _unit(vectors: Floats) -> Floats:
    lengths = np.sqrt(np.einsum("...i,...i->...", vectors, vectors))
    unit: Floats = np.divide(vectors, lengths[..., None], dtype=np.float32)
    return unit


def _shares(count: int, exponent: float) -> NDArray[np.float64]:
    """Cumulative shares of things of which the r-th has r ** exponent."""
    shares = np.cumsum(np.arange(1, count + 1) ** exponent)
    cumulative: NDArray[np.float64] = shares / shares[-1]
    return cumulative


def _drawn(rng: np.random.Generator, shares: NDArray[np.float64], size: Any) -> NDArray[np.int64]:
    drawn: NDArray[np.int64] = np.searchsorted(shares, rng.random(size), side="right")
    return drawn
