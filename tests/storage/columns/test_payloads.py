from __future__ import annotations

import enum
from collections import Counter, OrderedDict, UserDict, UserList, defaultdict, deque
from datetime import UTC, date, datetime, time, timedelta, timezone
from types import MappingProxyType
from typing import Any
from uuid import UUID

import numpy as np
import orjson
import pytest
from column_strategies import payloads
from hypothesis import given
from hypothesis import strategies as st

from vicinal.storage.columns.payloads import PayloadColumn
from vicinal.storage.errors import CorruptionError
from vicinal.storage.invalid_value import InvalidValueError

rows_of_payloads = st.lists(payloads | st.none(), max_size=6)


@given(rows_of_payloads)
def test_it_keeps_payloads(rows: list[dict[str, Any] | None]) -> None:
    column = PayloadColumn.from_rows(rows, len(rows))
    expected = [row or {} for row in rows]
    assert len(column) == len(rows)
    assert column.to_list() == expected
    assert [column.get(row) for row in range(len(rows))] == expected
    assert [orjson.loads(column.raw(row)) for row in range(len(rows))] == expected
    assert PayloadColumn.from_arrays(column.arrays()).to_list() == expected
    assert PayloadColumn.from_raw([column.raw(row) for row in range(len(rows))]).to_list() == expected
    assert column.row_bytes().shape == (len(rows),)


@given(rows_of_payloads, st.data())
def test_take_slice_and_concat_are_those_of_a_list(
    rows: list[dict[str, Any] | None], data: st.DataObject
) -> None:
    column = PayloadColumn.from_rows(rows, len(rows))
    plain = [row or {} for row in rows]
    chosen = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=6)) if rows else []
    assert column.take(chosen).to_list() == [plain[row] for row in chosen]
    assert column.to_list(chosen) == [plain[row] for row in chosen]
    cut = data.draw(st.integers(0, len(rows)))
    parts = [column.slice(0, cut), column.slice(cut, len(rows))]
    assert [part.to_list() for part in parts] == [plain[:cut], plain[cut:]]
    assert PayloadColumn.concat(parts).to_list() == plain
    assert PayloadColumn.concat([]).to_list() == []


def test_without_payloads_every_row_is_empty() -> None:
    assert PayloadColumn.from_rows(None, 3).to_list() == [{}, {}, {}]
    assert PayloadColumn.from_rows(None, 0).to_list() == []


def test_text_that_looks_like_the_seam_between_rows() -> None:
    rows = [{"a": "},\n,{"}, {"b": ["\n", ",\n,"]}, {}]
    assert PayloadColumn.from_rows(rows, 3).to_list() == rows


def test_times_and_numpy_numbers_become_json() -> None:
    zone = timezone(timedelta(hours=2))
    row = {
        "naive": datetime(2024, 5, 1, 12, 30, 0, 5),
        "aware": datetime(2024, 5, 1, 12, 30, tzinfo=zone),
        "day": date(2024, 5, 1),
        "float": np.float64(0.5),
        "half": np.float16(0.5),
        "whole": np.int64(-3),
        "flag": np.bool_(True),
        "pair": (1, 2),
        "array": np.ones((2, 1), np.float32),
        "name": np.str_("x"),
        "uuid": UUID(int=1),
        "member": _Colour.RED,
        "ordered": OrderedDict(a=1),
        "frozen": MappingProxyType({"a": None}),
        "queue": deque([1, "a"]),
    }
    assert PayloadColumn.from_rows([row], 1).get(0) == {
        "naive": "2024-05-01T12:30:00.000005+00:00",
        "aware": "2024-05-01T12:30:00+02:00",
        "day": "2024-05-01",
        "float": 0.5,
        "half": 0.5,
        "whole": -3,
        "flag": True,
        "pair": [1, 2],
        "array": [[1.0], [1.0]],
        "name": "x",
        "uuid": "00000000-0000-0000-0000-000000000001",
        "member": "red",
        "ordered": {"a": 1},
        "frozen": {"a": None},
        "queue": [1, "a"],
    }
    assert datetime.fromisoformat(PayloadColumn.from_rows([row], 1).get(0)["naive"]).tzinfo == UTC


def _nested(depth: int) -> dict[str, Any]:
    payload: dict[str, Any] = {}
    for _ in range(depth):
        payload = {"a": payload}
    return payload


class _Bytes(enum.Enum):
    A = b"a"


class _Colour(enum.Enum):
    RED = "red"


class _Text(str):
    """A text that a dict tells apart from the same text."""

    __slots__ = ()
    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other

    def __str__(self) -> str:
        return "another"


class _NoTime(datetime):
    """As the NaT of pandas is."""

    def __ne__(self, other: object) -> bool:
        return True


class _Hidden(enum.Enum):
    NAN = float("nan")


