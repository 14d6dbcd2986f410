"""What a tenant may have: counted as a dict would count it, refused before anything changes, kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vicinal
from vicinal import Bm25, Dense, F, Multi, Sparse, TenantQuota

DIM = 4
QUIET = vicinal.MergePolicySettings(quiet_seconds=1e9)


def rows(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, DIM)).astype(np.float32)


@pytest.fixture
def rooms() -> Any:
    with vicinal.open(":memory:", merge_policy=QUIET) as db:
        yield db.create_collection("rooms", Dense(DIM), fields={"n": "integer"}, partitioned=True)


def test_points_up_to_the_quota_and_no_more(rooms: vicinal.Collection) -> None:
    rooms.tenants.create("ada")
    rooms.tenants.set_quota("ada", points=5)
    rooms.upsert(range(4), rows(4), tenant="ada")
    rooms.upsert(range(9), rows(9), tenant="bob")
    rooms.flush()
    with pytest.raises(vicinal.QuotaExceeded, match="'ada' may have 5 points, has 4 and would have 6"):
        rooms.upsert([3, 4, 5], rows(3, 1), [{"n": 1}] * 3, tenant="ada")
    assert rooms.count(tenant="ada") == 4
    assert rooms.count(filter=F("n") == 1, tenant="ada") == 0
    # Those that are replaced are not more.
    rooms.upsert([0, 1, 2, 3, 4], rows(5, 1), [{"n": 2}] * 5, tenant="ada")
    rooms.update_payload({"n": 3}, [0], tenant="ada")
    with pytest.raises(vicinal.QuotaExceeded) as refused:
        rooms.upsert([9], rows(1), tenant="ada")
    assert refused.value.field == "tenant"
    # Where nothing is inserted, nothing is too much.
    assert rooms.upsert([1, 9], rows(2), mode="update_only", tenant="ada").points == 1
    rooms.delete([0], tenant="ada")
    rooms.upsert([9], rows(1), tenant="ada")
    assert rooms.tenants.stats("ada").points == 5


def test_a_quota_below_what_there_is_takes_nothing_away(rooms: vicinal.Collection) -> None:
    rooms.upsert(range(4), rows(4), tenant="ada")
    rooms.tenants.set_quota("ada", points=2, bytes=10)
    assert rooms.count(tenant="ada") == 4
    rooms.upsert([0], rows(1), tenant="ada")
    with pytest.raises(vicinal.QuotaExceeded, match="bytes"):
        rooms.upsert([0], rows(1), [{"n": 1}], tenant="ada")
    with pytest.raises(vicinal.QuotaExceeded, match="bytes"):
        rooms.update_payload({"n": 1}, [1], tenant="ada")
    with pytest.raises(vicinal.QuotaExceeded, match="points"):
        rooms.upsert([7], rows(1), tenant="ada")
    rooms.tenants.set_quota("ada", requests_per_second=np.float32(0.5))
    rooms.upsert([7], rows(1), tenant="ada")
    rooms.tenants.set_quota("ada")
    assert rooms.tenants.stats("ada").quota == TenantQuota()


def test_no_tenant_is_held_to_the_quota_of_another(rooms: vicinal.Collection) -> None:
    rooms.tenants.create(["ada", "bob"])
    rooms.tenants.set_quota("ada", points=0)
    rooms.upsert([1], rows(1), tenant="bob")
    with pytest.raises(vicinal.QuotaExceeded):
        rooms.upsert([1], rows(1), tenant="ada")
    rooms.tenants.drop("ada")
    # The name has no quota any more.
    rooms.upsert([1], rows(1), tenant="ada")
    with pytest.raises(vicinal.NotFound, match="no tenant is named 'eve'"):
        rooms.tenants.set_quota("eve", points=1)
    with pytest.raises(vicinal.NotFound, match="no tenant is named 'eve'"):
        rooms.tenants.stats("eve")


def test_what_was_refused_leaves_no_words(tmp_path: Path) -> None:
    with vicinal.open(tmp_path / "db", merge_policy=QUIET) as db:
        fields = {"words": Sparse(encoder=Bm25("text"))}
        rooms = db.create_collection("rooms", fields, partitioned=True)
        rooms.tenants.create("ada")
        rooms.tenants.set_quota("ada", bytes=50)
        with pytest.raises(vicinal.QuotaExceeded):
            rooms.upsert([1], None, [{"text": "a long text of many words that are said once"}], tenant="ada")
        with rooms._state.tenants._catalog.read() as txn:
            assert not [key for key, _ in txn.scan(b"\0", b"\xff") if b"once" in key]
    with vicinal.open(tmp_path / "db", merge_policy=QUIET) as db:
        assert db.collection("rooms").tenants.stats("ada").quota == TenantQuota(bytes=50)
        with pytest.raises(vicinal.QuotaExceeded):
            db.collection("rooms").upsert([1], None, [{"text": "x" * 50}], tenant="ada")
        assert db.collection("rooms").info().tenants == 1


def test_bytes_are_those_of_payloads_and_vectors_of_every_kind(tmp_path: Path) -> None:
    fields: dict[str, Any] = {
        "dense": Dense(DIM),
        "sparse": Sparse(),
        "multi": Multi(DIM),
        "words": Sparse(encoder=Bm25("text")),
    }
    vectors = {
        "dense": rows(3),
        "sparse": [{1: 1.0, 5: 2.0}, {}, {7: 1.0}],
        "multi": [rows(2), rows(5), rows(1)],
    }
    payloads = [{"text": "red red shoes"}, {"n": 1}, {"text": "blue"}]
    with vicinal.open(tmp_path / "db", merge_policy=QUIET) as db:
        rooms = db.create_collection("rooms", fields, partitioned=True)
        rooms.upsert([1, 2, 3], vectors, payloads, tenant="ada")
        as_json = sum(len(json.dumps(payload, separators=(",", ":"))) for payload in payloads)
        expected = as_json + 3 * DIM * 4 + 3 * 8 + 8 * DIM * 2 + (2 + 1) * 8
        assert rooms.tenants.stats("ada").bytes == expected
        rooms.flush()
        assert rooms.tenants.stats("ada").bytes == expected
        rooms.tenants.set_quota("ada", bytes=expected)
        rooms.update_payload({"n": 2}, [2], tenant="ada")
        with pytest.raises(vicinal.QuotaExceeded):
            rooms.update_payload({"n": 22}, [2], tenant="ada")
        rooms.delete([3], tenant="ada")
        rooms.update_payload({"n": 22}, [2], tenant="ada")
        rooms.drop_vector_field("multi")
        assert rooms.tenants.stats("ada").bytes < expected - 8 * DIM * 2 + 10


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["upsert", "delete", "payload", "flush", "merge"]),
            st.lists(st.integers(0, 15), min_size=1, max_size=6, unique=True),
            st.integers(0, 60),
        ),
        max_size=14,
    ),
    st.integers(0, 12),
    st.integers(0, 600),
)
def test_a_dict_counts_the_same(changes: list[Any], points: int, n_bytes: int) -> None:
    model: dict[int, dict[str, str]] = {}

    def size(payload: dict[str, str]) -> int:
        return len(json.dumps(payload, separators=(",", ":"))) + DIM * 4

    def fits(new: dict[int, dict[str, str]]) -> bool:
        more = len(new.keys() - model.keys())
        grown = sum(map(size, new.values())) - sum(size(model[i]) for i in new if i in model)
        has = sum(map(size, model.values()))
        return not (more and len(model) + more > points) and not (grown > 0 and has + grown > n_bytes)

    with vicinal.open(":memory:", merge_policy=QUIET) as db:
        rooms = db.create_collection("rooms", Dense(DIM), partitioned=True)
        rooms.tenants.create("ada")
        rooms.tenants.set_quota("ada", points=points, bytes=n_bytes)
        for what, ids, length in changes:
            payload = {"t": "x" * length}
            if what == "upsert":
                new = dict.fromkeys(ids, payload)
                if fits(new):
                    rooms.upsert(ids, rows(len(ids)), [payload] * len(ids), tenant="ada")
                    model.update(new)
                else:
                    with pytest.raises(vicinal.QuotaExceeded):
                        rooms.upsert(ids, rows(len(ids)), [payload] * len(ids), tenant="ada")
            elif what == "payload":
                new = dict.fromkeys([i for i in ids if i in model], payload)
                if fits(new):
                    rooms.update_payload(payload, ids, tenant="ada")
                    model.update(new)
                else:
                    with pytest.raises(vicinal.QuotaExceeded):
                        rooms.update_payload(payload, ids, tenant="ada")
            elif what == "delete":
                rooms.delete(ids, tenant="ada")
                for i in ids:
                    model.pop(i, None)
            else:
                getattr(rooms, what)()
            stats = rooms.tenants.stats("ada")
            assert (stats.points, stats.bytes) == (len(model), sum(map(size, model.values())))


def test_names_come_in_pages(rooms: vicinal.Collection) -> None:
    names = sorted(f"{head}{n}" for head in ("a", "b", "ü") for n in range(20))
    assert rooms.tenants.create(names[::-1]) == 60
    assert rooms.tenants.create([*names, "c"]) == 1
    assert rooms.tenants.list(limit=1000) == sorted([*names, "c"], key=str.encode)
    assert rooms.tenants.list(prefix="b", limit=3) == ["b0", "b1", "b10"]
    assert rooms.tenants.list(prefix="b", limit=3, after="b10") == ["b11", "b12", "b13"]
    assert rooms.tenants.list(prefix="ü", after="ü9") == []
    assert rooms.info().tenants == 61


@pytest.mark.parametrize(
    ("call", "arguments", "options", "message"),
    [
        ("create", ([],), {}, None),
        ("create", ("",), {}, "1 to 255 bytes"),
        ("create", (["a", 5],), {}, "tenant is 5"),
        ("create", ({"a"},), {}, "names is"),
        ("drop", (5,), {}, "names is 5"),
        ("stats", (None,), {}, "tenant is None"),
        ("list", (), {"limit": 0}, "limit is 0"),
        ("list", (), {"limit": 10_001}, "limit is 10001"),
        ("list", (), {"after": ""}, "tenant is ''"),
        ("list", (), {"prefix": "x" * 256}, "prefix is"),
        ("set_quota", ("a",), {"points": -1}, "points is -1"),
        ("set_quota", ("a",), {"bytes": 1.5}, "bytes is 1.5"),
        ("set_quota", ("a",), {"points": True}, "points is True"),
        ("set_quota", ("a",), {"requests_per_second": 0}, "requests_per_second is 0"),
        ("set_quota", ("a",), {"requests_per_second": float("nan")}, "requests_per_second is nan"),
        ("set_quota", ("a",), {"requests_per_second": 10**400}, "requests_per_second is 1000"),
        (
            "set_quota",
            ("a",),
            {"requests_per_second": np.complex64(1)},
            "expected a number, at least 0.000001",
        ),
        ("set_quota", ("a",), {"requests_per_second": 1e-13}, "expected a number, at least 0.000001"),
    ],
)
def test_what_cannot_be_is_refused(
    rooms: vicinal.Collection, call: str, arguments: Any, options: Any, message: str | None
) -> None:
    rooms.tenants.create("a")
    if message is None:
        assert getattr(rooms.tenants, call)(*arguments, **options) == 0
        return
    with pytest.raises(vicinal.InvalidArgument, match=message):
        getattr(rooms.tenants, call)(*arguments, **options)
    assert rooms.tenants.list() == ["a"]


def test_a_collection_without_tenants_says_so() -> None:
    with vicinal.open(":memory:") as db:
        tenants = db.create_collection("points", Dense(DIM)).tenants
        for call in (lambda: tenants.create("a"), tenants.list, lambda: tenants.stats("a")):
            with pytest.raises(vicinal.InvalidArgument, match="not partitioned"):
                call()


def test_a_vector_field_may_be_called_bytes() -> None:
    with vicinal.open(":memory:", merge_policy=QUIET) as db:
        rooms = db.create_collection("rooms", {"bytes": Sparse(encoder=Bm25("text"))}, partitioned=True)
        rooms.upsert([1, 2], None, [{"text": "red shoes"}, {"text": "blue shoes"}], tenant="ada")
        for _ in range(2):
            before = rooms.tenants.stats("ada").bytes
            assert [hit.id for hit in rooms.search("red", tenant="ada")] == [1]
            assert rooms.tenants.stats("ada").bytes == before > 0
            rooms.flush()
            assert [hit.id for hit in rooms.search("red", tenant="ada")] == [1]
            rooms.tenants.stats("ada")


def test_tokens_of_points_that_are_refused_get_no_ids(tmp_path: Path) -> None:
    with vicinal.open(tmp_path / "db", merge_policy=QUIET) as db:
        rooms = db.create_collection("rooms", {"s": Sparse(tokens=True)}, partitioned=True)
        rooms.upsert([1], [{"a": 1.0}], tenant="ada")
        rooms.tenants.set_quota("ada", bytes=30)
        before = catalog_bytes(rooms)
        many = {f"token-{number}": 1.0 for number in range(2000)}
        for write in (rooms.update_vectors, rooms.upsert):
            with pytest.raises(vicinal.QuotaExceeded):
                write([1], [many], tenant="ada")
        assert catalog_bytes(rooms) == before
        rooms.update_vectors([1], [{"b": 1.0, "token-1": 2.0}], tenant="ada")
        assert rooms.get([1], tenant="ada", with_vectors=True)[0].vectors["s"] == {"b": 1.0, "token-1": 2.0}


def catalog_bytes(rooms: vicinal.Collection) -> int:
    use = rooms._host.catalog_use()
    assert use is not None
    return use.used_bytes
