"""The record by which kernels know codes, whichever index holds them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..rows.addresses import address


def codes_record(
    form: int,
    codes: NDArray[np.uint8],
    bias: NDArray[np.float32],
    mean: NDArray[np.float32] | None = None,
    scale: float = 0.0,
) -> NDArray[Any]:
    """Describe codes: ``form`` is the number that kernels switch on, their bits a dimension."""
    from ..kernels.codes import CODES

    record = np.zeros(1, CODES)
    record["codes"], record["row_bytes"], record["form"] = address(codes), codes.shape[1], form
    record["bias"], record["mean"], record["scale"] = address(bias), address(mean), scale
    return record
