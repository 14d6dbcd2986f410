"""Payloads as columns of a table, and back: nothing is lost but the difference between 1 and 1.0."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from column_strategies import json_values
from hypothesis import given
from hypothesis import strategies as st

from vicinal.storage.arrow.payload_values import MISSING, NULL_KEY, FrameValues
from vicinal.storage.arrow.tables import table_of
from vicinal.storage.invalid_value import InvalidValueError

numbers = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
values = json_values | st.integers(-9, 9) | numbers | st.sampled_from([{"a": 1}, {"a": 1, "b": None}, [1, 2]])


@st.composite
def rows(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Return payloads whose keys hold, each, values of one kind or of any."""
    kinds = [st.integers(-9, 9), numbers, st.text("ab", max_size=2), st.booleans(), st.none(), values]
    columns = {key: draw(st.sampled_from(kinds)) for key in "xyz"}
    return draw(st.lists(st.fixed_dictionaries({}, optional=columns), max_size=5))


def expected(payloads: list[dict[str, Any]], key: str) -> list[Any]:
    """Return the values of a key, `...` for a payload without it where nulls do not stand for that too."""
    has_null = any(payload.get(key, 0) is None for payload in payloads)
    return [payload.get(key, None if has_null else ...) for payload in payloads]


def exactly(value: Any) -> Any:
    """Return a value that equals those of its own type only."""
    if isinstance(value, dict):
        return {key: exactly(item) for key, item in value.items()}
    return [*map(exactly, value)] if isinstance(value, list) else (type(value), value)


@given(rows())
def test_payloads_come_back_from_their_table(payloads: list[dict[str, Any]]) -> None:
    table = table_of({"row": np.arange(len(payloads))}, payloads, {})
    table.validate(full=True)
    frame = FrameValues.of(table.drop_columns(["row"]))
    assert frame is not None
    back = [row or {} for row in frame.rows()] if table.num_columns > 1 else [{} for _ in payloads]
    for key in {key for payload in payloads for key in payload}:
        given_values, found = expected(payloads, key), [row.get(key, ...) for row in back]
        if set(map(type, given_values)) - {type(None), type(...)} == {int, float}:
            assert found == given_values
        else:
            assert exactly(found) == exactly(given_values)


def column(*given_values: Any) -> pa.Field:
    payloads = [{} if value is ... else {"x": value} for value in given_values]
    return table_of({"row": np.arange(len(payloads))}, payloads, {}).schema.field("x")


@pytest.mark.parametrize(
    ("given_values", "kind", "metadata"),
    [
        ((1, 2), pa.int64(), None),
        ((1, ...), pa.int64(), {NULL_KEY: MISSING}),
        ((1, ..., None), pa.int64(), None),
        ((2**63, 1), pa.uint64(), None),
        ((1, 2.5), pa.float64(), None),
        ((2**53 + 1, 2.5), pa.string(), {b"vicinal.json": b"true"}),
        ((2**63, -1), pa.string(), {b"vicinal.json": b"true"}),
        ((True, 1), pa.string(), {b"vicinal.json": b"true"}),
        (("a", 1), pa.string(), {b"vicinal.json": b"true"}),
        (({}, {}), pa.string(), {b"vicinal.json": b"true"}),
        (({"a": 1}, {"b": 1}), pa.string(), {b"vicinal.json": b"true"}),
        (({"a": 1}, {"a": None}), pa.struct([("a", pa.int64())]), None),
        ((["a"], []), pa.list_(pa.string()), None),
    ],
)
def test_the_type_of_a_column(given_values: tuple[Any, ...], kind: Any, metadata: Any) -> None:
    field = column(*given_values)
    assert (field.type, field.metadata) == (kind, metadata)


def test_ids_of_both_kinds_are_json_text() -> None:
    ids = np.array([7, "7"], object)
    assert table_of({"id": ids}, [{}, {}], {})["id"].to_pylist() == ["7", '"7"']
    assert table_of({"id": ids[1:]}, [{}], {})["id"].to_pylist() == ["7"]


def test_a_vector_field_named_as_a_column_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="vector field 'id'"):
        table_of({"id": np.arange(2)}, [{}, {}], {"id": pa.array([[1.0], [2.0]])})


def test_a_table_without_pyarrow_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InvalidValueError, match=r'pip install "vicinal\[data\]"'):
        table_of({"id": np.arange(2)}, [{}, {}], {})
