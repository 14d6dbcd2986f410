"""Answers of a collection with every kind of vector as frames: the same rows as the hits one by one."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import vicinal
from vicinal import Dense, Hit, InvalidArgument, Multi, Point, Sparse

FIELDS = {
    "plot": Dense(4),
    "half": Dense(3, element="float16"),
    "bits": Dense(16, metric="hamming", element="binary"),
    "terms": Sparse(),
    "marks": Sparse(element="binary"),
    "tokens": Multi(2, element="float32"),
}
PAYLOADS: list[Any] = [{"n": 1, "seen": True}, {"n": None}, {"n": 3, "tags": ["a"]}, {"any": 1}, {"any": "x"}]


@pytest.fixture(scope="module")
def points() -> Iterator[vicinal.Collection]:
    rng = np.random.default_rng(6)
    vectors: dict[str, Any] = {
        "plot": rng.standard_normal((5, 4)),
        "half": [*rng.standard_normal((4, 3)), None],
        "bits": rng.integers(0, 256, (5, 2), dtype=np.uint8),
        "terms": [{1: 0.5, 9: 1.0}, {}, None, {4: 2.0}, None],
        "marks": [[3, 1], [], None, {7}, None],
        "tokens": [None, *(rng.standard_normal((1 + row, 2)) for row in range(4))],
    }
    with vicinal.open(":memory:") as db:
        points = db.create_collection("points", FIELDS)
        points.upsert(range(5), vectors, PAYLOADS)
        yield points


def plain(vector: Any) -> Any:
    if isinstance(vector, tuple):
        return {"indices": vector[0].tolist(), "values": vector[1].tolist()}
    if vector is not None and vector.dtype == np.uint32:
        return {"indices": vector.tolist(), "values": [1.0] * len(vector)}
    return None if vector is None else vector.tolist()


def same(table: pa.Table, listed: list[Hit] | list[Point]) -> None:
    table.validate(full=True)
    assert table["id"].to_pylist() == [row.id for row in listed]
    assert table["n"].to_pylist() == [row.payload.get("n") for row in listed]
    assert table["tags"].to_pylist() == [row.payload.get("tags") for row in listed]
    for name in FIELDS:
        assert table[name].to_pylist() == [plain(row.vectors.get(name)) for row in listed]


def test_all_kinds_of_vectors(points: vicinal.Collection) -> None:
    query = np.ones(4, np.float32)
    hits = points.search(query, field="plot", with_vectors=True)
    same(hits.to_arrow(), list(hits))
    same(pickle.loads(pickle.dumps(hits)).to_arrow(), list(hits))
    table = points.search([query, -query], k=9, field="plot", with_vectors=True).to_arrow()
    same(table.slice(0, 5), list(hits))
    assert table["query"].to_pylist() == [0] * 5 + [1] * 5
    page = points.scroll(with_vectors=True)
    same(page.to_arrow(), list(page.points))


def test_pandas_keeps_whole_numbers_and_truth_values(points: vicinal.Collection) -> None:
    frame = points.scroll().to_pandas()
    assert {name: str(frame[name].dtype) for name in ("id", "n", "seen")} == {
        "id": "uint64",
        "n": "Int64",
        "seen": "boolean",
    }
    assert frame["n"].tolist() == [1, pd.NA, 3, pd.NA, pd.NA]
    assert frame["any"].tolist()[3:] == ["1", '"x"']
    assert isinstance(points.scroll().to_polars(), pl.DataFrame)


def test_without_hits_and_without_payloads(points: vicinal.Collection) -> None:
    empty = points.search(np.empty((0, 4), np.float32), field="plot", with_payload=False).to_arrow()
    assert (empty.column_names, empty.num_rows) == (["query", "id", "score"], 0)
    hits = points.search(np.ones(4), k=1, field="plot", with_payload=False)
    assert hits.to_arrow().column_names == ["id", "score"]
    assert hits.to_pandas().shape == (1, 2)


@pytest.mark.parametrize(
    ("library", "method", "install"),
    [
        ("pyarrow", "to_arrow", r'to_arrow needs pyarrow, .*"vicinal\[data\]"'),
        ("pandas", "to_pandas", 'to_pandas needs pandas, .*"pandas"'),
        ("polars", "to_polars", 'to_polars needs polars, .*"polars"'),
    ],
)
def test_a_missing_library_is_named(
    points: vicinal.Collection, monkeypatch: pytest.MonkeyPatch, library: str, method: str, install: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(InvalidArgument, match=install):
        getattr(points.scroll(), method)()
