"""Products of a block of tokens with many query tokens, each of which has a lane of its own.

The query is transposed: of each four bytes of a token the same four of all query tokens lie together. So a
token is read once, four bytes of it are spread over a vector, and several tokens share what is loaded of the
query. A lane sums the dimensions in their order, floats by fused multiply-adds, so that a score has the same
bits on every CPU, however many lanes and tokens are compared together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir

from .target import HAS_AVX2, HAS_FMA, HAS_VNNI, LLVM_MAJOR
from .vectors import BYTE, I16, I32, I64, accumulate, call, load, procedure, shuffle, splat, store, vector

_FLOAT, _DOUBLE = ir.FloatType(), ir.DoubleType()

# Query tokens of a vector, and by how many vectors of them the tokens that are compared together: their sums
# stay in registers, of which there are 16, with AVX-512 32.
LANES = 16 if HAS_VNNI else 8
FLOAT_BLOCKS = {1: 8, 2: 8 if HAS_VNNI else 6}
INTEGER_BLOCKS = {1: 8, 2: 8 if HAS_VNNI else 4}


def fused(builder: Any, x: Any, y: Any, z: Any) -> Any:
    """Return ``x * y + z``, rounded once."""
    kind = x.type
    if HAS_FMA:
        return call(builder, f"llvm.fma.v{kind.count}f32", kind, [x, y, z])
    # The product is exact in double precision. Where the sum is not, its last bit is made odd towards what it
    # lacks, which makes rounding twice the same as rounding once.
    wide, bits = vector(_DOUBLE, kind.count), vector(I64, kind.count)
    p = builder.fmul(builder.fpext(x, wide), builder.fpext(y, wide))
    c = builder.fpext(z, wide)
    total = builder.fadd(p, c)
    rest = builder.fsub(total, p)
    missing = builder.fadd(builder.fsub(p, builder.fsub(total, rest)), builder.fsub(c, rest))
    zero = splat(wide, 0.0)
    raw = builder.bitcast(total, bits)
    is_even = builder.icmp_unsigned("==", builder.and_(raw, splat(bits, 1)), splat(bits, 0))
    is_lacking = builder.fcmp_ordered("!=", missing, zero)
    outwards = builder.icmp_unsigned(
        "==", builder.fcmp_ordered(">", missing, zero), builder.fcmp_ordered(">", total, zero)
    )
    odd = builder.add(raw, builder.select(outwards, splat(bits, 1), splat(bits, -1)))
    chosen = builder.select(builder.and_(is_even, is_lacking), odd, raw)
    return builder.fptrunc(builder.bitcast(chosen, wide), kind)


def add_products(builder: Any, total: Any, x: Any, q: Any) -> Any:
    """Add the products of floats."""
    return fused(builder, x, q, total)


def _add_squares(builder: Any, total: Any, x: Any, q: Any) -> Any:
    difference = builder.fsub(x, q)
    return fused(builder, difference, difference, total)


def add_integers(builder: Any, total: Any, x: Any, q: Any) -> Any:
    """Add the products of four unsigned bytes a lane of ``x`` and four signed ones of ``q``.

    Those of two neighbours add up to less than 2**15.
    """
    kind = total.type
    octets, pairs = vector(BYTE, 4 * kind.count), vector(I16, 2 * kind.count)
    if HAS_VNNI:
        operand = octets if LLVM_MAJOR >= 22 else kind
        x, q = builder.bitcast(x, operand), builder.bitcast(q, operand)
        return call(builder, "llvm.x86.avx512.vpdpbusd.512", kind, [total, x, q])
    x, q = builder.bitcast(x, octets), builder.bitcast(q, octets)
    if HAS_AVX2:
        both = call(builder, "llvm.x86.avx2.pmadd.ub.sw", pairs, [x, q])
        return builder.add(total, call(builder, "llvm.x86.avx2.pmadd.wd", kind, [both, splat(pairs, 1)]))
    for first in range(4):
        lanes = range(first, octets.count, 4)
        a = builder.zext(shuffle(builder, x, x, lanes), kind)
        b = builder.sext(shuffle(builder, q, q, lanes), kind)
        total = builder.add(total, builder.mul(a, b))
    return total


def spread(builder: Any, scalar: Any, lanes: int) -> Any:
    kind = vector(scalar.type, lanes)
    undefined = ir.Constant(kind, ir.Undefined)
    first = builder.insert_element(undefined, scalar, ir.Constant(I32, 0))
    return shuffle(builder, first, undefined, [0] * lanes)


def at_offset(builder: Any, address: Any, offset: int) -> Any:
    return builder.add(address, ir.Constant(I64, offset)) if offset else address


def places_of(builder: Any, tokens: Any, size: Any, count: Any, most: int) -> list[Any]:
    """Return where each token of a block is; the last one again in the place of those that there are not."""
    last = builder.sub(count, ir.Constant(I64, 1))
    places = []
    for i in range(most):
        number = ir.Constant(I64, i)
        nearer = builder.select(builder.icmp_unsigned("<", number, last), number, last)
        places.append(builder.add(tokens, builder.mul(nearer, size)))
    return places


def raise_best(
    builder: Any, sums: list[Any], width: int, scales: Any, best: Any, factors: list[Any], bias: list[Any]
) -> list[list[Any]]:
    """Raise the best of each lane to ``sum * scale * factor - bias`` of each token of a block.

    Factors and biases are given as addresses. Return by vector which lanes each of the tokens raised.
    """
    kind = vector(_FLOAT, sums[0].type.count)
    raised = []
    for v in range(width):
        scale, place = (
            load(builder, kind, scales, 4 * kind.count * v),
            at_offset(builder, best, 4 * kind.count * v),
        )
        highest, by = load(builder, kind, place), []
        for i, total in enumerate(sums[v::width]):
            value = total if total.type == kind else builder.sitofp(total, kind)
            factor, less = (
                spread(builder, load(builder, _FLOAT, parts[i]), kind.count) for parts in (factors, bias)
            )
            value = builder.fsub(builder.fmul(builder.fmul(value, scale), factor), less)
            by.append(builder.fcmp_ordered(">", value, highest))
            highest = builder.select(by[-1], value, highest)
        store(builder, highest, place)
        raised.append(by)
    return raised


def block_sums(
    builder: Any, places: list[Any], turns: Any, table: Any, width: int, zero: Any, add: Callable[..., Any]
) -> list[Any]:
    """Return the sums of each token of a block with each of ``width`` vectors."""

    def body(turn: Any, sums: list[Any]) -> list[Any]:
        at = builder.add(table, builder.mul(turn, ir.Constant(I64, 4 * LANES * width)))
        asked = [load(builder, zero.type, at, 4 * LANES * v) for v in range(width)]
        offset = builder.shl(turn, ir.Constant(I64, 2))
        added = []
        for i, place in enumerate(places):
            x = spread(builder, load(builder, zero.type.element, builder.add(place, offset)), LANES)
            added += [add(builder, sums[i * width + v], x, asked[v]) for v in range(width)]
        return added

    return accumulate(builder, zero, len(places) * width, turns, body)


def _compare_floats(width: int, add: Callable[..., Any]) -> Any:
    """Return a function that raises the best of ``width`` vectors of query tokens by a block of tokens.

    It is given ``tokens, size, count, turns, table, scales, best, factors, bias``.
    """
    zero = splat(vector(_FLOAT, LANES), 0.0)

    def emit(builder: Any, args: Any) -> None:
        tokens, size, count, turns, table, scales, best, *weights = args
        most, word = FLOAT_BLOCKS[width], ir.Constant(I64, 4)
        places = places_of(builder, tokens, size, count, most)
        sums = block_sums(builder, places, turns, table, width, zero, add)
        weights = [places_of(builder, part, word, count, most) for part in weights]
        raise_best(builder, sums, width, scales, best, *weights)

    return procedure(9, emit)


def _compare_integers(width: int) -> Any:
    """Return the same for bytes, which also keeps the number of the best token of each lane.

    Behind the others it is given ``shifts, numbers, first``: what is taken off the sums of each lane before
    they are scaled, where the numbers are kept, and that of the first token.
    """
    zero = splat(vector(I32, LANES), 0)

    def emit(builder: Any, args: Any) -> None:
        tokens, size, count, turns, table, scales, best, *weights, shifts, numbers, first = args
        most, word = INTEGER_BLOCKS[width], ir.Constant(I64, 4)
        places = places_of(builder, tokens, size, count, most)
        sums = block_sums(builder, places, turns, table, width, zero, add_integers)
        weights = [places_of(builder, part, word, count, most) for part in weights]
        shift = [load(builder, zero.type, shifts, 4 * LANES * v) for v in range(width)]
        sums = [builder.sub(total, shift[i % width]) for i, total in enumerate(sums)]
        number = builder.trunc(first, I32)
        for v, by in enumerate(raise_best(builder, sums, width, scales, best, *weights)):
            place = at_offset(builder, numbers, 4 * LANES * v)
            chosen = load(builder, zero.type, place)
            for i, is_raised in enumerate(by):
                mine = spread(builder, builder.add(number, ir.Constant(I32, i)), LANES)
                chosen = builder.select(is_raised, mine, chosen)
            store(builder, chosen, place)

    return procedure(12, emit)


compare_products = {width: _compare_floats(width, add_products) for width in FLOAT_BLOCKS}
compare_squares = {width: _compare_floats(width, _add_squares) for width in FLOAT_BLOCKS}
compare_integers = {width: _compare_integers(width) for width in INTEGER_BLOCKS}
