"""Columns over tokens, beside a list of dicts."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vicinal.storage.columns.tokens import UNKNOWN, TokenColumn
from vicinal.storage.columns.vectors import SparseColumn

weights = st.floats(-1e6, 1e6, width=32)
tokens = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4)
rows_of = st.lists(st.dictionaries(tokens, weights, max_size=4), max_size=6)


def listed(column: TokenColumn) -> list[dict[str, float]]:
    return [column.row(row) for row in range(len(column))]


@given(rows=rows_of, data=st.data())
def test_taking_slicing_and_joining(rows: list[dict[str, float]], data: st.DataObject) -> None:
    column = TokenColumn.of_rows(rows)
    assert listed(column) == rows
    chosen = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=6) if rows else st.just([]))
    start = data.draw(st.integers(0, len(rows)))
    for part, expected in (
        (column.take(chosen), [rows[row] for row in chosen]),
        (column.slice(0, start), rows[:start]),
        (column.slice(start, len(rows)), rows[start:]),
    ):
        assert listed(part) == expected
        # What is sent or given ids is what these rows have, and nothing of others.
        assert set(part.tokens) == {token for row in expected for token in row}
        assert listed(pickle.loads(pickle.dumps(part))) == expected
    assert listed(TokenColumn.concat([column.slice(0, start), column.slice(start, len(rows))])) == rows


@given(rows=rows_of, data=st.data())
def test_ids_and_back(rows: list[dict[str, float]], data: st.DataObject) -> None:
    column = TokenColumn.of_rows(rows)
    distinct = st.lists(st.integers(0, UNKNOWN - 1), unique=True)
    ids = data.draw(distinct.filter(lambda ids: len(ids) >= len(column.tokens)))[: len(column.tokens)]
    numbers = np.array(ids, np.uint32)
    stored = column.with_ids(numbers)
    SparseColumn.from_arrays(stored.arrays())
    for row in range(len(rows)):
        indices, _ = stored.row(row)
        assert (np.diff(indices.astype(np.int64)) > 0).all()
    order = np.argsort(numbers)
    names = [column.tokens[at] for at in order]
    again = TokenColumn.of_ids(stored, numbers[order], names)
    assert listed(again) == rows
    assert again.tokens == sorted(column.tokens)
    # In an order that does not tell the ids.
    assert [list(row) for row in listed(again)] == [sorted(row) for row in rows]


@given(rows=rows_of, data=st.data())
def test_tokens_without_an_id_are_left_out(rows: list[dict[str, float]], data: st.DataObject) -> None:
    column = TokenColumn.of_rows(rows)
    known = data.draw(st.sets(st.sampled_from(column.tokens)) if column.tokens else st.just(set()))
    ids = np.array([at if t in known else UNKNOWN for at, t in enumerate(column.tokens)], np.uint32)
    stored = column.with_ids(ids)
    found = [
        {column.tokens[at]: value for at, value in zip(*map(np.ndarray.tolist, stored.row(row)), strict=True)}
        for row in range(len(stored))
    ]
    assert found == [{token: weight for token, weight in row.items() if token in known} for row in rows]


@given(rows=rows_of)
def test_rows_take_no_more_than_is_said(rows: list[dict[str, float]]) -> None:
    column = TokenColumn.of_rows(rows)
    assert column.row_bytes().sum() >= column.nbytes - column.indptr.itemsize
    for row, size in enumerate(column.row_bytes().tolist()):
        assert size >= sum(len(token.encode()) + 8 for token in rows[row])


def test_tokens_are_not_stored() -> None:
    with pytest.raises(TypeError, match="ids"):
        TokenColumn.of_rows([{"red": 1.0}]).arrays()
