"""The checksum around catalog values."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vicinal.storage.catalog.envelope import OVERHEAD, seal, unseal
from vicinal.storage.errors import CorruptionError


@given(key=st.binary(min_size=1, max_size=20), payload=st.binary(max_size=200))
def test_unseal_undoes_seal(key: bytes, payload: bytes) -> None:
    sealed = seal(key, payload)
    assert sealed == zlib.crc32(key + payload).to_bytes(4, "little") + payload
    assert bytes(unseal(key, sealed)) == payload
    assert bytes(unseal(key, memoryview(sealed))) == payload


@given(data=st.data(), payload=st.binary(max_size=60))
def test_any_changed_byte_is_found(data: st.DataObject, payload: bytes) -> None:
    sealed = bytearray(seal(b"key", payload))
    position = data.draw(st.integers(0, len(sealed) - 1))
    sealed[position] ^= data.draw(st.integers(1, 255))
    with pytest.raises(CorruptionError, match="checksum"):
        unseal(b"key", bytes(sealed), path="catalog")


@given(payload=st.binary(max_size=60), length=st.integers(0, 60))
def test_a_shortened_value_is_found(payload: bytes, length: int) -> None:
    sealed = seal(b"key", payload)[: OVERHEAD + length]
    if len(sealed) < OVERHEAD + len(payload):
        with pytest.raises(CorruptionError):
            unseal(b"key", sealed)


def test_a_value_under_another_key_is_found() -> None:
    with pytest.raises(CorruptionError, match="6f74686572"):
        unseal(b"other", seal(b"key", b"payload"))


def test_the_error_names_the_path() -> None:
    with pytest.raises(CorruptionError) as caught:
        unseal(b"key", b"abc", path="films/catalog")
    assert caught.value.path == "films/catalog"
    assert "3 bytes" in caught.value.detail
