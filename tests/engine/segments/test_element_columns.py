"""Columns of the objects in lists say which rows satisfy a condition on one of them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive_filter import holds
from pyroaring import BitMap

from vicinal.engine.filters.binding import bind
from vicinal.engine.filters.conditions import elements
from vicinal.engine.filters.conditions.scanned import HasElement, Scanned
from vicinal.engine.filters.evaluation.scanning import ScanWork
from vicinal.engine.filters.expression import And, Filter
from vicinal.engine.filters.field import F, at_least
from vicinal.engine.schema.collection_schema import CollectionSchema
from vicinal.engine.schema.sparse_field import Sparse
from vicinal.engine.segments.payload_columns import PART_ROWS, PayloadColumns
from vicinal.storage.columns.payloads import PayloadColumn

SCHEMA = CollectionSchema({"words": Sparse()}, {})
_values = st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["a", "b", "ab", 0.5])
_values |= st.lists(_values, max_size=2)
_objects = st.dictionaries(st.sampled_from(["a", "b"]), _values, max_size=2)
_payloads = st.fixed_dictionaries(
    {}, optional={"cast": _values | _objects | st.lists(_objects | _values | st.lists(_objects), max_size=3)}
)
_leaves: st.SearchStrategy[Filter] = st.sampled_from(["a", "b"]).flatmap(
    lambda key: st.sampled_from(
        [
            F(key) == 1,
            F(key) != "a",
            F(key) > 0,
            F(key).is_in(["a", 2, True]),
            F(key).is_null(),
            F(key).exists(),
            F(key).is_empty(),
            F(key).any_except([1]),
            F(key).prefix("a"),
            F(key).values_count(gte=2),
        ]
    )
)
_clauses = st.recursive(
    _leaves,
    lambda inner: (
        st.builds(lambda a, b: a & b, inner, inner)
        | st.builds(lambda a, b: a | b, inner, inner)
        | st.builds(lambda a: ~a & And(()), inner)
        | st.builds(lambda each: at_least(2, each), st.lists(inner, min_size=2, max_size=3))
    ),
    max_leaves=4,
)


def element_condition(expression: Filter) -> Scanned:
    bound = bind(expression, SCHEMA)
    assert isinstance(bound, And)
    (found,) = (clause for clause in bound.clauses if isinstance(clause, HasElement))
    return found


def columns_of(rows: list[dict[str, Any]]) -> PayloadColumns:
    return PayloadColumns(PayloadColumn.from_rows(rows, len(rows)).each)


def holding(columns: PayloadColumns, condition: Scanned, n: int) -> tuple[list[int], int]:
    work = ScanWork()
    found = columns.holding(condition, BitMap(range(n)), n, work, fixed=True)
    return list(found), work.payloads_read


@given(st.lists(_payloads, min_size=1, max_size=12), _clauses)
def test_objects_satisfy_what_they_do_one_by_one(rows: list[dict[str, Any]], clause: Filter) -> None:
    asked = F("cast").nested(clause)
    expected = [row for row, payload in enumerate(rows) if holds(asked, payload, row, {})]
    columns, condition = columns_of(rows), element_condition(asked)
    assert holding(columns, condition, len(rows)) == (expected, len(rows))
    assert holding(columns, condition, len(rows)) == (expected, 0)


def test_payloads_are_read_once_for_all_fields_of_objects() -> None:
    n = PART_ROWS + 300
    rows = [{"cast": [{"name": "ab"[i % 2], "age": i % 50}, {"name": "b", "age": 0}]} for i in range(n)]
    columns = columns_of(rows)
    for asked, read in (
        (F("cast").nested((F("name") == "a") & (F("age") >= 40)), n),
        (F("cast").nested((F("name") == "b") | ~(F("age") < 10)), 0),
        (F("cast").nested((F("name") == "b") & F("size").exists()), n),
        (F("cast").nested(F("size") == 1), 0),
    ):
        expected = [row for row, payload in enumerate(rows) if holds(asked, payload, row, {})]
        assert holding(columns, element_condition(asked), n) == (expected, read)
    assert columns.nbytes > n
    for field in ("name", "age", "size"):
        columns.drop(f"cast\0{field}")
    assert columns.nbytes == 0


def test_of_too_many_objects_there_are_no_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elements, "MOST_ROWS", 30)
    rows = [{"cast": [{"a": i}, {"a": -i}]} for i in range(20)]
    columns, condition = columns_of(rows), element_condition(F("cast").nested(F("a") < -15))
    assert holding(columns, condition, 20) == ([16, 17, 18, 19], 40)
    assert holding(columns, condition, 20) == ([16, 17, 18, 19], 20)
