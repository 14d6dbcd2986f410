"""What every kind of database does with the tenants of a collection. A part of ``DatabaseConformance``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import vicinal
from vicinal import Dense, F, Grant, TenantQuota
from vicinal.engine.api import CollectionApi, DatabaseApi

DIM = 3


def rows(n: int) -> np.ndarray:
    return np.random.default_rng(n).standard_normal((n, DIM)).astype(np.float32)


class TenantConformance:
    """Tenants of a collection that starts without any."""

    @pytest.fixture
    def parted(self, db: DatabaseApi) -> CollectionApi:
        return db.create_collection("parted", Dense(DIM), fields={"n": "integer"}, partitioned=True)

    def test_tenants_are_created_and_listed(self, parted: CollectionApi) -> None:
        assert parted.tenants.list() == []
        assert parted.tenants.create(["zoe", "ada", "zoe"]) == 2
        assert parted.tenants.create("ada") == 0
        parted.upsert([1], rows(1), tenant="äda")
        assert parted.tenants.create([f"t{n:03}" for n in range(300)]) == 300
        assert parted.info().tenants == 303
        assert parted.tenants.list(limit=2) == ["ada", "t000"]
        assert parted.tenants.list(prefix="t29") == [f"t{n}" for n in range(290, 300)]
        named: list[str] = []
        while page := parted.tenants.list(limit=100, after=named[-1] if named else None):
            named += page
        assert named == ["ada", *(f"t{n:03}" for n in range(300)), "zoe", "äda"]

    def test_a_dropped_tenant_is_gone_and_its_name_is_free(self, parted: CollectionApi) -> None:
        for tenant in ("ada", "bob"):
            parted.upsert(range(20), rows(20), [{"n": 1}] * 20, tenant=tenant)
        parted.flush()
        parted.upsert(range(10, 30), rows(20), [{"n": 1}] * 20, tenant="ada")
        assert parted.tenants.drop(["ada", "nobody"]) == 1
        assert parted.tenants.drop("ada") == 0
        assert parted.count(tenant="ada") == parted.count(filter=F("n") == 1, tenant="ada") == 0
        assert len(parted.search(rows(1)[0], k=30, tenant="ada")) == 0
        assert parted.scroll(tenant="ada").points == []
        assert parted.get([1, 25], tenant="ada") == [None, None]
        assert (len(parted), parted.tenants.list()) == (20, ["bob"])
        parted.upsert([7], rows(1), tenant="ada")
        assert [hit.id for hit in parted.search(rows(1)[0], k=30, tenant="ada")] == [7]
        parted.merge()
        assert [info.rows for info in parted.info().segments] == [21]

    def test_statistics_and_quotas(self, parted: CollectionApi) -> None:
        parted.upsert(range(5), rows(5), [{"n": 1}] * 5, tenant="ada")
        stats = parted.tenants.stats("ada")
        assert stats == vicinal.TenantStats("ada", 5, 5 * (4 * DIM + 7), 1, TenantQuota())
        parted.tenants.set_quota("ada", points=6, bytes=1000, requests_per_second=1e6)
        assert parted.tenants.stats("ada").quota == TenantQuota(6, 1000, 1e6)
        with pytest.raises(
            vicinal.QuotaExceeded, match="may have 6 points, has 5 and would have 7"
        ) as refused:
            parted.upsert([4, 5, 6], rows(3), tenant="ada")
        assert refused.value.field == "tenant"
        parted.upsert([4, 5], rows(2), tenant="ada")
        with pytest.raises(vicinal.QuotaExceeded, match="may have 1,000 bytes"):
            parted.update_payload({"text": "x" * 1000}, [4], tenant="ada")
        assert parted.count(tenant="ada") == 6
        parted.tenants.set_quota("ada")
        parted.upsert(range(9), rows(9), tenant="ada")
        assert parted.tenants.stats("ada").quota == TenantQuota()

    def test_granted_points_are_read_and_not_written(self, parted: CollectionApi) -> None:
        ids = [*range(10), "text"]
        parted.upsert(ids, rows(11), [{"n": n} for n in range(11)], tenant="ada")
        parted.upsert([2, 20], rows(2), [{"n": 20}] * 2, tenant="bob")
        parted.tenants.create("cleo")
        tenants = parted.tenants
        assert tenants.grant([1, 2, "text", 99], tenant="ada", to=["bob", "cleo"]) == 6
        assert tenants.grant([1], tenant="ada", to="bob") == 0
        expected = [Grant(1, "ada"), Grant(2, "ada"), Grant("text", "ada")]
        assert tenants.grants("bob") == tenants.grants("cleo", limit=3) == expected
        assert tenants.grants("bob", limit=1, after=1) == expected[1:2]
        assert tenants.grants("bob", after="text") == tenants.grants("ada") == []
        found = parted.search(rows(1)[0], k=50, tenant="bob")
        assert {hit.id: hit.payload["n"] for hit in found} == {1: 1, 2: 20, "text": 10, 20: 20}
        assert [point and point.payload["n"] for point in parted.get([1, 2, 3, "text"], tenant="bob")] == [
            1,
            20,
            None,
            10,
        ]
        assert parted.count(tenant="bob") == len(parted.scroll(tenant="bob").points) == 4
        assert parted.count(filter=F("n") < 20, tenant="bob") == 2
        assert parted.facet("n", limit=1, tenant="bob") == [vicinal.Facet(20, 2)]
        scores = parted.score(rows(1)[0], [1, 3], tenant="bob")
        assert np.isnan(scores).tolist() == [False, True]
        groups = parted.search(rows(1)[0], k=9, group_by="n", tenant="bob")
        assert sorted(str(group.value) for group in groups) == ["1", "10", "20"]
        for call in (parted.delete, lambda ids, tenant: parted.update_payload({"n": 0}, ids, tenant=tenant)):
            assert call([1, "text"], tenant="bob") == 0
        assert (tenants.stats("bob").points, tenants.stats("ada").points) == (2, 11)
        parted.delete(["text"], tenant="ada")
        assert tenants.revoke([1, 7], tenant="ada", to=["cleo", "bob"]) == 2
        assert sorted(hit.id for hit in parted.search(rows(1)[0], k=50, tenant="bob")) == [2, 20]
        assert [point.id for point in parted.scroll(tenant="cleo").points] == [2]

    def test_what_cannot_be_granted_is_refused(self, db: DatabaseApi, parted: CollectionApi) -> None:
        for tenant in ("ada", "bob"):
            parted.upsert([1], rows(1), tenant=tenant)
        parted.tenants.create("cleo")
        parted.tenants.grant([1], tenant="ada", to="cleo")
        with pytest.raises(vicinal.InvalidArgument, match="granted a point 1 of another tenant") as refused:
            parted.tenants.grant([1], tenant="bob", to="cleo")
        assert refused.value.field == "ids"
        for call in (parted.tenants.grant, parted.tenants.revoke):
            with pytest.raises(vicinal.NotFound, match="no tenant is named 'eve'"):
                call([1], tenant="ada", to=["cleo", "eve"])
            with pytest.raises(vicinal.InvalidArgument, match="to names 'ada'"):
                call([1], tenant="ada", to="ada")
            with pytest.raises(vicinal.InvalidArgument, match=r"ids row 0 is 1\.5"):
                call([1.5], tenant="ada", to="cleo")
            with pytest.raises(vicinal.InvalidArgument, match="to is None"):
                call([1], tenant="ada", to=None)
        with pytest.raises(vicinal.NotFound, match="no tenant is named 'eve'"):
            parted.tenants.grants("eve")
        with pytest.raises(vicinal.InvalidArgument, match="limit is 0"):
            parted.tenants.grants("cleo", limit=0)
        plain = db.create_collection("plain", Dense(DIM))
        for refuse in (
            lambda: plain.tenants.grant([1], tenant="a", to="b"),
            lambda: plain.tenants.grants("a"),
        ):
            with pytest.raises(vicinal.InvalidArgument, match="not partitioned"):
                refuse()
        assert parted.tenants.grants("cleo") == [Grant(1, "ada")]

    @pytest.mark.parametrize(
        ("call", "arguments", "options", "message"),
        [
            ("create", ("x" * 256,), {}, "1 to 255 bytes"),
            ("create", (["ada", None],), {}, "tenant is None"),
            ("drop", (7,), {}, "names is 7"),
            ("list", (), {"limit": 10_001}, "limit is 10001"),
            ("list", (), {"prefix": 7}, "prefix is 7"),
            ("list", (), {"after": ""}, "tenant is ''"),
            ("stats", ("",), {}, "tenant is ''"),
            ("set_quota", ("ada",), {"points": -1}, "points is -1"),
            ("set_quota", ("ada",), {"requests_per_second": 0}, "requests_per_second is 0"),
        ],
    )
    def test_what_cannot_be_of_tenants_changes_nothing(
        self, parted: CollectionApi, call: str, arguments: Any, options: Any, message: str
    ) -> None:
        parted.tenants.create("ada")
        with pytest.raises(vicinal.InvalidArgument, match=message):
            getattr(parted.tenants, call)(*arguments, **options)
        assert parted.tenants.list() == ["ada"]

    def test_who_is_not_there_has_no_statistics(self, db: DatabaseApi, parted: CollectionApi) -> None:
        for call in (parted.tenants.stats, parted.tenants.set_quota):
            with pytest.raises(vicinal.NotFound, match="no tenant is named 'eve'"):
                call("eve")
        plain = db.create_collection("plain", Dense(DIM))
        for refused in (
            lambda: plain.tenants.create("a"),
            plain.tenants.list,
            lambda: plain.tenants.stats("a"),
        ):
            with pytest.raises(vicinal.InvalidArgument, match="not partitioned"):
                refused()
