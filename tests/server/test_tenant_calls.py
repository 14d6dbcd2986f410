"""The calls about tenants as such: what a key bound to one is told, and the calls a second it may make."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from serving.running_server import RunningServer, running_server

import vicinal

ROW = np.ones((1, 4), np.float32)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[RunningServer]:
    with vicinal.open(tmp_path / "db") as db:
        rooms = db.create_collection("rooms", vicinal.Dense(4), partitioned=True)
        for tenant in ("ada", "ben"):
            rooms.upsert([1], ROW, tenant=tenant)
            rooms.flush()
        rooms.upsert([2], ROW, tenant="ada")
    with running_server(tmp_path / "db") as server:
        yield server


def connected(served: RunningServer, rights: str, *tenants: str) -> vicinal.RemoteDatabase:
    return vicinal.connect(f"localhost:{served.port}", key=served.key(rights, tenants=tenants))


def test_a_tenants_key_is_told_of_itself_alone(served: RunningServer) -> None:
    with connected(served, "admin") as admin, connected(served, "admin", "ada") as ada:
        admin.collection("rooms").tenants.set_quota("ada", points=5)
        everything = admin.collection("rooms").tenants.stats("ada")
        assert (everything.points, everything.segments) == (2, 2)
        tenants = ada.collection("rooms").tenants
        own = tenants.stats("ada")
        assert (own.points, own.bytes, own.quota) == (2, everything.bytes, everything.quota)
        assert own.segments == 0
        for other in ("ben", "nobody"):
            with pytest.raises(vicinal.NotFound) as hidden:
                tenants.stats(other)
            assert str(hidden.value) == f"no tenant is named {other!r}"
        for refused in (
            tenants.list,
            lambda: tenants.create("ada"),
            lambda: tenants.drop("ada"),
            lambda: tenants.set_quota("ada"),
        ):
            with pytest.raises(vicinal.PermissionDenied):
                refused()
        with connected(served, "read", "eve") as eve, pytest.raises(vicinal.NotFound) as hidden:
            eve.collection("rooms").tenants.stats("eve")
        assert str(hidden.value) == "no tenant is named 'eve'"


def test_a_refusal_says_nothing_of_others(served: RunningServer) -> None:
    with connected(served, "admin") as admin, connected(served, "write", "ada") as ada:
        admin.collection("rooms").tenants.set_quota("ada", points=2)
        with pytest.raises(vicinal.QuotaExceeded) as refused:
            ada.collection("rooms").upsert([3], ROW)
        assert "tenant 'ada' may have 2 points, has 2 and would have 3" in str(refused.value)
        admin.collection("rooms").tenants.drop("ada")
        # Whoever has the name next has no quota.
        ada.collection("rooms").upsert(range(9), np.repeat(ROW, 9, axis=0))
        assert ada.collection("rooms").count() == 9


def test_calls_a_second(served: RunningServer) -> None:
    with connected(served, "admin") as admin, connected(served, "read", "ada") as ada:
        rooms, own = admin.collection("rooms"), ada.collection("rooms")
        # One call, and the next in a quarter of an hour.
        rooms.tenants.set_quota("ada", requests_per_second=1e-3)
        with vicinal.deadline(5):
            assert own.count() == 2
        with (
            vicinal.deadline(5),
            pytest.raises(vicinal.ResourceExhausted, match=r"this tenant made") as refused,
        ):
            own.count()
        assert refused.value.retry_after is not None
        assert refused.value.retry_after > 900
        # Whoever asks, the call is about the tenant; and nobody else waits for that.
        with vicinal.deadline(5), pytest.raises(vicinal.ResourceExhausted, match="this tenant made"):
            rooms.search(ROW[0], tenant="ada")
        assert rooms.count(tenant="ben") == 1
        rooms.tenants.set_quota("ada")
        assert own.count() == 2


def test_a_key_of_two_tenants_counts_what_one_granted_the_other_once(served: RunningServer) -> None:
    with connected(served, "admin") as admin, connected(served, "read", "ada", "dora") as both:
        rooms = admin.collection("rooms")
        rooms.upsert([8, 9], np.concatenate([ROW, -ROW]), tenant="dora")
        own = [point.id for point in rooms.scroll(tenant="ada").points]
        rooms.tenants.grant(own, tenant="ada", to="dora")
        rooms.upsert([7], ROW, tenant="ben")
        rooms.tenants.grant([7], tenant="ben", to="dora")
        for one in (both.collection("rooms").info(), *both.info().collections):
            assert one.points == len(own) + 2 + 1
            assert one.tenants == 2
        rooms.tenants.drop("dora")
        assert both.collection("rooms").info().points == len(own)


def test_a_grantee_is_told_nothing_of_the_owner(served: RunningServer) -> None:
    with connected(served, "admin") as admin, connected(served, "admin", "zoe") as zoe:
        rooms, own = admin.collection("rooms"), zoe.collection("rooms")
        rooms.upsert([1], ROW, [{"n": 7}], tenant="ben")
        own.upsert([5], -ROW, [{"n": 7}])
        plain = own.info(), own.tenants.stats("zoe")
        rooms.tenants.grant([1], tenant="ben", to="zoe")
        told = [
            [*own.search(ROW[0], k=9)],
            own.explain(ROW[0], k=9),
            own.get([1, 2, 5]),
            own.scroll(),
            own.sample(9),
            own.facet("n"),
            own.min_max("n"),
            own.score(ROW[0], [1, 2]),
            own.count(filter=vicinal.F("n") == 7),
            [*own.search(ROW[0], k=9, group_by="n")],
            own.info(),
            zoe.info(),
        ]
        assert "ben" not in repr(told)
        assert [hit.id for hit in own.search(ROW[0], k=9)] == [1, 5]
        assert told[5] == [vicinal.Facet(7, 2)]
        # What it owns is as it was.
        assert own.tenants.stats("zoe") == plain[1]
        assert own.info().segments == plain[0].segments == ()
        for refused in (
            lambda: own.tenants.grant([5], tenant="zoe", to="ben"),
            lambda: own.tenants.revoke([1], tenant="ben", to="zoe"),
            lambda: own.tenants.grants("zoe"),
        ):
            with pytest.raises(vicinal.PermissionDenied) as hidden:
                refused()
            assert "ben" not in str(hidden.value)
        messages = []
        for other in ("ben", "nobody"):
            with pytest.raises(vicinal.NotFound) as gone:
                own.get([1], tenant=other)
            messages.append(str(gone.value).replace(other, ""))
        assert messages[0] == messages[1]
        assert own.delete([1]) == own.update_payload({"n": 0}, [1]) == 0
        assert rooms.get([1], tenant="ben")[0].payload == {"n": 7}
        rooms.tenants.drop("ben")
        assert [hit.id for hit in own.search(ROW[0], k=9)] == [5]
