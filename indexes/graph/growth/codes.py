"""What a graph is grown on: codes of rows that say how far any two of them are from each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...codecs.bits import Bits
from ...codecs.protocol import Coded
from ...codecs.record import codes_record
from ...codecs.scalar import Scalar, ScalarCodec
from ...protocol import BuildJob
from ...rows.dense import NO_NORMS, DenseRows
from ...rows.metric import Metric

_BITS = 8
# A bias must leave room in 31 bits for the product that it is added to.
_LARGEST_BIAS = 1 << 29


@dataclass(frozen=True)
class GrowthCodes:
    """Codes of rows under which a distance is the same from either side.

    Bits are their own. Of numbers they are steps of 8 bits around the mean ``m``, ``x = m + r``: half the
    squared length of ``r - r'`` for l2, and for the cosine, whose rows have unit length; for dot products
    ``-<r, r'> - <m, r> - <m, r'>``, which lacks only what is the same for all rows.

    Parameters
    ----------
    coded
        The codes, and for numbers the bias of each row.
    record
        What kernels know them by.
    steps
        Steps of a unit, as the biases have it.
    """

    coded: Coded
    record: NDArray[Any]
    steps: float


def growth_codes(rows: DenseRows, threads: int) -> GrowthCodes:
    """Return the codes on which a graph of ``rows`` is grown."""
    if rows.metric is Metric.HAMMING:
        coded = Coded(rows.rows, NO_NORMS, NO_NORMS)
        return GrowthCodes(coded, Bits().train(rows, BuildJob()).record(coded), 1.0)
    learnt = Scalar(_BITS).train(rows, BuildJob())
    mean, scale = learnt.mean, learnt.scale
    if rows.metric is Metric.DOT:
        coded = learnt.encode(rows, threads=threads)
        coded = Coded(coded.codes, _products_with_mean(learnt, coded), NO_NORMS)
    else:
        coded = ScalarCodec(_BITS, mean, scale, Metric.L2).encode(rows, threads=threads)
    from ...kernels.codes import SCALAR8

    record = codes_record(
        SCALAR8, coded, dim=rows.dim, given_bytes=4 * rows.dim, mean=mean, centred=True, scale=float(scale)
    )
    return GrowthCodes(coded, record, float(scale))


def _products_with_mean(codec: ScalarCodec, coded: Coded) -> NDArray[np.float32]:
    """Return ``-<m, r>`` of each row in steps times units, within what kernels can add."""
    bias = np.empty(len(coded), np.float32)
    most = np.float32(_LARGEST_BIAS) / codec.scale
    step = 1 << 12
    for start in range(0, len(coded), step):
        codes = coded.codes[start : start + step, : len(codec.mean)].astype(np.float32)
        bias[start : start + step] = -((codes - np.float32(128)) @ codec.mean)
    return np.clip(bias, -most, most)
