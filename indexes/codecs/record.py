"""The record by which kernels know codes, whichever index holds them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..rows.addresses import address
from .protocol import Coded


def codes_record(
    form: int,
    coded: Coded,
    *,
    dim: int,
    given_bytes: int,
    mean: NDArray[np.float32] | None = None,
    centred: bool = False,
    scale: float = 1.0,
    bias_unit: float = 1.0,
    mean_weight: float = 0.0,
    planes: int = 0,
    query_planes: int = 0,
) -> NDArray[Any]:
    """Describe codes; the fields are those of ``kernels.codes.CODES``."""
    from ..kernels.codes import CODES

    record = np.zeros(1, CODES)
    row_bytes = coded.codes.shape[1]
    record["codes"], record["row_bytes"], record["form"] = address(coded.codes), row_bytes, form
    # A row that is not whole lines, nor a part of one, may begin anywhere in its first.
    record["lines"] = -(-row_bytes // 64) + (64 % row_bytes != 0 and row_bytes % 64 != 0)
    record["bias"] = address(coded.bias if len(coded.bias) else None)
    record["factors"] = address(coded.factors if len(coded.factors) else None)
    record["dim"], record["given_bytes"], record["bias_unit"] = dim, given_bytes, bias_unit
    record["mean_weight"] = mean_weight
    record["planes"], record["query_planes"] = planes, query_planes
    record["mean"], record["scale"], record["centred"] = address(mean), scale, centred
    return record
