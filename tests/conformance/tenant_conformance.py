"""What every kind of database does with the tenants of a collection. A part of ``DatabaseConformance``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import vicinal
from vicinal import Dense, F, TenantQuota
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
