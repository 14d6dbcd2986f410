"""Frames as payloads: which value each cell becomes."""

from __future__ import annotations

import datetime
import sys
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from column_strategies import payloads
from hypothesis import given
from hypothesis import strategies as st

from vicinal.storage.arrow.payload_values import MISSING, NULL_KEY, FrameValues
from vicinal.storage.columns.payloads import PayloadColumn
from vicinal.storage.invalid_value import InvalidValueError


def stored(frame: Any) -> list[dict[str, Any]]:
    values = FrameValues.of(frame)
    assert values is not None
    return PayloadColumn.from_rows(values.rows(), values.n_rows).to_list()


CELLS: dict[str, tuple[Any, list[Any]]] = {
    "floats": (pd.Series([1.5, np.nan, 2.0]), [1.5, None, 2.0]),
    "float16": (pd.Series([1.5, np.nan, 2.0], dtype="float16"), [1.5, None, 2.0]),
    "Float64": (pd.Series([1.5, None, 2.0], dtype="Float64"), [1.5, None, 2.0]),
    "Int64": (pd.Series([1, None, 2**63 - 1], dtype="Int64"), [1, None, 2**63 - 1]),
    "boolean": (pd.Series([True, None, False], dtype="boolean"), [True, None, False]),
    "text": (pd.Series(["a", None, "c"]), ["a", None, "c"]),
    "categories": (pd.Series(["a", None, "a"], dtype="category"), ["a", None, "a"]),
    "times": (
        pd.Series(pd.to_datetime(["2020-01-01", None, "2021-05-06 07:08:09.123456789"], format="ISO8601")),
        ["2020-01-01T00:00:00+00:00", None, "2021-05-06T07:08:09.123456789+00:00"],
    ),
    "times with a zone": (
        pd.Series(pd.to_datetime(["2020-01-01", None, "2020-07-01"])).dt.tz_localize("Europe/Berlin"),
        ["2020-01-01T00:00:00+01:00", None, "2020-07-01T00:00:00+02:00"],
    ),
    "dates": (pd.Series([datetime.date(2020, 1, 2), None, pd.NaT]), ["2020-01-02", None, None]),
    "mixed": (pd.Series([1, "two", 2.0], dtype=object), [1, "two", 2.0]),
    "objects": (pd.Series([{"a": 1}, {"b": None}, pd.NA]), [{"a": 1}, {"b": None}, None]),
    "arrays": (pd.Series([np.arange(2), [1, "x"], None]), [[0, 1], [1, "x"], None]),
    "scalars": (pd.Series([np.int8(1), np.float32(0.5), np.True_], dtype=object), [1, 0.5, True]),
    "polars objects": (pl.Series([{"a": [1]}, {"a": None}, None]), [{"a": [1]}, {"a": None}, None]),
    "polars dates": (pl.Series([datetime.date(2020, 1, 2), None, None]), ["2020-01-02", None, None]),
    "polars categories": (pl.Series(["a", None, "b"], dtype=pl.Enum(["a", "b"])), ["a", None, "b"]),
}


@pytest.mark.parametrize("kind", CELLS)
def test_cells(kind: str) -> None:
    column, expected = CELLS[kind]
    # A Series that was filtered is indexed by what is left.
    frame = (
        pd.DataFrame({"x": column.set_axis([5, 7, 9])})
        if isinstance(column, pd.Series)
        else (pl.DataFrame({"x": column}))
    )
    assert stored(frame) == [{"x": value} for value in expected]


def test_a_column_says_that_its_nulls_are_missing_keys() -> None:
    fields = [pa.field("a", pa.int64(), metadata={NULL_KEY: MISSING}), pa.field("b", pa.int64())]
    table = pa.table([[1, None], [None, 2]], schema=pa.schema(fields))
    assert stored(table) == [{"a": 1, "b": None}, {"b": 2}]


def test_rows_without_columns_and_rows_that_are_null() -> None:
    assert stored(pd.DataFrame(index=range(3))) == [{}, {}, {}]
    assert stored(pl.Series([{"a": 1}, None, {"a": None}])) == [{"a": 1}, {}, {"a": None}]
    assert stored(pa.table({"a": pa.array([], pa.int64())})) == []


@given(st.lists(payloads, min_size=1, max_size=5))
def test_objects_in_a_frame_of_pandas_stay_what_they_are(rows: list[dict[str, Any]]) -> None:
    frame = pd.DataFrame({"x": pd.Series(rows, dtype=object)})
    assert stored(frame) == [{"x": row} for row in rows]


@pytest.mark.parametrize("value", [[{"a": 1}], pd.Series([{"a": 1}]), None, np.array([{"a": 1}])])
def test_what_is_no_frame(value: Any) -> None:
    assert FrameValues.of(value) is None


def test_a_frame_without_pyarrow_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    for frame in (pd.DataFrame({"a": [1]}), pl.DataFrame({"a": [1]})):
        with pytest.raises(InvalidValueError, match=r'needs pyarrow, .* pip install "vicinal\[data\]"'):
            FrameValues.of(frame)
