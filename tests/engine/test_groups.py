"""Searches by groups of random payloads, against dicts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_facets import groups as naive_groups
from naive_facets import known_as
from naive_filter import FIELDS, UNDECLARED, filters, holds, payloads

import vicinal
from vicinal import Dense, Groups, Hnsw

DIM = 3


def told(groups: Groups, kind: str | None) -> list[tuple[Any, list[Any]]]:
    return [(known_as(group.value, kind), group.hits.ids.tolist()) for group in groups]


@settings(max_examples=30, deadline=None)
@given(st.lists(payloads(), min_size=1, max_size=14), st.integers(0, 2**32), st.data())
def test_random_payloads(rows: list[dict[str, Any]], seed: int, data: st.DataObject) -> None:
    rng = np.random.default_rng(seed)
    fields = {path: kind for path, kind in FIELDS.items() if data.draw(st.booleans())}
    vectors = rng.standard_normal((len(rows), DIM)).astype(np.float32)
    things = vicinal.open(":memory:").create_collection("things", Dense(DIM, metric="l2"), fields=fields)
    cut = data.draw(st.integers(1, len(rows)))
    things.upsert(range(cut), vectors[:cut], rows[:cut])
    things.flush()
    things.upsert(range(cut, len(rows)), vectors[cut:], rows[cut:])
    queries = rng.standard_normal((2, DIM)).astype(np.float32)
    each = [None, data.draw(filters)]
    k, size = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 3))
    for path in (*FIELDS, *UNDECLARED):
        kind = fields.get(path)
        batch = things.search(queries, k, group_by=path, group_size=size, filter=each)
        for q, expression in enumerate(each):
            order = np.argsort(((vectors - queries[q]) ** 2).sum(axis=1), kind="stable").tolist()
            left = [
                (i, rows[i]) for i in order if expression is None or holds(expression, rows[i], i, fields)
            ]
            expected = naive_groups(left, path, kind, k, size)
            assert told(batch[q], kind) == expected, path
            single = things.search(queries[q], k, group_by=path, group_size=size, filter=expression)
            assert told(single, kind) == expected, path


@pytest.mark.parametrize("field", ["owner", "free", "number"])
def test_groups_far_behind_one_that_is_near_are_found(field: str) -> None:
    rng = np.random.default_rng(2)
    n = 3000
    # The nearest thousand belong to one group, as far as they belong to any.
    owners = [0 if i < 1000 else 1 + (i - 1000) // 400 for i in range(n)]
    rows = [{"owner": f"o{owner}", "free": [owner, {"a": 1}], "number": owner} for owner in owners]
    vectors = np.linspace(1, 2, n, dtype=np.float32)[:, None] * np.ones((n, 2), np.float32)
    vectors += rng.normal(0, 1e-5, vectors.shape).astype(np.float32)
    things = vicinal.open(":memory:").create_collection(
        "things", Dense(2, metric="l2", index=Hnsw()), fields={"owner": "keyword", "number": "integer"}
    )
    things.upsert(range(n), vectors, rows)
    things.merge()
    for said in ({"exact": True}, {}):
        found = things.search(np.ones(2), 4, group_by=field, group_size=5, **said)
        values = [f"o{i}" for i in range(4)] if field == "owner" else list(range(4))
        assert found.values == values
        for owner, group in enumerate(found):
            assert len(group.hits) == 5
            assert {owners[i] for i in group.hits.ids} == {owner}
    every = things.search(np.ones(2), 50, group_by=field, group_size=1)
    assert len(every) == 6


def test_values_that_make_no_group_do_not_hide_those_that_do() -> None:
    n = 200
    things = vicinal.open(":memory:").create_collection("things", Dense(1, metric="l2"))
    rows: list[dict[str, Any]] = [{"by": [{"a": 1}, [2]]} for _ in range(n)]
    things.upsert(range(n + 1), np.arange(n + 1, dtype=np.float32)[:, None], [*rows, {"by": "x"}])
    assert told(things.search([0.0], 2, group_by="by"), None) == [((2, "x"), [n])]
    things.add_field("by", "keyword")
    assert told(things.search([0.0], 2, group_by="by"), "keyword") == [((2, "x"), [n])]
    things.merge()
    assert told(things.search([0.0], 2, group_by="by"), "keyword") == [((2, "x"), [n])]
