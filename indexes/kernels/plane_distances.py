"""How many bits differ between planes of rows and planes of a query, each pair counted by its weight."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .target import LLVM_MAJOR
from .vectors import I32, I64, call, splat, store, sums_of_four, vector

_WORDS = vector(I64, 8)
_MASK = vector(ir.IntType(1), 8)


def _load_words(builder: Any, address: Any, mask: Any) -> Any:
    """Load the words that the mask names, zeros in the place of others, which are not touched."""
    place = builder.inttoptr(address, _WORDS.as_pointer())
    # LLVM 22 dropped the alignment; where it is not said, none is assumed.
    align = [] if LLVM_MAJOR >= 22 else [ir.Constant(I32, 1)]
    return call(builder, "llvm.masked.load.v8i64.p0", _WORDS, [place, *align, mask, splat(_WORDS, 0)])


def _emit(builder: Any, args: Any) -> None:
    *rows, query, words, planes, query_planes, out = args
    cells = [cgutils.alloca_once_value(builder, splat(_WORDS, 0)) for _ in rows]
    lanes = ir.Constant(_WORDS, list(range(8)))

    def spread(value: Any) -> Any:
        single = builder.insert_element(ir.Constant(_WORDS, ir.Undefined), value, ir.Constant(I32, 0))
        return builder.shuffle_vector(
            single, ir.Constant(_WORDS, ir.Undefined), ir.Constant(vector(I32, 8), [0] * 8)
        )

    def count(chunk: Any, plane: Any, query_plane: Any) -> None:
        first = builder.shl(chunk, ir.Constant(I64, 3))
        mask = builder.icmp_unsigned("<", lanes, spread(builder.sub(words, first)))

        def words_of(base: Any, number: Any) -> Any:
            at = builder.add(builder.mul(number, words), first)
            return _load_words(builder, builder.add(base, builder.shl(at, ir.Constant(I64, 3))), mask)

        q, weight = words_of(query, query_plane), spread(builder.add(plane, query_plane))
        for row, cell in zip(rows, cells, strict=True):
            differing = builder.xor(words_of(row, plane), q)
            counted = call(builder, "llvm.ctpop.v8i64", _WORDS, [differing])
            builder.store(builder.add(builder.load(cell), builder.shl(counted, weight)), cell)

    chunks = builder.lshr(builder.add(words, ir.Constant(I64, 7)), ir.Constant(I64, 3))
    with (
        cgutils.for_range(builder, planes, intp=I64) as u,
        cgutils.for_range(builder, query_planes, intp=I64) as v,
        cgutils.for_range(builder, chunks, intp=I64) as w,
    ):
        count(w.index, u.index, v.index)
    sums = sums_of_four(builder, builder.add, [builder.load(cell) for cell in cells])
    store(builder, builder.trunc(builder.neg(sums), vector(I32, 4)), out)


@intrinsic
def four_plane_products(
    typingctx: Any,
    a: Any,
    b: Any,
    c: Any,
    d: Any,
    query: Any,
    words: Any,
    planes: Any,
    query_planes: Any,
    out: Any,
) -> Any:
    """Store ``-sum(2**(u + v) * bits that differ between plane u of a row and plane v of the query)``.

    Of four rows, as four i32; a plane is ``words`` words of 64 bits.
    """

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        _emit(builder, args)
        return context.get_dummy_value()

    return types.void(*[types.uint64] * 9), emit
