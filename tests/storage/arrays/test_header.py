"""The 48 bytes in front of every array."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vicinal.storage.arrays import header as array_header
from vicinal.storage.arrays.header import DTYPES, HEADER_BYTES, check_data, data_of, decode, encode, storable
from vicinal.storage.errors import CorruptionError

KEY = b"arows"

arrays = st.sampled_from(sorted(DTYPES)).flatmap(
    lambda code: hnp.arrays(DTYPES[code], hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5))
)


def stored(array: np.ndarray) -> bytes:
    return encode(KEY, array) + bytes(data_of(array))


@given(array=arrays)
def test_decoding_undoes_encoding(array: np.ndarray) -> None:
    value = stored(array)
    header = decode(KEY, value)
    assert (header.dtype, header.shape, header.data_bytes) == (array.dtype, array.shape, array.nbytes)
    assert len(value) == HEADER_BYTES + array.nbytes
    check_data(KEY, header, memoryview(value)[HEADER_BYTES:])


@given(array=arrays, data=st.data())
def test_any_changed_byte_is_found(array: np.ndarray, data: st.DataObject) -> None:
    value = bytearray(stored(array))
    position = data.draw(st.integers(0, len(value) - 1))
    value[position] ^= data.draw(st.integers(1, 255))
    with pytest.raises(CorruptionError):
        check_data(KEY, decode(KEY, bytes(value)), memoryview(value)[HEADER_BYTES:])


@given(array=arrays, data=st.data())
def test_any_other_length_is_found_without_reading_the_data(array: np.ndarray, data: st.DataObject) -> None:
    value = stored(array)
    for other in (value[: data.draw(st.integers(0, len(value) - 1))], value + b"\0"):
        with pytest.raises(CorruptionError):
            decode(KEY, other)


def test_an_array_under_another_name_is_found() -> None:
    with pytest.raises(CorruptionError, match="header of array b'aother'"):
        decode(b"aother", stored(np.arange(3)))


def test_storable_copies_only_what_it_must() -> None:
    array = np.arange(12, dtype=np.float32).reshape(3, 4)
    assert np.shares_memory(storable(array), array)
    transposed = storable(array.T)
    assert transposed.flags.c_contiguous
    np.testing.assert_array_equal(transposed, array.T)
    swapped = storable(array.astype(">f4"))
    assert swapped.dtype == np.dtype("<f4")
    np.testing.assert_array_equal(swapped, array)
    assert storable(np.array(1.5)).shape == ()


def test_the_codes_never_change() -> None:
    assert {code: dtype.str for code, dtype in DTYPES.items()} == {
        1: "<f4",
        2: "<f2",
        3: "<f8",
        4: "|i1",
        5: "|u1",
        6: "<i4",
        7: "<u4",
        8: "<i8",
        9: "<u8",
        10: "<u2",
        11: "<i2",
        12: "|b1",
    }
    assert array_header.HEADER_BYTES == 48
