"""What is exported comes in again as it was, or the export says that the format cannot keep it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from column_strategies import id_lists, json_values, texts
from hypothesis import event, given, settings
from hypothesis import strategies as st

import vicinal
from vicinal import Dense, Multi, Sparse
from vicinal.engine.errors import InvalidArgument
from vicinal.server.files.batch import FileRequest
from vicinal.server.files.exporting import ExportRequest, write_file
from vicinal.server.files.importing import NewCollection, import_points

Points = list[tuple[Any, dict[str, Any]]]

_COLUMNS: list[st.SearchStrategy[Any]] = [
    st.integers(-(2**63), 2**63 - 1),
    st.integers(0, 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    texts,
    st.booleans(),
    st.lists(st.integers(-3, 3) | st.none(), max_size=3),
    st.fixed_dictionaries({"x": texts, "y": st.none() | st.floats(-1, 1)}),
    json_values,
]


def _with_ids(payloads: st.SearchStrategy[Any]) -> st.SearchStrategy[Points]:
    unique = id_lists.filter(bool).map(lambda ids: list(dict.fromkeys(ids)))
    return unique.flatmap(
        lambda ids: st.lists(payloads, min_size=len(ids), max_size=len(ids)).map(
            lambda rows: list(zip(ids, rows, strict=True))
        )
    )


@st.composite
def _tables(draw: st.DrawFn) -> Points:
    """Draw points whose payloads are like the rows of a table: one type, or nearly, for each key."""
    required: dict[str, st.SearchStrategy[Any]] = {}
    optional: dict[str, st.SearchStrategy[Any]] = {}
    for key in draw(st.lists(texts, unique=True, max_size=3)):
        values = draw(st.sampled_from(_COLUMNS))
        if draw(st.booleans()):
            values = values | st.none()
        (required if draw(st.booleans()) else optional)[key] = values
    return draw(_with_ids(st.fixed_dictionaries(required, optional=optional)))


def _written(path: Path, points: Points, vectors: np.ndarray) -> None:
    with vicinal.open(":memory:") as db:
        collection = db.create_collection("c", Dense(3))
        collection.upsert([point_id for point_id, _ in points], vectors, [row for _, row in points])
        write_file(collection, ExportRequest(path, id_field="_id"), lambda count: None)


def _read(path: Path) -> list[Any]:
    with vicinal.open(":memory:") as db:
        import_points(db, FileRequest(path, "_id", ["vector"]), NewCollection("c"), None, lambda *_: None)
        found = db.collection("c").scroll(with_vectors=True).points
        return [(point.id, point.payload, point.vectors["vector"].tolist()) for point in found]


def _as_text(points: list[Any]) -> bytes:
    # Numbers that are equal are told apart by their text, 1 and 1.0.
    return orjson.dumps(points, option=orjson.OPT_SORT_KEYS)


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
@settings(max_examples=60, deadline=None)
@given(points=_tables() | _with_ids(st.dictionaries(texts, json_values, max_size=3)), seed=st.integers(0, 9))
def test_an_export_comes_in_again(suffix: str, points: Points, seed: int) -> None:
    vectors = np.random.default_rng(seed).standard_normal((len(points), 3)).astype(np.float32)
    expected = [(*point, vector) for point, vector in zip(points, vectors.tolist(), strict=True)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"out.{suffix}")
        try:
            _written(path, points, vectors)
            refused = ""
        except InvalidArgument as error:
            refused = str(error)
        if refused:
            event("refused")
            assert suffix == "parquet"
            assert "out.jsonl" in refused
            return
        assert _as_text(_read(path)) == _as_text(expected)


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        ([{"a": None}, {}], "nulls where other points have no such key"),
        ([{"a": 1}, {"a": 1.5}], "values of several types"),
        ([{"a": 2**53 + 1}, {"a": 0.5}], "values of several types"),
        ([{"a": {"x": 1}}, {"a": {}}], "objects whose keys differ"),
        ([{"a": True}, {"a": 1}], "values of several types"),
    ],
)
def test_what_parquet_cannot_keep_is_said(tmp_path: Path, rows: list[dict[str, Any]], what: str) -> None:
    with pytest.raises(InvalidArgument, match=rf"'a' holds {what}.*out\.jsonl"):
        _written(tmp_path / "out.parquet", list(enumerate(rows)), np.ones((2, 3), np.float32))
    assert list(tmp_path.iterdir()) == []


def test_nulls_and_missing_keys_stay_apart_in_parquet(tmp_path: Path) -> None:
    rows = [{"null": None, "some": 1}, {"null": None}, {"null": 3, "some": 2}]
    _written(tmp_path / "out.parquet", list(enumerate(rows)), np.ones((3, 3), np.float32))
    assert [payload for _, payload, _ in _read(tmp_path / "out.parquet")] == rows


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_missing_vectors_stay_missing(tmp_path: Path, suffix: str) -> None:
    fields = {
        "plot": Dense(2),
        "terms": Sparse(),
        "words": Sparse(tokens=True),
        "tokens": Multi(2),
        "none": Dense(2),
    }
    path = tmp_path / f"out.{suffix}"
    with vicinal.open(":memory:") as db:
        one = db.create_collection("one", fields)
        vectors = {
            "plot": [None, [1, 2], None],
            "terms": [{1: 0.5}, None, {}],
            "words": [{"é\n": 0.5, "a": -1.0}, {}, None],
            "tokens": [None, None, [[1, 2], [3, 4]]],
        }
        one.upsert([1, 2, 3], vectors, [{"a": 1}, {"a": 2}, {"a": 3}])
        write_file(one, ExportRequest(path), lambda count: None)
        two = db.create_collection("two", fields)
        import_points(db, FileRequest(path), NewCollection("two"), None, lambda *_: None)
        for left, right in zip(*(c.get([1, 2, 3], with_vectors=True) for c in (one, two)), strict=True):
            assert repr(left) == repr(right)
        chosen = FileRequest(path, "id", ["plot", "terms", "words", "tokens"])
        created, _ = import_points(db, chosen, NewCollection("new"), None, lambda *_: None)
        assert [sorted(point.vectors) for point in created.scroll(with_vectors=True).points] == [
            ["terms", "words"],
            ["plot", "words"],
            ["terms", "tokens"],
        ]
        assert created.schema.vectors["words"] == Sparse(tokens=True)
        everything = FileRequest(path, "id", list(fields))
        with pytest.raises(InvalidArgument, match="the first 3 points have no 'none'"):
            import_points(db, everything, NewCollection("other"), None, lambda *_: None)
