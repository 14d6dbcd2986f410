"""Builds the arrays of encodings, of their index and of the ladder of efforts."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..protocol import BuildJob, IndexSpec
from ..rows.dense import aligned
from ..rows.element import Element
from ..rows.multi import MultiRows
from .encoding import Encoder, Encoding
from .index import INNER, EncodedIndex, encoded_rows
from .tokens import TokenSpace, first_tokens

SMALLEST = 256
"""Fewer rows are scanned faster than encodings of them are searched."""

_ENCODED, _INDEXED = 0.3, 0.8
_BLOCK_ROWS = 512
_SAMPLE_ROWS = 1024
# Share of the numbers in encodings that steps cover; what lies beyond is clipped.
_COVERED = 0.9995


def build(
    rows: MultiRows, encoding: Encoding, inner: IndexSpec, tokens: int | None, job: BuildJob
) -> dict[str, NDArray[Any]]:
    """Return the arrays of an index of the first ``tokens`` of each of ``rows``, of all for None.

    There are none for few rows, which are scanned instead.
    """
    if len(rows) < SMALLEST:
        job.progress(1.0)
        return {}
    threads = job.threads or os.cpu_count() or 1
    space = TokenSpace.of_rows(rows, tokens)
    arrays: dict[str, NDArray[Any]] = {"mean": space.mean, **Encoder.draw(encoding, rows.dim)}
    arrays |= _encodings(rows, tokens, space, Encoder(encoding, rows.dim, arrays), job.seed, threads)
    job.progress(_ENCODED)
    span = _INDEXED - _ENCODED
    indexing = replace(job, progress=lambda share: job.progress(_ENCODED + share * span))
    built = inner.build(encoded_rows(arrays, len(rows), encoding.width(rows.dim)), indexing)
    arrays |= {INNER + name: array for name, array in built.items()}
    arrays |= EncodedIndex(arrays, rows, encoding, inner, tokens).self_calibrated(job.seed, threads)
    job.progress(1.0)
    return arrays


def _encodings(
    rows: MultiRows, tokens: int | None, space: TokenSpace, encoder: Encoder, seed: int, threads: int
) -> dict[str, NDArray[Any]]:
    """Return the encodings of all rows, padded to whole cache lines."""
    n = len(rows)
    sample = np.sort(np.random.default_rng(seed).choice(n, min(n, _SAMPLE_ROWS), replace=False))
    numbers = encoder.of_rows(space.tokens(first_tokens(rows[sample], tokens)))
    # What all rows have in common adds the same to each product with a query, and takes steps of the others.
    mean = numbers.mean(axis=0)
    reach = float(np.quantile(np.abs(numbers - mean), _COVERED))
    scale = np.float32(127 / reach if 0 < reach < np.inf else 1)
    encodings: NDArray[np.int8] = aligned((n, Element.INT8.stride(encoder.width)), np.int8)

    def fill(start: int) -> None:
        block = slice(start, start + _BLOCK_ROWS)
        made = encoder.of_rows(space.tokens(first_tokens(rows[block], tokens)))
        made -= mean
        made *= scale
        encodings[block, : encoder.width] = np.clip(np.rint(made, out=made), -127, 127, out=made)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(fill, range(0, n, _BLOCK_ROWS)))
    return {"encodings": encodings}
