from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from column_strategies import id_lists
from hypothesis import example, given
from hypothesis import strategies as st

from vicinal.storage.columns.ids import IdColumn
from vicinal.storage.columns.point_id import checked_id
from vicinal.storage.errors import CorruptionError
from vicinal.storage.invalid_value import InvalidValueError


@given(id_lists)
def test_it_keeps_ids_and_their_types(ids: list[int | str]) -> None:
    column = IdColumn.from_values(ids)
    assert len(column) == len(ids)
    assert column.to_list() == ids
    assert [type(value) for value in column.to_list()] == [type(value) for value in ids]
    assert [column[row] for row in range(len(ids))] == ids
    assert column.is_numeric == all(isinstance(value, int) for value in ids)
    assert column.column().tolist() == ids
    assert column.row_bytes().shape == (len(ids),)


@given(id_lists, st.data())
def test_take_slice_and_concat_are_those_of_a_list(ids: list[int | str], data: st.DataObject) -> None:
    column = IdColumn.from_values(ids)
    rows = data.draw(st.lists(st.integers(0, len(ids) - 1), max_size=6)) if ids else []
    assert column.take(rows).to_list() == [ids[row] for row in rows]
    assert column.to_list(rows) == [ids[row] for row in rows]
    assert column.column(np.array(rows, np.uint32)).tolist() == [ids[row] for row in rows]
    cut = data.draw(st.integers(0, len(ids)))
    parts = [column.slice(0, cut), column.slice(cut, len(ids))]
    assert [part.to_list() for part in parts] == [ids[:cut], ids[cut:]]
    assert IdColumn.concat(parts).to_list() == ids
    assert IdColumn.concat([]).to_list() == []


@given(id_lists)
def test_arrays_round_trip(ids: list[int | str]) -> None:
    arrays = IdColumn.from_values(ids).arrays()
    assert set(arrays) == {"number", "kind", "offset", "text"}
    assert IdColumn.from_arrays(arrays).to_list() == ids


@given(id_lists)
@example([0, 2**64 - 2])
def test_hashes_depend_on_the_id_alone(ids: list[int | str]) -> None:
    column = IdColumn.from_values(ids)
    hashes = column.hashes()
    assert hashes.dtype == np.uint64
    alone = [int(IdColumn.from_values([value]).hashes()[0]) for value in ids]
    assert hashes.tolist() == alone
    assert len(set(hashes.tolist())) == len(set(ids))
    ones = np.ones(len(ids), np.uint32)
    assert len(set(hashes.tolist()) & set(column.hashes(ones).tolist())) == 0
    assert not np.any(column.hashes(ones) == column.hashes(ones + 1))


def test_hashes_are_part_of_the_format() -> None:
    hashes = IdColumn.from_values([0, 1, 2**64 - 1, "a", "7"]).hashes()
    assert hashes[0] == 0xE220A8397B1DCDAF  # the first output of SplitMix64 from seed 0, as published
    code = (
        "from vicinal.storage.columns.ids import IdColumn\n"
        "print(IdColumn.from_values([0, 1, 2**64 - 1, 'a', '7']).hashes().tolist())"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert other.strip() == str(hashes.tolist())


@pytest.mark.parametrize("dtype", [np.uint64, np.int64, np.int32, np.uint8, object, "U8"])
def test_arrays_of_ids_are_taken(dtype: Any) -> None:
    values = np.array([3, 1, 2]).astype(dtype)
    assert IdColumn.from_values(values).to_list() == values.tolist()


def test_uint64_arrays_are_not_copied() -> None:
    values = np.arange(5, dtype=np.uint64)
    assert np.shares_memory(IdColumn.from_values(values).column(), values)


@pytest.mark.parametrize(
    ("ids", "row"),
    [
        ([1, True], 1),
        ([0, 1, -1], 2),
        ([2**64], 0),
        ([1, 1.0], 1),
        (["a", ""], 1),
        (["a", "x" * 256], 1),
        (["a", "é" * 128], 1),
        (["a", None], 1),
        ([b"a"], 0),
        (["a", "\ud800"], 1),
        (np.array([4, -4]), 1),
        (np.array([1, None]), 1),
    ],
)
def test_what_is_no_id_is_refused_with_its_row(ids: Any, row: int) -> None:
    with pytest.raises(InvalidValueError, match=f"ids row {row} is") as caught:
        IdColumn.from_values(ids)
    assert caught.value.row == row
    assert caught.value.field == "ids"


@pytest.mark.parametrize("ids", ["abc", b"abc", np.array([1.5]), np.array([[1]]), np.array([True])])
def test_what_is_no_list_of_ids_is_refused(ids: Any) -> None:
    with pytest.raises(InvalidValueError, match="ids"):
        IdColumn.from_values(ids)


def test_one_id_is_checked_by_itself() -> None:
    assert checked_id(np.uint64(2**64 - 1)) == 2**64 - 1
    assert checked_id(np.str_("a")) == "a"
    assert type(checked_id(np.str_("a"))) is str
    with pytest.raises(InvalidValueError, match="has_id row 3 is -1"):
        checked_id(-1, 3, "has_id")


@pytest.mark.parametrize(
    ("ids", "tenants", "expected"),
    [
        ([1, 2, 3], None, None),
        ([1, 2, 1, 2], None, (0, 2)),
        ([1, "1"], None, None),
        (["a", "b", "b"], None, (1, 2)),
        ([1, 1], [1, 2], None),
        ([1, 1, 1], [1, 2, 2], (1, 2)),
        (["a", "a"], [3, 3], (0, 1)),
        ([], None, None),
    ],
)
def test_first_duplicate(ids: list[Any], tenants: list[int] | None, expected: tuple[int, int] | None) -> None:
    owners = None if tenants is None else np.array(tenants, np.uint32)
    assert IdColumn.from_values(ids).first_duplicate(owners) == expected


@pytest.mark.parametrize(
    "damage",
    [
        {"number": np.zeros(2, np.int64)},
        {"number": np.zeros(3, np.uint64)},
        {"kind": np.zeros(1, np.uint8)},
        {"kind": np.array([0, 2], np.uint8)},
        {"kind": np.array([1, 1], np.uint8)},
        {"offset": np.array([0, 9], np.int64)},
        {"offset": np.array([0, 3, 1], np.int64)},
        {"offset": np.array([0, 1], np.int64)},
        {"text": np.zeros(2, np.uint8)},
    ],
)
def test_arrays_that_do_not_fit_are_corruption(damage: dict[str, Any]) -> None:
    arrays = IdColumn.from_values([5, "a"]).arrays()
    with pytest.raises(CorruptionError, match="somewhere"):
        IdColumn.from_arrays({**arrays, **damage}, "somewhere")
    for name in arrays:
        with pytest.raises(CorruptionError):
            IdColumn.from_arrays({key: value for key, value in arrays.items() if key != name})
