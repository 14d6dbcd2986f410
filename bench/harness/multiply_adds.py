"""What the machine's multiply-adds cost one thread where nothing is read from memory."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from ...indexes.kernels.token_products import LANES, fused
from ...indexes.kernels.vectors import accumulate, load, store, vector
from ...indexes.rows.addresses import address
from .timing import timed

SUMS, TURNS = 12, 100_000
PRODUCTS = SUMS * LANES * TURNS
"""How many multiply-adds of float32 :func:`multiply_add` does."""
_PASSES = 50


def _sums(typingctx: Any, values: Any, turns: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = vector(ir.FloatType(), LANES)
        x = load(builder, kind, args[0])
        zero = ir.Constant(kind, [0.0] * LANES)
        sums = accumulate(
            builder, zero, SUMS, args[1], lambda _, sums: [fused(builder, x, x, total) for total in sums]
        )
        for total in sums[1:]:
            sums[0] = builder.fadd(sums[0], total)
        store(builder, sums[0], args[0])
        return context.get_dummy_value()

    return types.void(types.uint64, types.uint64), emit


_fused_sums = intrinsic(_sums)


@njit(nogil=True)
def _spend(values, turns):  # type: ignore[no-untyped-def]
    _fused_sums(values, turns)


_VALUES = np.full(LANES, 1e-9, np.float32)


def multiply_add() -> None:
    """Multiply and add in registers alone, `PRODUCTS` times."""
    _spend(address(_VALUES), np.uint64(TURNS))


def multiply_adds_per_second() -> float:
    """Speed of multiply-adds of float32 in registers alone, the best of some passes."""
    multiply_add()
    return PRODUCTS / min(timed(multiply_add) for _ in range(_PASSES))
