"""Raw memory in kernels: views of addresses, prefetching.

Kernels take addresses so that they have one signature whatever flags an array carries. A view restores the
length, which gives ``NUMBA_BOUNDSCHECK=1`` something to check.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array
from numba.np.numpy_support import from_dtype

from .kernel import inner
from .vectors import emit_prefetch

LINE = 64


@intrinsic
def prefetch(typingctx: Any, address: Any) -> Any:
    """Ask for the cache line at ``address``; harmless for any address."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        emit_prefetch(builder, args[0])
        return context.get_dummy_value()

    return types.void(types.uint64), emit


@inner
def hold(array):
    """Keep an array of the kernel's own until here, for those who have its address.

    A kernel lets go of an array as soon as nothing names it any more, whatever was made of its address.
    """
    return array.size


@inner
def prefetch_lines(address, lines):
    for line in range(lines):
        prefetch(address + np.uint64(line * LINE))


def _view_of(dtype: type[np.generic]) -> Any:
    """Return an intrinsic that makes an array of an address; one that used carray would be compiled."""
    array = types.Array(from_dtype(np.dtype(dtype)), 1, "C")

    @intrinsic
    def view(typingctx: Any, address: Any, count: Any) -> Any:
        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            start, length = args
            made = context.make_array(array)(context, builder)
            size = context.get_constant(types.intp, np.dtype(dtype).itemsize)
            data = builder.inttoptr(start, made.data.type)
            populate_array(made, data=data, shape=[length], strides=[size], itemsize=size, meminfo=None)
            return made._getvalue()

        return array(types.uint64, types.intp), emit

    return view


def record_at(dtype: np.dtype[Any]) -> Any:
    """Return an intrinsic that reads an address as one record."""
    record = from_dtype(dtype)

    @intrinsic
    def view(typingctx: Any, address: Any) -> Any:
        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.inttoptr(args[0], context.get_value_type(record))

        return record(types.uint64), emit

    return view


view_u8 = _view_of(np.uint8)
view_i8 = _view_of(np.int8)
view_i16 = _view_of(np.int16)
view_u16 = _view_of(np.uint16)
view_i32 = _view_of(np.int32)
view_u32 = _view_of(np.uint32)
view_i64 = _view_of(np.int64)
view_u64 = _view_of(np.uint64)
view_f32 = _view_of(np.float32)
view_f64 = _view_of(np.float64)
