"""The fvecs, bvecs and ivecs formats, against bytes written by hand."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from texmex_files import write_texmex

from vicinal.server.files.texmex import COMPONENTS, component_type, read_texmex
from vicinal.storage.errors import CorruptionError


def test_fvecs_bytes_are_those_of_the_format(tmp_path: Path) -> None:
    path = tmp_path / "a.fvecs"
    path.write_bytes(struct.pack("<i2f", 2, 1.5, -2.0) + struct.pack("<i2f", 2, 0.25, 8.0))
    vectors = read_texmex(path)
    assert vectors.dtype == np.float32
    assert vectors.tolist() == [[1.5, -2.0], [0.25, 8.0]]
    write_texmex(tmp_path / "b.fvecs", vectors)
    assert (tmp_path / "b.fvecs").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("suffix", COMPONENTS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, suffix: str, data: Any) -> None:
    shape = (data.draw(st.integers(1, 6)), data.draw(st.integers(1, 40)))
    matrix = data.draw(arrays.arrays(COMPONENTS[suffix], shape))
    path = tmp_path_factory.mktemp("vectors") / f"x{suffix}"
    write_texmex(path, matrix)
    assert np.array_equal(read_texmex(path), matrix, equal_nan=suffix == ".fvecs")


def test_the_mapping_is_read_only(tmp_path: Path) -> None:
    write_texmex(tmp_path / "x.fvecs", [[1.0, 2.0]])
    vectors = read_texmex(tmp_path / "x.fvecs")
    with pytest.raises(ValueError, match="read-only"):
        vectors[0, 0] = 5


def test_no_rows(tmp_path: Path) -> None:
    write_texmex(tmp_path / "x.bvecs", np.empty((0, 3), dtype=np.uint8))
    assert read_texmex(tmp_path / "x.bvecs").shape == (0, 0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x01\x00", "2 bytes is shorter"),
        (struct.pack("<if", -1, 0.0), "claims -1 dimensions"),
        (struct.pack("<if", 0, 0.0), "claims 0 dimensions"),
        (struct.pack("<i2f", 2, 1.0, 2.0) + b"\x02", "13 bytes is no multiple of 12"),
        (struct.pack("<i2f", 2, 1.0, 2.0) + struct.pack("<i2f", 3, 1.0, 2.0), "row 1 claims 3 dimensions"),
    ],
)
def test_damage_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "x.fvecs"
    path.write_bytes(content)
    with pytest.raises(CorruptionError, match=message):
        read_texmex(path)


def test_unknown_suffix() -> None:
    with pytest.raises(ValueError, match=r"expected one of \.fvecs"):
        component_type("x.vec")
