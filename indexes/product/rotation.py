"""A rotation that makes parts of vectors easy to quantize."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .codebooks import starts_of
from .training import train_codebooks

_ROUNDS = 8
# Rows that codebooks are learnt from between two rotations.
_MOST_ROWS = 1 << 14


def fit_rotation(
    sample: NDArray[np.float32],
    m: int,
    width: int,
    seed: int,
    threads: int,
    progress: Callable[[float], None],
    rounds: int = _ROUNDS,
) -> NDArray[np.float32]:
    """Return an orthonormal float32 ``(dim, dim)`` map: ``sample @ rotation.T`` is what codebooks are for.

    Optimized product quantization (Ge, He, Ke and Sun, CVPR 2013): begun with the principal axes dealt out so
    that parts have equal products of variances (section 3.2), then codebooks and rotation are fitted in turn
    (section 3.1), the rotation as the solution of an orthogonal Procrustes problem. A few rounds on a part of
    the sample do; most of the gain is in the beginning.
    """
    dim = sample.shape[1]
    if len(sample) > _MOST_ROWS:
        drawn = np.random.default_rng([seed, _MOST_ROWS]).choice(len(sample), _MOST_ROWS, replace=False)
        sample = sample[np.sort(drawn)]
    largest = float(np.abs(sample).max(initial=0.0)) or 1.0
    rows = np.asarray(sample / np.float32(largest), np.float32)
    rotation = _principal(rows, starts_of(dim, m))
    codebooks = None
    for turn in range(rounds):
        turned = np.asarray(rows @ rotation.T, np.float32)
        codebooks = train_codebooks(
            turned, m, width, seed, threads, _silent, 2 if codebooks else 6, codebooks
        )
        decoded = codebooks.decode(codebooks.encode(turned))
        left, _, right = np.linalg.svd((decoded.T @ rows).astype(np.float64))
        rotation = np.ascontiguousarray(left @ right, np.float32)
        progress((turn + 1) / rounds)
    return rotation


def _silent(_share: float) -> None: ...


def _principal(rows: NDArray[np.float32], starts: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the principal axes, dealt out to the parts by the size of their variances."""
    values, axes = np.linalg.eigh((rows.T @ rows).astype(np.float64) / max(1, len(rows)))
    logs = np.log(np.maximum(values, 1e-12 * max(float(values.max(initial=0.0)), 1e-30)))
    room, filled = np.diff(starts), np.zeros(len(starts) - 1)
    placed: list[list[int]] = [[] for _ in room]
    # Logarithms above the least, so that what a part has grows with each axis.
    for axis in np.argsort(-logs, kind="stable"):
        open_parts = [part for part in range(len(room)) if len(placed[part]) < room[part]]
        part = min(open_parts, key=lambda one: filled[one])
        placed[part].append(int(axis))
        filled[part] += logs[axis] - logs.min() + 1e-6
    return np.ascontiguousarray(axes[:, [axis for own in placed for axis in own]].T, np.float32)
