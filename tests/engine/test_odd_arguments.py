"""Any argument of the public API may be anything: what comes back is an answer or a public error."""

from __future__ import annotations

import datetime
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vicinal
from vicinal import PartialVectors

DIM = 4
V = np.random.default_rng(0).standard_normal((60, DIM)).astype(np.float32)


class Raising:
    """Fails when it is looked at as an array or a sequence."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> object:
        raise ZeroDivisionError


def quiet(stage: str, fraction: float) -> None:
    """Be a progress."""


ODD: list[Any] = [
    *(None, True, 0, -1, 2**64, 2**200, 1.5, float("nan"), float("inf"), 1j, np.bool_(True), np.float32(1)),
    *("", "a", "\ud800", "x" * 300, "a\0b", b"", b"abc", bytearray(b"x"), memoryview(b"abc")),
    *([], [[]], [None], [1, 2], ["a", 1], [1.5], [[1, 2], [3]], (), (1, 2, 3), set(), {1, 2}, range(3)),
    *({}, {"a": 1}, {1: 2}, {"must": []}, {"must": 1}, {"vector": 1}, slice(1), Ellipsis, NotImplemented),
    *(np.array([]), np.array(1), np.array([1, 2]), V[:2], np.ones((3, 4, 2)), np.array(["a"])),
    *(np.array([object()]), np.array([None]), np.array([1j]), np.zeros(4, "V8"), np.ones((2, 4), "U1")),
    *(np.datetime64("2026-01-01"), datetime.datetime(2026, 1, 1), object(), object, Exception(), Raising()),
    *(vicinal.Dense(4), vicinal.Sparse(), vicinal.F("n") > 1, vicinal.F("zz") == 1, vicinal.Metric),
    *(np.ma.masked_array([1, 2], [1, 0]), quiet),
]


@pytest.fixture(scope="module")
def database() -> Iterator[vicinal.Database]:
    with vicinal.open(":memory:") as db:
        dense = db.create_collection("dense", vicinal.Dense(DIM), fields={"n": "integer", "k": "keyword"})
        dense.upsert(range(20), V[:20], [{"n": i, "k": str(i)} for i in range(20)])
        fields = {"terms": vicinal.Sparse(), "tokens": vicinal.Multi(DIM)}
        owned = db.create_collection("owned", fields, partitioned=True)
        owned.upsert([1], {"terms": [{1: 1.0}], "tokens": [V[:2]]}, tenant="ada")
        yield db


def calls(db: vicinal.Database) -> dict[str, tuple[Callable[..., Any], dict[str, Any]]]:
    """Return functions with arguments that are right, by name."""
    dense, owned = db.collection("dense"), db.collection("owned")
    two = {"terms": [{1: 1.0}, {2: 1.0}], "tokens": [V[:2], V[:1]]}
    own = {"tenant": "ada", "filter": None}
    search = {"k": 3, "field": None, "filter": None, "recall": 0.9, "ef": None, "exact": False, "offset": 0}
    search |= {"tenant": None, "with_payload": True, "with_vectors": False, "threads": 1}
    chosen = {"filter": None, "tenant": None}
    create = {"name": "new", "vectors": vicinal.Dense(DIM), "fields": {"a": "integer"}, "partitioned": False}
    return {
        "open": (vicinal.open, {"path": ":memory:", "read_only": False, "merge_policy": None}),
        "create": (db.create_collection, create),
        "collection": (db.collection, {"name": "dense"}),
        "drop": (db.drop_collection, {"name": "none"}),
        "upsert": (
            dense.upsert,
            {"ids": [1, 2], "vectors": V[:2], "payloads": [{"n": 1}, None], "tenant": None},
        ),
        "upsert owned": (owned.upsert, {"ids": [1, 2], "vectors": two, "payloads": None, "tenant": "ada"}),
        "delete": (dense.delete, {"ids": [900], **chosen}),
        "update": (dense.update_payload, {"payload": {"n": 1}, "ids": [900], "replace": False, **chosen}),
        "get": (dense.get, {"ids": [1], "with_vectors": True, "tenant": None}),
        "scroll": (dense.scroll, {"limit": 5, "after": None, "with_vectors": False, **chosen}),
        "count": (dense.count, chosen),
        "search": (dense.search, {"query": V[0], **search}),
        "score": (dense.score, {"query": V[0], "ids": [1, 2], "field": "vector", "tenant": None}),
        "score terms": (owned.score, {"query": {1: 1.0}, "ids": [1], "field": "terms", "tenant": "ada"}),
        "search terms": (owned.search, {"query": {1: 1.0}, "k": 3, "field": "terms", **own}),
        "search tokens": (owned.search, {"query": V[:2], "k": 3, "field": "tokens", **own}),
        "explain": (dense.explain, {"query": V[0], **search}),
        "calibrate": (dense.calibrate, {"queries": V, "field": None, "progress": quiet}),
        "flush": (dense.flush, {"progress": quiet}),
        "merge": (dense.merge, {"progress": quiet}),
        "wait": (dense.wait_indexed, {"timeout": None, "progress": quiet}),
        "F": (vicinal.F, {"": "a"}),
        "equal": (vicinal.F("n").__eq__, {"": 1}),
        "less": (vicinal.F("n").__lt__, {"": 1}),
        "is_in": (vicinal.F("k").is_in, {"": ["a"]}),
        "update vectors": (
            owned.update_vectors,
            {"ids": [900], "vectors": {"terms": [{1: 1.0}]}, "tenant": "ada"},
        ),
        "delete vectors": (
            owned.delete_vectors,
            {"fields": ["terms"], "ids": [900]} | chosen | {"tenant": "ada"},
        ),
        "partial": (
            lambda present: dense.update_vectors([900], PartialVectors(V[:1], present)),
            {"present": [True]},
        ),
        "has_vector": (vicinal.has_vector, {"field": "terms"}),
        "has_id": (vicinal.has_id, {"ids": [1]}),
        "deadline": (vicinal.deadline, {"seconds": 1.0}),
    }


def later_calls(db: vicinal.Database) -> dict[str, tuple[Callable[..., Any], dict[str, Any]]]:
    """Return functions that change schemas, fields and tenants, or have nothing to do with a database."""
    dense, owned = db.collection("dense"), db.collection("owned")
    chosen = {"filter": None, "tenant": None}
    vectors = {"metric": "dot", "element": "float32", "index": None}
    return {
        "get or create": (
            db.get_or_create_collection,
            {"name": "dense", "vectors": dense.schema.vectors, "fields": dense.schema.fields},
        ),
        "rename": (db.rename_collection, {"old": "none", "new": "other"}),
        "aliases": (db.set_aliases, {"aliases": {}}),
        "add_field": (dense.add_field, {"name": "m", "type": "integer"}),
        "drop_field": (dense.drop_field, {"name": "none"}),
        "add_vector_field": (dense.add_vector_field, {"name": "more", "field": vicinal.Sparse()}),
        "drop_vector_field": (dense.drop_vector_field, {"name": "none"}),
        "facet": (dense.facet, {"field": "k", "limit": 10, **chosen}),
        "min_max": (dense.min_max, {"field": "n", **chosen}),
        "sample": (dense.sample, {"n": 2, "seed": 1, "with_payload": True, "with_vectors": False, **chosen}),
        "clear_payload": (dense.clear_payload, {"ids": [900], **chosen}),
        "delete_payload": (dense.delete_payload, {"keys": ["z"], "ids": [900], **chosen}),
        "grouped": (dense.search, {"query": V[0], "group_by": "k", "group_size": 2}),
        "create tenant": (owned.tenants.create, {"names": ["bob"]}),
        "drop tenant": (owned.tenants.drop, {"names": ["none"]}),
        "list tenants": (owned.tenants.list, {"prefix": "", "limit": 10, "after": None}),
        "tenant stats": (owned.tenants.stats, {"name": "ada"}),
        "grant": (owned.tenants.grant, {"ids": [900], "tenant": "ada", "to": ["bob"]}),
        "revoke": (owned.tenants.revoke, {"ids": [900], "tenant": "ada", "to": ["bob"]}),
        "grants": (owned.tenants.grants, {"name": "ada", "limit": 10, "after": None}),
        "quota": (
            owned.tenants.set_quota,
            {"name": "bob", "points": 10_000, "bytes": None, "requests_per_second": None},
        ),
        "Dense": (vicinal.Dense, {"dim": 4, "on_disk": False, **vectors}),
        "Sparse": (
            vicinal.Sparse,
            {"tokens": False, "query_weights": None, "idf": False, "encoder": None, **vectors},
        ),
        "Multi": (vicinal.Multi, {"dim": 4, "max_tokens": 8, "on_disk": False, "codec": None, **vectors}),
        "Bm25": (vicinal.Bm25, {"text": "t", "language": None, "k1": 1.2, "b": 0.75}),
        "filter from JSON": (vicinal.filter_from_json, {"record": {"must": []}}),
        "filter to JSON": (vicinal.filter_to_json, {"expression": vicinal.F("n") > 1}),
        "filter from a string": (vicinal.filter_from_string, {"text": "n > 1"}),
        "at_least": (vicinal.at_least, {"count": 1, "filters": [vicinal.F("n") > 1]}),
    }


def raw_error(
    database: vicinal.Database, function: Callable[..., Any], right: dict[str, Any], argument: str, odd: Any
) -> str:
    """Call with one odd argument; return what a caller must not meet, empty when all is well."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # Operators take what is beside them, and no name.
            answer = function(odd) if argument == "" else function(**(right | {argument: odd}))
        if isinstance(answer, vicinal.Database):
            answer.close()
        elif isinstance(answer, vicinal.Collection) and answer.name not in ("dense", "owned"):
            database.drop_collection(answer.name)
    except vicinal.VicinalError as error:
        return "" if str(error) else "no words"
    except ZeroDivisionError:
        # What an object of the caller raises is the caller's own, too.
        return "" if isinstance(odd, Raising) else "a division by zero"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def test_odd_arguments(database: vicinal.Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Where an odd path would make a folder.
    monkeypatch.chdir(tmp_path)
    wrong = []
    tried = 0
    for name, (function, right) in (calls(database) | later_calls(database)).items():
        for argument in right:
            for odd in ODD:
                # What is called is the caller's own.
                if argument != "progress" or not callable(odd):
                    tried += 1
                    complaint = raw_error(database, function, right, argument, odd)
                    if complaint:
                        wrong.append(f"{name}({argument}={odd!r:.60}): {complaint}")
    assert not wrong, "\n".join(wrong)
    assert tried > 8000
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]
