"""Raw memory in kernels: views of addresses, prefetching.

Kernels take addresses so that they have one signature whatever flags an array carries. A view restores the
length, which gives ``NUMBA_BOUNDSCHECK=1`` something to check.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import carray, types
from numba.core import cgutils
from numba.extending import intrinsic

from .kernel import inner
from .vectors import BYTE, I32

LINE = 64


@intrinsic
def pointer(typingctx: Any, address: Any) -> Any:
    """Turn an address into a pointer that ``carray`` takes."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], BYTE.as_pointer())

    return types.voidptr(types.uint64), emit


@intrinsic
def prefetch(typingctx: Any, address: Any) -> Any:
    """Ask for the cache line at ``address``; harmless for any address."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        line = builder.inttoptr(args[0], BYTE.as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [BYTE.as_pointer(), I32, I32, I32])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        read, keep, data = (ir.Constant(I32, value) for value in (0, 3, 1))
        builder.call(function, [line, read, keep, data])
        return context.get_dummy_value()

    return types.void(types.uint64), emit


@inner
def prefetch_lines(address, lines):
    for line in range(lines):
        prefetch(address + np.uint64(line * LINE))


@inner
def view_u8(address, count):
    return carray(pointer(address), (count,), np.uint8)


@inner
def view_i8(address, count):
    return carray(pointer(address), (count,), np.int8)


@inner
def view_u32(address, count):
    return carray(pointer(address), (count,), np.uint32)


@inner
def view_i64(address, count):
    return carray(pointer(address), (count,), np.int64)


@inner
def view_u64(address, count):
    return carray(pointer(address), (count,), np.uint64)


@inner
def view_f32(address, count):
    return carray(pointer(address), (count,), np.float32)
