"""Points that were granted: the grantee reads what it would read of copies, and nobody else does."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vicinal
from vicinal import Bm25, Curator, Dense, F, Grant, Multi, Sparse, has_id
from vicinal.storage import durable
from vicinal.storage.verify.folder_check import check_folder

DIM = 8
QUIET = vicinal.MergePolicySettings(quiet_seconds=1e9)
GRANTED = [3, 5, "text", 19]
WORDS = ["red", "blue", "green"]
QUERIES: dict[str, Any] = {
    "dense": np.ones(DIM, np.float32),
    "bits": np.array([0b10110010], np.uint8),
    "terms": {1: 1.0, 4: 0.5},
    "parts": np.ones((2, DIM), np.float32),
    "words": "red blue",
}


def rows(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, DIM)).astype(np.float32)


def make(db: vicinal.Database, name: str = "rooms") -> vicinal.Collection:
    fields: dict[str, Any] = {
        "dense": Dense(DIM),
        "bits": Dense(DIM, element="binary", metric="hamming"),
        "terms": Sparse(),
        "parts": Multi(DIM),
        "words": Sparse(encoder=Bm25("text")),
    }
    indexed = {"n": "integer", "colour": "keyword", "at": "datetime"}
    return db.create_collection(name, fields, fields=indexed, partitioned=True)


def vectors_of(n: int) -> dict[str, Any]:
    rng = np.random.default_rng(n)
    return {
        "dense": rng.standard_normal((1, DIM)).astype(np.float32),
        "bits": rng.integers(0, 256, (1, 1), np.uint8),
        "terms": [{n % 5: 1.0 + n, 7: 0.5}],
        "parts": [rng.standard_normal((1 + n % 3, DIM)).astype(np.float32)],
    }


def payload_of(n: int) -> dict[str, Any]:
    return {
        "n": n,
        "colour": WORDS[n % 3],
        "at": f"2026-01-{1 + n % 28:02}T00:00:00Z",
        "free": n % 4,
        "text": f"{WORDS[n % 3]} {WORDS[n % 2]} w{n}",
    }


def write(rooms: vicinal.Collection, tenant: str, ids: list[Any], first: int) -> None:
    for number, point_id in enumerate(ids):
        n = first + number
        rooms.upsert([point_id], vectors_of(n), [payload_of(n)], tenant=tenant)


def answers(rooms: vicinal.Collection, tenant: str) -> dict[str, Any]:
    """Return what a tenant is told by every kind of read, in an order that rows do not decide."""
    filters = [None, F("n") > 4, F("free") == 1, has_id([3, 5, 40]), ~has_id([5]), F("colour") != "red"]
    told: dict[str, Any] = {
        "count": [rooms.count(filter=each, tenant=tenant) for each in filters],
        "facets": [rooms.facet(field, limit=None, tenant=tenant) for field in ("colour", "n", "at", "free")],
        "ends": [rooms.min_max(field, tenant=tenant) for field in ("n", "at", "free")],
        "get": rooms.get([*range(50), "text", "none"], tenant=tenant),
        "pages": sorted(point.payload["n"] for point in pages(rooms, tenant, None)),
        "ordered": [[point.id for point in pages(rooms, tenant, order)] for order in ("n", "-n")],
        "read": [point.payload["free"] for point in pages(rooms, tenant, "-free")],
        "sample": sorted(str(point.id) for point in rooms.sample(100, tenant=tenant)),
    }
    for field, query in QUERIES.items():
        for number, each in enumerate(filters):
            hits = rooms.search(query, k=50, field=field, filter=each, tenant=tenant)
            told[f"search {field} {number}"] = sorted((round(hit.score, 4), str(hit.id)) for hit in hits)
        several = rooms.search(query, k=3, field=field, group_by="colour", group_size=2, tenant=tenant)
        told[f"groups {field}"] = [
            (group.value, [round(hit.score, 4) for hit in group.hits]) for group in several
        ]
        found = rooms.score(query, [3, 5, 40, "text", 1000], field=field, tenant=tenant)
        told[f"score {field}"] = np.round(np.nan_to_num(found, nan=-99.0), 4).tolist()
    by_id = rooms.search(by_id=3, k=50, field="dense", tenant=tenant)
    told["by id"] = sorted((round(hit.score, 4), str(hit.id)) for hit in by_id)
    return told


def pages(rooms: vicinal.Collection, tenant: str, order: str | None) -> Iterator[vicinal.Point]:
    after = None
    while True:
        page = rooms.scroll(limit=4, after=after, order_by=order, tenant=tenant)
        yield from page.points
        after = page.next
        if after is None:
            return


def test_a_grantee_reads_what_it_would_read_of_copies(tmp_path: Path) -> None:
    own, others = [40, 41, 42, 5], [*range(20), "text"]
    with vicinal.open(tmp_path / "db", merge_policy=QUIET) as db:
        rooms, copies = make(db), make(db, "copies")
        write(rooms, "anna", others[:10], 0)
        write(rooms, "boris", own[:2], 100)
        rooms.flush()
        write(rooms, "anna", others[10:], 10)
        write(rooms, "boris", own[2:], 102)
        write(rooms, "cleo", others, 200)
        # Own points hide granted ones.
        write(copies, "boris", own, 100)
        for point_id in (3, 19, "text"):
            write(copies, "boris", [point_id], others.index(point_id))
        before = {tenant: answers(rooms, tenant) for tenant in ("anna", "cleo")}
        assert rooms.tenants.grant([*GRANTED, "gone"], tenant="anna", to="boris") == 4
        assert rooms.tenants.grant(GRANTED[:2], tenant="anna", to=["boris"]) == 0
        expected = answers(copies, "boris")
        assert answers(rooms, "boris") == expected
        assert {tenant: answers(rooms, tenant) for tenant in ("anna", "cleo")} == before
        rooms.flush()
        assert answers(rooms, "boris") == expected
    with vicinal.open(tmp_path / "db", merge_policy=QUIET) as db:
        rooms = db.collection("rooms")
        assert answers(rooms, "boris") == expected
        rooms.merge()
        assert answers(rooms, "boris") == expected
        assert {tenant: answers(rooms, tenant) for tenant in ("anna", "cleo")} == before
        stats = [rooms.tenants.stats(tenant).points for tenant in ("anna", "boris", "cleo")]
        assert stats == [21, 4, 21]
        owned = Grant(3, "anna"), Grant(5, "anna"), Grant(19, "anna"), Grant("text", "anna")
        assert tuple(rooms.tenants.grants("boris")) == owned
        assert rooms.tenants.grants("boris", limit=2, after=3) == list(owned[1:3])
        assert rooms.tenants.grants("boris", after="text") == rooms.tenants.grants("anna") == []
    assert check_folder(tmp_path / "db") == []


@pytest.fixture
def rooms() -> Iterator[vicinal.Collection]:
    with vicinal.open(":memory:", merge_policy=QUIET) as db:
        rooms = db.create_collection("rooms", Dense(DIM), fields={"n": "integer"}, partitioned=True)
        rooms.upsert(range(6), rows(6), [{"n": n} for n in range(6)], tenant="anna")
        rooms.flush()
        rooms.upsert([10], rows(1), [{"n": 10}], tenant="boris")
        rooms.tenants.create(["cleo"])
        rooms.tenants.grant([1, 2, 3], tenant="anna", to="boris")
        yield rooms


def seen(rooms: vicinal.Collection, tenant: str) -> list[Any]:
    found = [hit.id for hit in rooms.search(rows(1)[0], k=50, tenant=tenant)]
    assert sorted(found) == sorted(point.id for point in rooms.scroll(tenant=tenant).points)
    assert len(found) == rooms.count(tenant=tenant)
    return sorted(found)


def test_what_was_granted_cannot_be_written(rooms: vicinal.Collection) -> None:
    before = rooms.get(range(6), with_vectors=True, tenant="anna")
    everything = ~has_id([])
    assert rooms.update_payload({"n": -1}, [1, 2], tenant="boris") == 0
    assert rooms.update_payload({"m": 1}, filter=F("n") < 9, tenant="boris") == 0
    assert rooms.delete_payload(["n"], filter=everything, tenant="boris") == 1
    assert rooms.clear_payload([3], tenant="boris") == 0
    assert rooms.update_vectors([1], rows(1, 9), tenant="boris") == 0
    assert rooms.delete_vectors(["vector"], [2], tenant="boris") == 0
    assert rooms.delete([1, 2, 3], tenant="boris") == 0
    assert rooms.upsert([1], rows(1), mode="update_only", tenant="boris").points == 0
    assert rooms.upsert([1], rows(1), only_if=F("n") == 1, mode="update_only", tenant="boris").points == 0
    assert rooms.delete(filter=everything, tenant="boris") == 1
    after = rooms.get(range(6), with_vectors=True, tenant="anna")
    for one, other in zip(before, after, strict=True):
        assert one is not None
        assert other is not None
        assert one.payload == other.payload
        np.testing.assert_array_equal(one.vectors["vector"], other.vectors["vector"])
    assert seen(rooms, "boris") == [1, 2, 3]


def test_an_own_point_hides_the_granted_one_for_as_long_as_it_is_there(rooms: vicinal.Collection) -> None:
    for sealed in (False, True):
        assert rooms.upsert([2], rows(1, 5), [{"n": 77}], mode="insert_only", tenant="boris").points == 1
        if sealed:
            rooms.flush()
        assert seen(rooms, "boris") == [1, 2, 3, 10]
        assert [point.payload["n"] for point in rooms.get([2], tenant="boris") if point] == [77]
        assert rooms.count(filter=F("n") == 2, tenant="boris") == 0
        assert rooms.count(filter=F("n") == 2, tenant="anna") == 1
        assert rooms.delete([2], tenant="boris") == 1
        assert [point.payload["n"] for point in rooms.get([2], tenant="boris") if point] == [2]
    assert [grant.id for grant in rooms.tenants.grants("boris")] == [1, 2, 3]


def test_new_versions_are_seen_and_a_deleted_point_takes_its_grants_along(rooms: vicinal.Collection) -> None:
    rooms.upsert([1], rows(1, 7), [{"n": 100}], tenant="anna")
    rooms.update_payload({"n": 200}, [2], tenant="anna")
    assert [point.payload["n"] for point in rooms.get([1, 2], tenant="boris") if point] == [100, 200]
    assert seen(rooms, "boris") == [1, 2, 3, 10]
    rooms.tenants.grant([1, 3], tenant="anna", to="cleo")
    rooms.delete([1], tenant="anna")
    rooms.delete(filter=F("n") == 200, tenant="anna")
    assert (seen(rooms, "boris"), seen(rooms, "cleo")) == ([3, 10], [3])
    # Another point under the id is another point.
    rooms.upsert([1, 2], rows(2), tenant="anna")
    assert (seen(rooms, "boris"), seen(rooms, "cleo")) == ([3, 10], [3])
    rooms.merge()
    assert (seen(rooms, "boris"), seen(rooms, "cleo")) == ([3, 10], [3])


def test_what_is_revoked_or_dropped_is_seen_no_longer(rooms: vicinal.Collection) -> None:
    rooms.tenants.grant([1, 2, 3], tenant="anna", to="cleo")
    held = rooms.search(rows(1)[0], k=50, tenant="boris")
    assert rooms.tenants.revoke([1, 5, 77], tenant="anna", to=["boris", "cleo"]) == 2
    assert (seen(rooms, "boris"), seen(rooms, "cleo")) == ([2, 3, 10], [2, 3])
    # What was found before is of the snapshot before.
    assert sorted(hit.payload["n"] for hit in held) == [1, 2, 3, 10]
    rooms.tenants.drop("boris")
    assert rooms.count(tenant="boris") == 0
    rooms.tenants.create("boris")
    assert rooms.tenants.grants("boris") == []
    assert (seen(rooms, "boris"), seen(rooms, "cleo"), len(seen(rooms, "anna"))) == ([], [2, 3], 6)
    rooms.tenants.drop("anna")
    assert seen(rooms, "cleo") == []
    rooms.upsert([2, 3], rows(2), tenant="anna")
    assert (seen(rooms, "cleo"), rooms.tenants.grants("cleo")) == ([], [])


def test_what_cannot_be_granted_changes_nothing(rooms: vicinal.Collection) -> None:
    rooms.upsert([1, 4], rows(2), tenant="cleo")
    tenants = rooms.tenants
    with pytest.raises(vicinal.NotFound, match="no tenant is named 'eve'"):
        tenants.grant([4], tenant="anna", to=["boris", "eve"])
    for call in (tenants.grant, tenants.revoke):
        with pytest.raises(vicinal.NotFound, match="no tenant is named 'eve'"):
            call([4], tenant="eve", to="boris")
        with pytest.raises(vicinal.InvalidArgument, match="to names 'anna', whose points they are"):
            call([4], tenant="anna", to=["boris", "anna"])
        with pytest.raises(vicinal.InvalidArgument, match="to is 7"):
            call([4], tenant="anna", to=7)
        with pytest.raises(vicinal.InvalidArgument, match="ids row 0 is None"):
            call([None], tenant="anna", to="boris")
    with pytest.raises(vicinal.InvalidArgument, match="granted a point 1 of another tenant"):
        tenants.grant([4, 1], tenant="cleo", to="boris")
    with pytest.raises(vicinal.NotFound):
        tenants.grants("eve")
    with pytest.raises(vicinal.InvalidArgument, match="limit is 0"):
        tenants.grants("boris", limit=0)
    assert seen(rooms, "boris") == [1, 2, 3, 10]
    assert [grant.id for grant in tenants.grants("boris")] == [1, 2, 3]


def test_without_partitions_there_is_nothing_to_grant() -> None:
    with vicinal.open(":memory:") as db:
        plain = db.create_collection("plain", Dense(DIM))
        for call in (
            lambda: plain.tenants.grant([1], tenant="anna", to="boris"),
            lambda: plain.tenants.revoke([1], tenant="anna", to="boris"),
            lambda: plain.tenants.grants("boris"),
        ):
            with pytest.raises(vicinal.InvalidArgument, match="is not partitioned"):
                call()


def test_a_quota_counts_what_is_owned(rooms: vicinal.Collection) -> None:
    rooms.tenants.set_quota("boris", points=2)
    rooms.upsert([11], rows(1), tenant="boris")
    with pytest.raises(vicinal.QuotaExceeded, match="may have 2 points, has 2 and would have 3"):
        rooms.upsert([12], rows(1), tenant="boris")
    assert rooms.tenants.stats("boris").points == 2


def test_who_was_granted_nothing_pays_nothing_and_others_for_what_they_were(
    rooms: vicinal.Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    rooms.merge()
    snapshot = rooms._state.snapshot
    anna, boris = (rooms._state.tenants.get(name) for name in ("anna", "boris"))
    assert snapshot.seen_by(anna) is snapshot
    assert snapshot.seen_by(None) is snapshot
    assert snapshot.seen_by(boris) is snapshot.seen_by(boris)
    looked_up: list[int] = []
    (view,) = snapshot.views
    newest = type(view).newest

    def counting(self: Any, ids: Any, tenant: int) -> Any:
        looked_up.append(len(ids))
        return newest(self, ids, tenant)

    monkeypatch.setattr(type(view), "newest", counting)
    seen(rooms, "anna")
    assert looked_up == []
    for n in range(3):
        # What is written elsewhere does not make it look again.
        rooms.upsert([n], rows(1), tenant="dora")
        seen(rooms, "boris")
    assert sum(looked_up) == 0
    rooms.tenants.grant([4], tenant="anna", to="boris")
    looked_up.clear()
    seen(rooms, "boris")
    assert sum(looked_up) == 2 * 4
    plan = rooms.explain(rows(1)[0], k=5, tenant="boris")
    assert [(part.allowed, part.distances + part.rescored) for part in plan.segments if part.allowed] == [
        (1, 1),
        (4, 4),
    ]


@pytest.mark.parametrize("index", [Curator(), None])
def test_an_index_searches_grants_beside_a_large_tenant(index: Curator | None) -> None:
    spec = Dense(DIM) if index is None else Dense(DIM, index=index)
    with vicinal.open(":memory:", merge_policy=QUIET) as db:
        rooms = db.create_collection("rooms", spec, fields={"n": "integer"}, partitioned=True)
        vectors, payloads = rows(6000), [{"n": n} for n in range(3000)]
        rooms.upsert(range(3000), vectors[:3000], payloads, tenant="anna")
        rooms.upsert(range(3000, 6000), vectors[3000:], payloads, tenant="boris")
        rooms.merge()
        assert rooms.info().segments[0].indexed
        granted = list(range(0, 3000, 5))
        assert rooms.tenants.grant(granted, tenant="anna", to="boris") == len(granted)
        everything = [*granted, *range(3000, 6000)]
        queries = rows(20, 9)
        units = vectors[everything] / np.linalg.norm(vectors[everything], axis=1, keepdims=True)
        best = np.argsort(-(queries @ units.T), axis=1)[:, :10]
        found = rooms.search(queries, k=10, recall=0.99, tenant="boris").ids
        hits = sum(
            len({everything[place] for place in expected} & set(ids))
            for expected, ids in zip(best.tolist(), found.tolist(), strict=True)
        )
        assert hits >= 0.97 * 200
        assert rooms.count(filter=F("n") < 10, tenant="boris") == 10 + 2


def test_a_process_that_follows_sees_grants_come_and_go(tmp_path: Path) -> None:
    with vicinal.open(tmp_path / "db", merge_policy=QUIET) as db:
        rooms = db.create_collection("rooms", Dense(DIM), partitioned=True)
        rooms.upsert(range(6), rows(6), tenant="anna")
        rooms.tenants.create("boris")
        with vicinal.open(tmp_path / "db", read_only=True) as reader:
            followed = reader.collection("rooms")
            assert seen(followed, "boris") == []
            with pytest.raises(vicinal.ReadOnly):
                followed.tenants.grant([1], tenant="anna", to="boris")
            rooms.tenants.grant([1, 2, 3], tenant="anna", to="boris")
            assert seen(followed, "boris") == [1, 2, 3]
            rooms.upsert([1], rows(1), [{"n": 1}], tenant="anna")
            assert seen(followed, "boris") == [1, 2, 3]
            rooms.delete([1], tenant="anna")
            assert seen(followed, "boris") == [2, 3]
            rooms.tenants.revoke([2], tenant="anna", to="boris")
            assert seen(followed, "boris") == [3]
            assert followed.tenants.grants("boris") == [Grant(3, "anna")]
            rooms.tenants.drop("anna")
            assert seen(followed, "boris") == []


def test_a_grant_that_cannot_be_committed_is_none(
    rooms: vicinal.Collection, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with vicinal.open(tmp_path / "db", merge_policy=QUIET) as db:
        rooms = db.create_collection("rooms", Dense(DIM), partitioned=True)
        rooms.upsert(range(6), rows(6), tenant="anna")
        rooms.tenants.create("boris")
        rooms.tenants.grant([1], tenant="anna", to="boris")

        def failing(transaction: Any) -> None:
            # Before it is committed, nobody sees it.
            assert seen(rooms, "boris") == [1]
            raise OSError(5, "Input/output error")

        for call in (
            lambda: rooms.tenants.grant([2], tenant="anna", to="boris"),
            lambda: rooms.tenants.revoke([1], tenant="anna", to="boris"),
            lambda: rooms.delete([1], tenant="anna"),
            lambda: rooms.tenants.drop("anna"),
        ):
            with monkeypatch.context() as patch:
                patch.setattr(durable, "commit", failing)
                with pytest.raises(vicinal.VicinalError):
                    call()
            assert seen(rooms, "boris") == [1]
        assert rooms.tenants.revoke([1], tenant="anna", to="boris") == 1
        assert rooms.tenants.grant([2], tenant="anna", to="boris") == 1
        assert seen(rooms, "boris") == [2]


KILLED = """
    import os, signal, sys
    import vicinal
    db = vicinal.open(sys.argv[1], merge_policy=vicinal.MergePolicySettings(quiet_seconds=1e9))
    tenants = db.collection("rooms").tenants
    tenants.grant([1, 2, 3, 4], tenant="anna", to="boris")
    tenants.revoke([2], tenant="anna", to="boris")
    db.collection("rooms").delete([4], tenant="anna")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_was_answered_outlives_a_kill(tmp_path: Path) -> None:
    with vicinal.open(tmp_path / "db", merge_policy=QUIET) as db:
        rooms = db.create_collection("rooms", Dense(DIM), partitioned=True)
        rooms.upsert(range(6), rows(6), tenant="anna")
        rooms.tenants.create("boris")
    subprocess.run([sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path / "db")], timeout=60)
    with vicinal.open(tmp_path / "db", merge_policy=QUIET) as db:
        assert seen(db.collection("rooms"), "boris") == [1, 3]
    assert check_folder(tmp_path / "db") == []