class _List(list[Any]):
    pass


NAN = float("nan")


@pytest.mark.parametrize(
    "row",
    [
        OrderedDict(a=NAN),
        {"a": OrderedDict(b=NAN)},
        {"a": defaultdict(float, b=NAN)},
        {"a": Counter(x=NAN)},  # type: ignore[arg-type]  # what a count may not be is the point
        {"a": _List([NAN])},
        {"a": deque([NAN])},
        {"a": _Hidden.NAN},
        {"a": np.array([NAN])},
        {"a": np.float16("inf")},
        {"a": (1, (NAN,))},
        MappingProxyType({"a": NAN}),
        UserDict(a=UserList([NAN])),
    ],
    ids=lambda row: f"{row!r:.40}",
)
def test_no_type_of_mapping_or_sequence_hides_a_nan(row: Any) -> None:
    for rows in ([row], [{"z": None}, row], [{"z": None, "row": row}]):
        with pytest.raises(InvalidValueError, match="numbers must be finite"):
            PayloadColumn.from_rows(rows, len(rows))


def test_rows_come_as_any_iterable() -> None:
    rows = [{"a": 1}, None, {"a": 2}]
    for form in (
        tuple(rows),
        iter(rows),
        (row for row in rows),
        dict(enumerate(rows)).values(),
        deque(rows),
        np.array(rows, object),
    ):
        assert PayloadColumn.from_rows(form, 3).to_list() == [{"a": 1}, {}, {"a": 2}]
    masked = np.ma.MaskedArray(np.array(rows, object), [False, True, False])
    for wrong in 7, "abc", b"abc", masked:
        with pytest.raises(InvalidValueError, match="payloads is a"):
            PayloadColumn.from_rows(wrong, 3)  # type: ignore[arg-type]  # what may not be passed is the point


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"a": {"b": float("nan")}}, "has nan at 'a.b'"),
        ({"a": None, "b": [1.0, float("inf")]}, r"has inf at 'b\[1\]'"),
        ({"a": np.float32("nan")}, "has nan at 'a'"),
        ({1: 2}, r"has the key 1 \(int\) at '', but keys are text"),
        ({"a": 2**64}, "64-bit"),
        ({"a": -(2**63) - 1}, "64-bit"),
        ({"a": {1}}, r"it has \{1\} \(set\) at 'a'"),
        ({"a": b"x"}, "bytes"),
        ({"a": {"b": 1}.values()}, "dict_values"),
        ({"a": time(3)}, "time"),
        ({"a": [_NoTime(2024, 5, 1)]}, r"at 'a\[0\]' what .* is no time"),
        ({"b": {_Text("a"): 1, "a": 2}}, "key 'a' twice at 'b'"),
        ({"a": "\ud800"}, "UTF-8"),
        (_nested(300), "Recursion limit"),
        ([1], r"is \[1\] \(list\)"),
        ("text", "is 'text'"),
    ],
)
def test_what_json_does_not_hold_is_refused_with_its_row(bad: Any, message: str) -> None:
    for rows, row in ([{"x": None}, bad], 1), ([None, {}, bad, bad], 2):
        with pytest.raises(InvalidValueError, match=f"payloads row {row} .*{message}") as caught:
            PayloadColumn.from_rows(rows, len(rows))
        assert caught.value.row == row


@pytest.mark.parametrize("rows", [{"a": 1}, "ab", [{}], [{}, {}, {}]])
def test_another_number_of_payloads_is_refused(rows: Any) -> None:
    with pytest.raises(InvalidValueError, match="payloads"):
        PayloadColumn.from_rows(rows, 2)


def test_damaged_json_is_corruption() -> None:
    for text in b"{", b"[1]", b"\xff", b"":
        column = PayloadColumn.from_raw([b"{}", text])
        assert column.get(0) == {}
        with pytest.raises(CorruptionError):
            column.get(1)
        with pytest.raises(CorruptionError):
            column.to_list()


@pytest.mark.parametrize(
    "damage",
    [
        {"offsets": np.array([0, 1], np.int64)},
        {"offsets": np.array([0, 3, 2], np.int64)},
        {"offsets": np.array([1, 2], np.int64)},
        {"offsets": np.array([], np.int64)},
        {"offsets": np.array([0, 2], np.uint32)},
        {"data": np.zeros(2, np.int8)},
        {"data": np.zeros((1, 2), np.uint8)},
    ],
)
def test_arrays_that_do_not_fit_are_corruption(damage: dict[str, Any]) -> None:
    arrays = PayloadColumn.from_rows([{}], 1).arrays()
    with pytest.raises(CorruptionError, match="somewhere"):
        PayloadColumn.from_arrays({**arrays, **damage}, "somewhere")
    with pytest.raises(CorruptionError):
        PayloadColumn.from_arrays({"data": arrays["data"]})
