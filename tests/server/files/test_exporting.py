"""Exported points, read again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

import vicinal
from vicinal import Bm25, Dense, Sparse
from vicinal.engine.errors import InvalidArgument
from vicinal.server.files import exporting as export_files
from vicinal.server.files.batch import FileRequest
from vicinal.server.files.exporting import ExportRequest, write_file
from vicinal.server.files.importing import NewCollection, import_points

LARGEST = 2**64 - 1


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_files, "PAGE_POINTS", 1)


def export(path: Path, ids: list[Any], payloads: list[dict[str, Any]]) -> None:
    with vicinal.open(":memory:") as db:
        collection = db.create_collection("c", Dense(2))
        collection.upsert(ids, np.ones((len(ids), 2), np.float32), payloads)
        write_file(collection, ExportRequest(path), lambda count: None)


def imported(path: Path) -> dict[Any, dict[str, Any]]:
    with vicinal.open(":memory:") as db:
        import_points(db, FileRequest(path), NewCollection("c"), None, lambda *_: None)
        return {point.id: point.payload for point in db.collection("c").scroll().points}


NUMBERS = [
    ([LARGEST], [{"n": 1}]),
    ([1, LARGEST], [{"n": 1}, {"n": LARGEST}]),
    ([LARGEST, 1], [{"n": LARGEST}, {"n": 1}]),
    ([0, 2**63], [{"n": -(2**63)}, {"n": 2**63 - 1}]),
    ([1, 2], [{"n": LARGEST}, {}]),
    ([1, 2], [{"n": 2**63}, {"m": [1, 2]}]),
]


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl"])
@pytest.mark.parametrize("page", [1, 100])
@pytest.mark.parametrize(("ids", "payloads"), NUMBERS)
def test_large_numbers_come_in_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, page: int, ids: Any, payloads: Any
) -> None:
    monkeypatch.setattr(export_files, "PAGE_POINTS", page)
    path = tmp_path / f"out{suffix}"
    export(path, ids, payloads)
    assert imported(path) == dict(zip(ids, payloads, strict=True))


def test_ids_that_are_numbers_have_one_type(tmp_path: Path) -> None:
    export(tmp_path / "out.parquet", [1], [{}])
    assert str(pq.read_schema(tmp_path / "out.parquet").field("id").type) == "uint64"


REFUSED = [
    [{"o": {}}, {}],
    [{"o": [{}]}, {}],
    [{"o": {"a": {}}}, {}],
    [{"o": -1}, {"o": LARGEST}],
    [{"o": LARGEST}, {"o": -1}],
    [{"o": 0.5}, {"o": LARGEST}],
    [{"o": LARGEST}, {"o": 0.5}],
    [{"o": [LARGEST]}, {}],
    [{"o": {"a": LARGEST}}, {}],
    [{"o": LARGEST}, {"o": "text"}],
]


@pytest.mark.parametrize("page", [1, 100])
@pytest.mark.parametrize("payloads", REFUSED, ids=repr)
def test_what_no_column_holds_points_to_json_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: int, payloads: list[dict[str, Any]]
) -> None:
    monkeypatch.setattr(export_files, "PAGE_POINTS", page)
    with pytest.raises(InvalidArgument, match=r"'o' holds .* out\.jsonl"):
        export(tmp_path / "out.parquet", [1, 2], payloads)
    assert list(tmp_path.iterdir()) == []
    export(tmp_path / "out.jsonl", [1, 2], payloads)
    assert imported(tmp_path / "out.jsonl") == dict(zip([1, 2], payloads, strict=True))


def test_objects_of_a_column_keep_their_keys_or_are_refused(tmp_path: Path) -> None:
    alike = [{"o": {"a": 1}}, {"o": {"a": 2}}, {}]
    export(tmp_path / "alike.parquet", [1, 2, 3], alike)
    assert list(imported(tmp_path / "alike.parquet").values()) == alike
    differing = [{"o": {"a": 1}}, {"o": {"b": [2]}}]
    with pytest.raises(InvalidArgument, match=r"keys differ.*out\.jsonl"):
        export(tmp_path / "out.parquet", [1, 2], differing)
    export(tmp_path / "out.jsonl", [1, 2], differing)
    assert list(imported(tmp_path / "out.jsonl").values()) == differing


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl"])
@pytest.mark.parametrize("other", [{}, {"plot": Dense(2)}, {"more": Sparse(encoder=Bm25("more"))}])
def test_vectors_made_of_payloads_are_made_again(tmp_path: Path, suffix: str, other: dict[str, Any]) -> None:
    path = tmp_path / f"out{suffix}"
    fields = {"body": Sparse(encoder=Bm25("body")), **other}
    vectors = {"plot": np.ones((3, 2))} if "plot" in other else None
    payloads = [{"body": "red shoes", "more": "a"}, {"body": "shoes", "more": "b"}, {"body": "", "more": "c"}]
    with vicinal.open(":memory:") as db:
        pages = db.create_collection("pages", fields)
        pages.upsert([1, 2, 3], vectors, payloads)
        write_file(pages, ExportRequest(path), lambda count: None)
        again = db.create_collection("again", fields)
        import_points(db, FileRequest(path), NewCollection("again"), None, lambda *_: None)
        assert [point.payload for point in again.scroll().points] == payloads
        assert list(again.search("shoe", field="body").ids) == [2, 1]


def test_a_file_of_vectors_alone_is_none_for_a_collection_of_texts(tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", np.ones((3, 2), np.float32))
    with vicinal.open(":memory:") as db:
        db.create_collection("pages", Sparse(encoder=Bm25("body")))
        request = FileRequest(tmp_path / "rows.npy")
        with pytest.raises(InvalidArgument, match="makes its own"):
            import_points(db, request, NewCollection("pages"), None, lambda *_: None)
