"""Changes of payloads do what plain dicts do, and a deleted path is one that no filter finds."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from vicinal.engine.filters.canonical import MISSING, extract
from vicinal.engine.writing.payload_changes import with_change, without_paths

keys = st.sampled_from(["a", "b", "c"])
leaves = st.one_of(st.none(), st.booleans(), st.integers(0, 2), st.text("x", max_size=1))
values = st.recursive(
    leaves, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner)), max_leaves=12
)
payloads = st.dictionaries(keys, values)
paths = st.lists(keys, min_size=1, max_size=3).map(tuple)


def set_in_place(
    payload: dict[str, Any], change: dict[str, Any], path: tuple[str, ...], replace: bool
) -> Any:
    """Do with assignments what ``with_change`` does without."""
    root = {"": copy.deepcopy(payload)}
    steps = ("", *path)
    at: Any = root
    for step in steps[:-1]:
        if not isinstance(at.get(step), dict):
            at[step] = {}
        at = at[step]
    if replace or not isinstance(at.get(steps[-1]), dict):
        at[steps[-1]] = {}
    at[steps[-1]].update(change)
    return root[""]


def delete_in_place(value: Any, path: tuple[str, ...]) -> None:
    if isinstance(value, list):
        for item in value:
            delete_in_place(item, path)
    elif isinstance(value, dict) and path[0] in value:
        if len(path) == 1:
            del value[path[0]]
        else:
            delete_in_place(value[path[0]], path[1:])


@given(payloads, payloads, st.one_of(st.just(()), paths), st.booleans())
def test_a_change_is_an_assignment(
    payload: dict[str, Any], change: dict[str, Any], path: tuple[str, ...], replace: bool
) -> None:
    before = json.dumps([payload, change])
    assert with_change(payload, change, path, replace) == set_in_place(payload, change, path, replace)
    assert json.dumps([payload, change]) == before


@given(payloads, st.lists(paths, max_size=3))
def test_what_is_deleted_no_filter_finds(payload: dict[str, Any], chosen: list[tuple[str, ...]]) -> None:
    before = json.dumps(payload)
    expected = copy.deepcopy(payload)
    for path in chosen:
        delete_in_place(expected, path)
    left = without_paths(payload, chosen)
    assert left == expected
    assert (left is payload) == (json.dumps(expected) == before)
    assert json.dumps(payload) == before
    for path in chosen:
        assert extract(left, ".".join(path)) is MISSING
