"""Checksums of many spans are those of each."""

import zlib

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vicinal.storage.opening.span_crc32 import span_crc32


@given(st.lists(st.tuples(st.binary(max_size=30), st.binary(max_size=9))))
def test_the_same_as_one_by_one(pairs: list[tuple[bytes, bytes]]) -> None:
    memory = np.frombuffer(b"".join(first + second for first, second in pairs), np.uint8)
    sizes = np.array([[len(first), len(second)] for first, second in pairs], np.int64).reshape(-1, 2)
    ends = np.cumsum(sizes.ravel()).reshape(-1, 2)
    starts = ends - sizes
    crc = span_crc32(memory, starts[:, 0], sizes[:, 0])
    assert crc.tolist() == [zlib.crc32(first) for first, _ in pairs]
    crc = span_crc32(memory, starts[:, 1], sizes[:, 1], crc)
    assert crc.tolist() == [zlib.crc32(first + second) for first, second in pairs]
