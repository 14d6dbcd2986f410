"""How the tokens of a new segment are coded: as most of them are already, or by what is learnt from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ..clustering.centroids import Centroids
from ..clustering.kmeans import kmeans
from ..protocol import BuildJob
from ..rows.metric import Metric
from ..rows.multi import MultiRows
from ..rows.offsets import chosen_offsets
from .rotation import fit_rotation
from .token_codes import WIDTH, TokenCodes
from .training import train_codebooks

LEAST_TOKENS = 1 << 14
"""Fewer are kept as they are: codebooks would take as much room as they save."""
_SAMPLE_TOKENS = 1 << 16
# More centroids bring a point of recall each time they double, in time that each search takes.
_A_CENTROID, _MOST_CENTROIDS, _ITERATIONS = 64, 1024, 12
_BLOCK_TOKENS = 1 << 14

Source = tuple[MultiRows, NDArray[np.int64]]
"""Rows, and which of them a new segment has."""


def codes_for(sources: Sequence[Source], m: int, turn: bool, job: BuildJob) -> TokenCodes | None:
    """Return what the tokens of a new segment are coded by; None where they are too few to learn from.

    The codes that most tokens have are taken over, so that merging again and again loses nothing of those.
    They are learnt where no token is coded: ``m`` parts, behind a rotation if ``turn``.
    """
    counts = [int((rows.offsets[chosen + 1] - rows.offsets[chosen]).sum()) for rows, chosen in sources]
    coded = [i for i, (rows, _) in enumerate(sources) if isinstance(rows.codes, TokenCodes)]
    if coded:
        found = sources[max(coded, key=lambda i: counts[i])][0].codes
        assert isinstance(found, TokenCodes)
        return found
    if sum(counts) < LEAST_TOKENS:
        return None
    return learnt_codes(_sample(sources, counts, job.seed), m, turn, sources[0][0].metric, job)


def learnt_codes(
    sample: NDArray[np.float32], m: int, turn: bool, metric: Metric, job: BuildJob
) -> TokenCodes:
    """Learn centroids, and codebooks of ``m`` parts for what those leave, from ``(t, dim)`` tokens."""
    count = max(1, min(len(sample) // _A_CENTROID, _MOST_CENTROIDS))
    steps = _steps(job.progress, 3)
    centroids = kmeans(sample, count, job.seed, job.threads, _ITERATIONS, progress=steps[0])
    left = sample - centroids[Centroids(centroids).nearest(sample)[0]]
    rotation = None
    if turn:
        rotation = fit_rotation(left, m, WIDTH, job.seed, job.threads, steps[1])
        centroids = np.ascontiguousarray(centroids @ rotation.T)
        left = np.ascontiguousarray(left @ rotation.T)
    books = train_codebooks(left, m, WIDTH, job.seed, job.threads, steps[2])
    return TokenCodes(centroids, books.centroids, rotation, m, metric)


def coded_rows(rows: MultiRows, codes: TokenCodes) -> MultiRows:
    """Return rows in memory coded so; those that are already are returned themselves."""
    if isinstance(rows.codes, TokenCodes) and (rows.codes is codes or rows.codes == codes):
        return rows
    coded = np.empty((rows.n_tokens, codes.token_bytes), np.uint8)
    for start in range(0, len(coded), _BLOCK_TOKENS):
        block = slice(start, start + _BLOCK_TOKENS)
        coded[block] = codes.encode(rows.floats(block))
    return MultiRows(rows.offsets, coded, rows.metric, dim=rows.dim, codes=codes)


def _sample(sources: Sequence[Source], counts: Sequence[int], seed: int) -> NDArray[np.float32]:
    """Return tokens drawn from all sources, of each by its share."""
    rng, total, parts = np.random.default_rng([seed, _SAMPLE_TOKENS]), sum(counts), []
    for (rows, chosen), count in zip(sources, counts, strict=True):
        wanted = min(count, _SAMPLE_TOKENS * count // total)
        places = np.arange(rows.n_tokens)[chosen_offsets(rows.offsets, chosen)[1]]
        parts.append(rows.floats(np.sort(rng.choice(places, wanted, replace=False))))
    return np.concatenate(parts)


def _steps(progress: Callable[[float], None], count: int) -> list[Callable[[float], None]]:
    """Return what is told the progress of each of ``count`` equal steps."""

    def step(first: int) -> Callable[[float], None]:
        return lambda share: progress((first + share) / count)

    return [step(first) for first in range(count)]
