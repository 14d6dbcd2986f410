"""``fields="auto"``: any payloads in any batches, and processes that open the database later or beside."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import lmdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from serving.held_writer import held_writer

import vicinal
from vicinal import F
from vicinal.engine.api import CollectionApi
from vicinal.engine.schema.collection_schema import CollectionSchema
from vicinal.storage import durable

DIM = 4
# What each value shows, told by hand.
KINDS: list[tuple[Any, str]] = [
    (True, "bool"),
    (3, "integer"),
    (-(2**53), "integer"),
    (2**53 + 1, "wide"),
    (1.5, "float"),
    (7.0, "float"),
    ("noir", "keyword"),
    ("", "keyword"),
    ("20240501", "keyword"),
    ("2024-13-01", "keyword"),
    ("x" * 256, "keyword"),
    ("a b c d e f g h i j", "keyword"),
    ("2024-05-01", "datetime"),
    ("2024-05-01T10:00:00.5+02:00", "datetime"),
    ("é" * 129, "none"),
    ("a\nb", "none"),
    ("a b c d e f g h i j k", "none"),
    (2**63, "none"),
]
one = st.sampled_from([value for value, _ in KINDS])
value = st.none() | one | st.lists(st.none() | one, max_size=3) | st.just([[1]])
payloads = st.dictionaries(
    st.sampled_from(["a", "b", "c", "b.d"]),
    value
    | st.dictionaries(st.sampled_from(["d", "e"]), value, max_size=2)
    | st.lists(st.dictionaries(st.just("d"), value, max_size=1), max_size=2),
    max_size=3,
)


def rows(n: int) -> np.ndarray:
    return np.ones((n, DIM), np.float32)


def shown(payload: Any, before: str, dotted: bool, found: dict[str, set[str]]) -> None:
    for key, member in payload.items():
        path, flat = f"{before}{key}", dotted or "." in key
        kinds = found.setdefault(path, set())
        if flat:
            kinds.add("none")
        for item in member if isinstance(member, list) else [member]:
            if isinstance(item, dict):
                shown(item, f"{path}.", flat, found)
            if isinstance(item, dict | list):
                kinds.add("none")
            elif item is not None:
                kinds |= {kind for known, kind in KINDS if type(known) is type(item) and known == item}


def declared(kinds: set[str]) -> str | None:
    if kinds == {"integer", "float"}:
        return "float"
    if kinds and kinds <= {"integer", "wide"}:
        return "integer"
    return next(iter(kinds)) if len(kinds) == 1 and kinds != {"none"} else None


def values_at(payload: Any, keys: list[str]) -> list[Any]:
    if isinstance(payload, list):
        return [found for item in payload for found in values_at(item, keys)]
    if not keys:
        return [] if payload is None or isinstance(payload, dict) else [payload]
    if not isinstance(payload, dict) or keys[0] not in payload:
        return []
    return values_at(payload[keys[0]], keys[1:])


def check(points: CollectionApi, written: list[Any]) -> None:
    found: dict[str, set[str]] = {}
    for payload in written:
        shown(payload, "", False, found)
    expected = {path: kind for path, kinds in found.items() if (kind := declared(kinds)) is not None}
    assert dict(points.schema.fields) == expected
    for path, kind in expected.items():
        if kind != "datetime":
            counts = Counter(v for each in written for v in set(values_at(each, path.split("."))))
            assert {facet.value: facet.count for facet in points.facet(path, limit=None)} == counts


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.lists(payloads, min_size=1, max_size=4), st.booleans()), max_size=5))
def test_a_field_is_declared_while_all_its_values_are_of_one_kind(
    batches: list[tuple[list[Any], bool]],
) -> None:
    with vicinal.open(":memory:") as db:
        points = db.create_collection("points", vicinal.Dense(DIM), fields="auto")
        written: list[Any] = []
        for batch, seals in batches:
            points.upsert(range(len(written), len(written) + len(batch)), rows(len(batch)), batch)
            written += batch
            check(points, written)
            if seals:
                points.flush()
        check(points, written)


def test_they_are_there_when_it_is_opened_again_and_for_who_reads_beside(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with vicinal.open(path) as db:
        points = db.create_collection("points", vicinal.Dense(DIM), fields="auto")
        points.upsert([1], rows(1), [{"n": 1, "odd": 1}])
        with vicinal.open(path, read_only=True) as reader:
            followed = reader.collection("points")
            assert dict(followed.schema.fields) == {"n": "integer", "odd": "integer"}
            points.upsert([2], rows(1), [{"n": 2.5, "odd": "x", "word": "w"}])
            assert dict(followed.schema.fields) == {"n": "float", "word": "keyword"}
            assert followed.count(filter=F("n") > 0) == 2
            assert followed.count(filter=F("odd") == 1) == 1
    with vicinal.open(path) as db:
        points = db.collection("points")
        assert points.schema.declares
        assert CollectionSchema.from_json(points.schema.to_json()).settled == {"odd"}
        points.upsert([3], rows(1), [{"odd": 3, "late": True}])
        assert dict(points.schema.fields) == {"n": "float", "word": "keyword", "late": "bool"}
        points.upsert(range(1000), rows(1000), [{"n": i} for i in range(1000)])
        assert points.count(filter=F("n") >= 500) == 500
    with vicinal.open(path) as db:
        points = db.collection("points")
        assert (points.schema.auto, points.schema.declares, points.schema.settled) == (True, False, set())
        points.upsert([2000], rows(1), [{"more": 1}])
        assert "more" not in points.schema.fields


def test_a_commit_that_fails_declares_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with vicinal.open(tmp_path / "db") as db:
        points = db.create_collection("points", vicinal.Dense(DIM), fields="auto")
        points.upsert([1], rows(1), [{"n": 1}])

        def failing(transaction: Any) -> None:
            raise lmdb.MapFullError("mdb_put", -30792)

        with monkeypatch.context() as patched:
            patched.setattr(durable, "commit", failing)
            with pytest.raises(vicinal.MapFull):
                points.upsert([2], rows(1), [{"n": "x", "new": 1}])
        assert dict(points.schema.fields) == {"n": "integer"}
        points.upsert([2], rows(1), [{"n": 2.5, "new": "x"}])
        assert dict(points.schema.fields) == {"n": "float", "new": "keyword"}
        assert points.count(filter=F("n") >= 1) == 2


def test_writes_that_wait_while_others_declare(tmp_path: Path) -> None:
    with vicinal.open(tmp_path / "db") as db, ThreadPoolExecutor(6) as pool:
        points = db.create_collection("points", vicinal.Dense(DIM), fields="auto")
        queue = points._host._writer._queue  # type: ignore[attr-defined]

        def behind(ids: Any, payloads: list[Any]) -> Any:
            waiting = queue.qsize()
            future = pool.submit(points.upsert, ids, rows(len(payloads)), payloads)
            while queue.qsize() == waiting:
                assert not future.done()
            return future

        with held_writer(tmp_path / "db") as held:
            first = pool.submit(points.upsert, [1], rows(1), [{"n": 1}])
            held.wait_for_writer()
            # All of these are checked against a schema that has no field and declares them.
            wider = behind([2], [{"n": 2.5}])
            many = behind(range(10, 1010), [{"late": i} for i in range(1000)])
            wrong = behind([3], [{"late": "x"}])
            right = behind([4], [{"n": 3, "later": 1}])
            held.release()
        for future in (first, wider, many, right):
            future.result()
        with pytest.raises(vicinal.InvalidArgument, match="'late' is 'x'"):
            wrong.result()
        assert dict(points.schema.fields) == {"n": "float", "late": "integer"}
        assert points.count(filter=F("n") > 2) == 2
        assert points.count(filter=F("late") >= 0) == 1000
