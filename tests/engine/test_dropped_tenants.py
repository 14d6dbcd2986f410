"""A tenant that was dropped: gone for every read at once, from the disk with the next merge, and for good."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vicinal
from vicinal import Bm25, Dense, F, Sparse
from vicinal.engine.hosts import following
from vicinal.storage import durable
from vicinal.storage.verify.folder_check import check_folder

DIM = 4
QUIET = vicinal.MergePolicySettings(quiet_seconds=1e9)
SECRET = "xylophone"


def rows(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, DIM)).astype(np.float32)


def make(db: vicinal.Database) -> vicinal.Collection:
    fields: dict[str, Any] = {"plot": Dense(DIM), "words": Sparse(encoder=Bm25("text"))}
    return db.create_collection("rooms", fields, fields={"genre": "keyword"}, partitioned=True)


def fill(rooms: vicinal.Collection, tenant: str, word: str, first: int = 0, n: int = 20) -> None:
    payloads = [{"genre": word, "text": f"{word} number {i}", "of": tenant} for i in range(n)]
    rooms.upsert(range(first, first + n), {"plot": rows(n, first)}, payloads, tenant=tenant)


def sees_nothing(rooms: vicinal.Collection, tenant: str) -> bool:
    return (
        rooms.count(tenant=tenant) == 0
        and rooms.count(filter=F("genre") == SECRET, tenant=tenant) == 0
        and len(rooms.search(rows(1)[0], k=50, field="plot", tenant=tenant)) == 0
        and len(rooms.search(SECRET, k=50, field="words", tenant=tenant)) == 0
        and rooms.get(range(40), tenant=tenant) == [None] * 40
        and rooms.scroll(tenant=tenant).points == []
        and rooms.sample(5, tenant=tenant) == []
        and rooms.delete(filter=F("genre") == SECRET, tenant=tenant) == 0
    )


@pytest.mark.parametrize("sealed", [0, 1, 2])
def test_nothing_of_it_is_seen_and_the_name_starts_anew(tmp_path: Path, sealed: int) -> None:
    with vicinal.open(tmp_path / "db", merge_policy=QUIET) as db:
        rooms = make(db)
        fill(rooms, "wren", SECRET)
        if sealed:
            rooms.flush()
        fill(rooms, "bob", "plain")
        fill(rooms, "wren", SECRET, first=15)
        if sealed == 2:
            rooms.flush()
        held = rooms.search(rows(1)[0], k=3, field="plot", tenant="wren")
        assert rooms.tenants.drop("wren") == 1
        assert rooms.tenants.drop("wren") == 0
        assert sees_nothing(rooms, "wren")
        # What was found before the drop is of the snapshot before it.
        assert len([hit.payload for hit in held]) == 3
        assert (len(rooms), rooms.info().tenants, rooms.count(tenant="bob")) == (20, 1, 20)
        fill(rooms, "wren", "new", n=3)
        assert [point.payload["genre"] for point in rooms.scroll(tenant="wren").points] == ["new"] * 3
        assert rooms.count(filter=F("genre") == SECRET, tenant="wren") == 0
    with vicinal.open(tmp_path / "db", merge_policy=QUIET) as db:
        rooms = db.collection("rooms")
        assert (rooms.count(tenant="wren"), rooms.count(tenant="bob")) == (3, 20)
        assert rooms.tenants.drop(["wren", "nobody"]) == 1
        # The highest number is of a tenant that was dropped, and some rows have it still.
    with vicinal.open(tmp_path / "db", merge_policy=QUIET) as db:
        rooms = db.collection("rooms")
        fill(rooms, "eve", "other", n=2)
        assert sees_nothing(rooms, "wren")
        assert rooms.count(tenant="eve") == 2
    assert check_folder(tmp_path / "db") == []


def test_a_merge_leaves_nothing_of_it_on_disk(tmp_path: Path) -> None:
    with vicinal.open(tmp_path / "db", merge_policy=QUIET) as db:
        rooms = make(db)
        fill(rooms, "wren", SECRET)
        fill(rooms, "bob", "plain")
        rooms.flush()
        fill(rooms, "wren", SECRET, first=30)
        rooms.tenants.set_quota("wren", points=100)
        weights = rooms.explain("plain", field="words", tenant="bob")
        rooms.tenants.drop("wren")
        rooms.merge()
        assert [(info.rows, info.dead) for info in rooms.info().segments] == [(20, 0)]
        assert rooms.explain("plain", field="words", tenant="bob").weighting == weights.weighting
        (segment,) = (tmp_path / "db" / "segments").iterdir()
        assert SECRET.encode() not in segment.read_bytes()
        catalog = rooms._state.tenants._catalog
        with catalog.read() as txn:
            left = [bytes(key + value) for key, value in txn.scan(b"\0", b"\xff")]
        assert not [pair for pair in left if b"wren" in pair or b"xylophone number" in pair]


def test_a_merge_when_all_that_is_left_was_dropped(tmp_path: Path) -> None:
    with vicinal.open(tmp_path / "db", merge_policy=QUIET) as db:
        rooms = make(db)
        fill(rooms, "wren", SECRET)
        rooms.flush()
        rooms.tenants.drop("wren")
        rooms.merge()
        assert rooms.info().segments == ()
        assert list((tmp_path / "db" / "segments").iterdir()) == []


def test_a_process_that_follows_sees_the_drop_and_who_comes_after(tmp_path: Path) -> None:
    with vicinal.open(tmp_path / "db", merge_policy=QUIET) as db:
        rooms = make(db)
        fill(rooms, "wren", SECRET)
        fill(rooms, "bob", "plain")
        rooms.flush()
        with vicinal.open(tmp_path / "db", read_only=True) as reader:
            followed = reader.collection("rooms")
            assert followed.count(tenant="wren") == 20
            with pytest.raises(vicinal.ReadOnly):
                followed.tenants.drop("wren")
            rooms.tenants.drop("wren")
            assert sees_nothing(followed, "wren")
            assert followed.tenants.list() == ["bob"]
            fill(rooms, "wren", "new", n=3)
            assert followed.count(tenant="wren") == 3
            assert followed.info().tenants == 2
            rooms.tenants.create(["cleo", "dan"])
            assert followed.tenants.stats("dan").points == 0
            rooms.tenants.set_quota("dan", points=7)
            assert followed.tenants.stats("dan").quota == vicinal.TenantQuota(points=7)
            assert followed.info().tenants == 4


def test_a_number_is_given_once(tmp_path: Path) -> None:
    numbers = []
    for name in ("ada", "bob", "cleo"):
        with vicinal.open(tmp_path / "db", merge_policy=QUIET) as db:
            rooms = make(db) if not numbers else db.collection("rooms")
            rooms.tenants.create(name)
            numbers.append(rooms._state.tenants.get(name))
            # Nothing of it is left, no row either.
            rooms.tenants.drop(name)
    assert numbers == [1, 2, 3]


def test_a_process_that_follows_reads_of_tenants_what_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with vicinal.open(tmp_path / "db", merge_policy=QUIET) as db:
        rooms = make(db)
        fill(rooms, "bob", "plain")
        rooms.flush()
        fill(rooms, "wren", SECRET)
        with vicinal.open(tmp_path / "db", read_only=True) as reader:
            followed = reader.collection("rooms")
            assert followed.count(tenant="wren") == 20
            monkeypatch.setattr(following, "reload_collection", None)
            rooms.tenants.create("cleo")
            assert followed.tenants.list() == ["bob", "cleo", "wren"]
            rooms.tenants.set_quota("bob", points=30)
            assert followed.tenants.stats("bob").quota.points == 30
            names = followed._state.tenants
            rooms.tenants.grant([1, 2], tenant="bob", to="cleo")
            assert followed.count(tenant="cleo") == 2
            rooms.delete([1], tenant="bob")
            assert followed.count(tenant="cleo") == 1
            assert followed._state.tenants is names
            # A segment of which enough is dead is merged, which is more than a change of tenants.
            rooms.tenants.drop(["wren", "cleo"])
            assert sees_nothing(followed, "wren")
            assert followed.count(tenant="cleo") == 0
            fill(rooms, "wren", "new", n=3)
            fill(rooms, "zoe", "new", n=2)
            assert (followed.count(tenant="wren"), followed.count(tenant="zoe")) == (3, 2)
            assert followed.info().tenants == 3


def test_a_drop_that_cannot_be_committed_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with vicinal.open(tmp_path / "db", merge_policy=QUIET) as db:
        rooms = make(db)
        fill(rooms, "wren", SECRET)
        rooms.tenants.set_quota("wren", points=30)

        def failing(transaction: Any) -> None:
            # Before it is committed, nobody sees it.
            assert rooms.count(tenant="wren") == 20
            assert rooms.tenants.stats("wren").quota.points == 30
            raise OSError(5, "Input/output error")

        with monkeypatch.context() as patch:
            patch.setattr(durable, "commit", failing)
            with pytest.raises(vicinal.VicinalError):
                rooms.tenants.drop("wren")
        assert rooms.count(tenant="wren") == 20
        assert rooms.tenants.stats("wren").quota.points == 30
        assert rooms.tenants.list() == ["wren"]
        with monkeypatch.context() as patch:
            patch.setattr(durable, "commit", failing)
            with pytest.raises(vicinal.VicinalError):
                rooms.tenants.create("eve")
        assert rooms.info().tenants == 1
        assert rooms.tenants.create("eve") == 1


KILLED = """
    import os, signal, sys
    import numpy as np
    import vicinal
    db = vicinal.open(sys.argv[1], merge_policy=vicinal.MergePolicySettings(quiet_seconds=1e9))
    rooms = db.collection("rooms")
    rooms.tenants.create("dan")
    rooms.tenants.set_quota("bob", points=25)
    rooms.tenants.drop("wren")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_was_answered_outlives_a_kill(tmp_path: Path) -> None:
    with vicinal.open(tmp_path / "db", merge_policy=QUIET) as db:
        rooms = make(db)
        fill(rooms, "wren", SECRET)
        fill(rooms, "bob", "plain")
        rooms.flush()
        fill(rooms, "wren", SECRET, first=30)
    subprocess.run([sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path / "db")], timeout=60)
    with vicinal.open(tmp_path / "db", merge_policy=QUIET) as db:
        rooms = db.collection("rooms")
        assert sees_nothing(rooms, "wren")
        assert rooms.tenants.list() == ["bob", "dan"]
        assert rooms.tenants.stats("bob").quota == vicinal.TenantQuota(points=25)
        fill(rooms, "wren", "new", n=2)
        assert rooms.count(tenant="wren") == 2
