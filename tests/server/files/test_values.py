from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest

from vicinal.engine.errors import InvalidArgument
from vicinal.server.files.values import column_of, kind_of, plain


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ([1, 2.5], "dense"),
        ([[1.0], [2.0]], "multi"),
        ({"indices": [1], "values": [0.5]}, "sparse"),
        ({"indices": [1]}, None),
        ([True, False], None),
        (["a"], None),
        ([1, "a"], None),
        ([], None),
        ("text", None),
        (None, None),
    ],
)
def test_kind(value: Any, kind: str | None) -> None:
    assert kind_of(value) == kind


def written(vector: Any) -> Any:
    return orjson.loads(orjson.dumps(plain(vector), option=orjson.OPT_SERIALIZE_NUMPY))


def test_values_become_columns_and_are_written_as_they_were() -> None:
    dense = column_of("dense", [[1, 2], [3, 4.5]], "file", 0)
    assert dense.dtype == np.float32
    assert written(dense[1]) == [3.0, 4.5]
    (pair,) = column_of("sparse", [{"indices": [3, 9], "values": [0.5, 1.5]}], "file", 0)
    assert written(pair) == {"indices": [3, 9], "values": [0.5, 1.5]}
    (tokens,) = column_of("multi", [[[1.0, 0.0], [0.0, 1.0]]], "file", 0)
    assert tokens.shape == (2, 2)
    assert written(tokens) == [[1.0, 0.0], [0.0, 1.0]]


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int8, np.uint8])
def test_written_numbers_are_exact(dtype: type) -> None:
    values = (np.random.default_rng(0).standard_normal(1000) * 50).astype(np.int8).astype(dtype)
    if dtype in (np.float32, np.float16):
        values = np.random.default_rng(0).standard_normal(1000).astype(dtype)
    read = np.array(written(values[::2]), np.float32).astype(dtype)
    np.testing.assert_array_equal(read, values[::2])


def test_wrong_value_is_named_by_its_row() -> None:
    with pytest.raises(InvalidArgument, match="films, row 11: expected a dense vector, got 3"):
        column_of("dense", [None, 3], "films", 10)
    with pytest.raises(InvalidArgument, match=r"\[1, 2\] numbers"):
        column_of("dense", [[1.0], [1.0, 2.0]], "films", 0)
