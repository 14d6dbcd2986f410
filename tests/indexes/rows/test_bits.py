"""Bitsets of rows agree with NumPy's masks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pyroaring import BitMap

from vicinal.indexes.rows import bits

SIZES = [0, 1, 63, 64, 65, 1000, 70_000]


def mask_of(words: NDArray[np.uint64], n: int) -> NDArray[np.bool_]:
    every = np.unpackbits(words.view(np.uint8), bitorder="little").astype(np.bool_)
    assert not every[n:].any()
    return every[:n]


def bits_of(mask: NDArray[np.bool_]) -> NDArray[np.uint64]:
    return bits.of_bitmap(BitMap(np.flatnonzero(mask)), len(mask))


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False
    return array


@pytest.mark.parametrize("n", SIZES)
def test_codes_between_bounds(n: int) -> None:
    codes = read_only(np.random.default_rng(n).integers(0, 256, n).astype(np.uint8))
    for first, stop in ((1, 1), (1, 256), (0, 255), (7, 8), (128, 200)):
        words = bits.of_codes(codes, first, stop)
        assert (mask_of(words, n) == (codes >= first) & (codes < stop)).all()


@pytest.mark.parametrize("n", SIZES)
def test_what_is_counted_listed_and_looked_up(n: int) -> None:
    for share in (0.0, 0.001, 0.5, 1.0):
        mask = np.random.default_rng(n).random(n) < share
        rows = np.flatnonzero(mask)
        words = bits_of(mask)
        whole = (len(rows), int(rows[0]), int(rows[-1]) + 1) if len(rows) else (0, 0, 0)
        assert bits.extent(words) == whole
        assert bits.listed(words, len(rows)).tolist() == rows.tolist()
        assert (mask_of(bits.complement(words, n), n) == ~mask).all()
        assert list(bits.among(BitMap(range(0, n, 3)), words)) == [row for row in range(0, n, 3) if mask[row]]


def test_slices_of_lists() -> None:
    rows = read_only(np.random.default_rng(0).permutation(1000).astype(np.uint32))
    starts, stops = np.array([0, 10, 10, 500]), np.array([3, 10, 40, 1000])
    chosen = np.concatenate([rows[start:stop] for start, stop in zip(starts, stops, strict=True)])
    words = np.zeros(bits.n_words(1000), np.uint64)
    assert bits.add_slices(words, 1000, rows, starts, stops)
    assert np.flatnonzero(mask_of(words, 1000)).tolist() == sorted(chosen.tolist())
    assert bits.add_slices(words, 1000, rows[:0], starts[:0], stops[:0])
    assert not bits.add_slices(words[:-1], int(chosen.max()), rows, starts, stops)


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [5],
        range(5, 70_000),
        range(0, 200_000, 3),
        [*range(0, 65_536, 9), *range(65_536, 140_000, 2), 400_000],
    ],
    ids=["none", "one", "run", "wide", "mixed"],
)
def test_stored_sets(rows: Any) -> None:
    bitmap = BitMap(rows)
    n = max(rows, default=0) + 1
    for runs in (False, True):
        if runs:
            bitmap.run_optimize()
        stored = bitmap.serialize()
        for beyond in (0, 1, 100_000):
            words = bits.of_serialized(stored, n + beyond)
            assert words is not None
            assert np.flatnonzero(mask_of(words, n + beyond)).tolist() == list(rows)
        if len(rows):
            assert bits.of_serialized(stored, n - 1) is None
        for size in range(0, len(stored), max(1, len(stored) // 50)):
            assert bits.of_serialized(stored[:size], n) is None
        assert bits.of_serialized(stored + b"\0", n) is None


def test_random_bytes_are_no_set() -> None:
    random = np.random.default_rng(0)
    sound = np.frombuffer(BitMap(range(0, 200_000, 7)).serialize(), np.uint8)
    for _ in range(500):
        damaged = sound.copy()
        damaged[random.integers(0, 48, 3)] = random.integers(0, 256, 3)
        found = bits.of_serialized(damaged.tobytes(), 200_000)
        assert found is None or len(found) == bits.n_words(200_000)


def test_texts_are_found() -> None:
    texts = sorted([b"", b"a", b"ab", b"abc", b"b", "é".encode(), b"x" * 300])
    wanted = [b"abc", b"", b"abd", b"zz", "é".encode(), b"aa", b"x" * 300, b"x" * 299]

    def joined(some: list[bytes]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        return np.frombuffer(b"".join(some), np.uint8), np.cumsum([len(one) for one in some], dtype=np.int64)

    expected = [texts.index(one) if one in texts else -1 for one in wanted]
    found = bits.places_of_texts(*joined(texts), *joined(wanted))
    assert found is not None
    assert found.tolist() == expected
    none = bits.places_of_texts(*joined([]), *joined(wanted))
    assert none is not None
    assert none.tolist() == [-1] * len(wanted)
    data, ends = joined(texts)
    for damaged in (ends + 1000, ends[::-1].copy(), ends - 5):
        assert bits.places_of_texts(data, damaged, *joined(wanted)) is None
