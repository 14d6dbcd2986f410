"""Products of a block of tokens that are packed signs with many query tokens, by tables of their sums."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .target import HAS_VNNI
from .token_products import places_of
from .vectors import I16, I32, I64, accumulate, load, procedure, splat, store, vector

# Query tokens of a vector, as their sums have 16 bits.
SIGN_LANES = 32 if HAS_VNNI else 16
SIGN_BLOCKS = {1: 4, 2: 2}
# Words of 64 signs whose sums with steps of 8 bits fit 16 bits.
_WORDS_TOGETHER = 4


def _compare_signs(width: int) -> Any:
    """Return a function that raises the largest sums of ``width`` vectors of query tokens by a block.

    It is given ``tokens, size, count, words, table, best``. The table has what each four signs add up to with
    all query tokens. Sums are i32.
    """
    most, narrow, wide = SIGN_BLOCKS[width], vector(I16, SIGN_LANES), vector(I32, SIGN_LANES)
    entry = 2 * SIGN_LANES * width
    shift = entry.bit_length() - 1

    def emit(builder: Any, args: Any) -> None:
        tokens, size, count, words, table, best = args
        places = places_of(builder, tokens, size, count, most)
        mask = ir.Constant(I64, 15 << shift)

        def of_word(word: Any, sums: list[Any]) -> list[Any]:
            at = builder.add(table, builder.mul(word, ir.Constant(I64, 256 * entry)))
            offset = builder.shl(word, ir.Constant(I64, 3))
            added = []
            for i, place in enumerate(places):
                signs = load(builder, I64, builder.add(place, offset))
                totals = sums[i * width : (i + 1) * width]
                for four in range(16):
                    # The first of eight dimensions is the highest bit of a byte.
                    lowest = 4 * (four ^ 1) - shift
                    moved = (
                        builder.lshr(signs, ir.Constant(I64, lowest))
                        if lowest > 0
                        else builder.shl(signs, ir.Constant(I64, -lowest))
                    )
                    chosen = builder.add(at, builder.and_(moved, mask))
                    totals = [
                        builder.add(
                            total,
                            load(builder, narrow, chosen, 16 * entry * four + 2 * SIGN_LANES * v),
                        )
                        for v, total in enumerate(totals)
                    ]
                added += totals
            return added

        def of_words(part: Any, sums: list[Any]) -> list[Any]:
            first = builder.mul(part, together)
            left = builder.sub(words, first)
            some = builder.select(builder.icmp_unsigned("<", left, together), left, together)
            narrow_sums = accumulate(
                builder,
                splat(narrow, 0),
                most * width,
                some,
                lambda word, sums: of_word(builder.add(first, word), sums),
            )
            return [
                builder.add(total, builder.sext(part, wide))
                for total, part in zip(sums, narrow_sums, strict=True)
            ]

        together = ir.Constant(I64, _WORDS_TOGETHER)
        parts = builder.udiv(builder.add(words, ir.Constant(I64, _WORDS_TOGETHER - 1)), together)
        sums = accumulate(builder, splat(wide, 0), most * width, parts, of_words)
        for v in range(width):
            place = builder.add(best, ir.Constant(I64, 4 * SIGN_LANES * v))
            highest = load(builder, wide, place)
            for total in sums[v::width]:
                is_higher = builder.icmp_signed(">", total, highest)
                highest = builder.select(is_higher, total, highest)
            store(builder, highest, place)

    return procedure(6, emit)


compare_signs = {width: _compare_signs(width) for width in SIGN_BLOCKS}


@intrinsic
def sum_signs(typingctx: Any, table: Any, lanes: Any) -> Any:
    """Fill in what the signs of each code of four bits add up to, for a multiple of 8 query tokens.

    Before, the entries of the codes with one bit have the numbers themselves; a bit that is set adds one, and
    one that is not takes it off.
    """

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        table, lanes = args
        kind = vector(I16, 8)
        entry = builder.shl(lanes, ir.Constant(I64, 1))

        def body(turn: Any, sums: list[Any]) -> list[Any]:
            start = builder.add(table, builder.shl(turn, ir.Constant(I64, 4)))
            places = [builder.add(start, builder.mul(entry, ir.Constant(I64, code))) for code in range(16)]
            numbers = {code: load(builder, kind, places[code]) for code in (1, 2, 4, 8)}
            none = splat(kind, 0)
            for number in numbers.values():
                none = builder.sub(none, number)
            made = [none]
            for code in range(1, 16):
                number = numbers[code & -code]
                made.append(builder.add(made[code & (code - 1)], builder.add(number, number)))
            for place, total in zip(places, made, strict=True):
                store(builder, total, place)
            return sums

        accumulate(builder, splat(kind, 0), 0, builder.lshr(lanes, ir.Constant(I64, 3)), body)
        return context.get_dummy_value()

    return types.void(types.uint64, types.uint64), emit
