"""A collection does what a dict does, whatever happens in between."""

from __future__ import annotations

import copy
import itertools
import math
import shutil
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conformance.keyword_conformance import bm25_scores
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from snapshot_agreement import disagreements

import vicinal
from vicinal import Bm25, Dense, F, Seismic, Sparse, has_id, has_vector
from vicinal.indexes.seismic import seismic
from vicinal.indexes.sparse import inverted

DIM = 4
TENANTS = ["ada", "bob"]
ids = st.one_of(st.integers(0, 12), st.sampled_from(["a", "b", "3"]))
id_lists = st.lists(ids, min_size=1, max_size=6, unique=True)
tenants = st.sampled_from(TENANTS)
years = st.one_of(st.none(), st.integers(-3, 3), st.lists(st.integers(-3, 3), max_size=3))

Key = tuple[str, int | str]
UPKEEP = vicinal.MergePolicySettings(quiet_seconds=0.0, seal_rows=8, growing_bytes=1 << 12, tier_factor=2)
# Whatever any list leads to.
EVERY_BLOCK = {"query_cut": 64, "heap_factor": 0.0}


@pytest.fixture(autouse=True, scope="module")
def small_segments_are_indexed() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for spec in (inverted, seismic):
            patch.setattr(spec, "_MIN_ROWS", 1)
        yield


def has_year_from(payload: dict[str, Any], low: int) -> bool:
    year = payload.get("year")
    return any(y >= low for y in (year if isinstance(year, list) else [year]) if y is not None)


def set_in_place(payload: dict[str, Any], change: dict[str, Any], key: str | None, replace: bool) -> Any:
    root: Any = {"": copy.deepcopy(payload)}
    *way, last = ["", *(key.split(".") if key else [])]
    at = root
    for step in way:
        if not isinstance(at.get(step), dict):
            at[step] = {}
        at = at[step]
    at[last] = {**({} if replace or not isinstance(at.get(last), dict) else at[last]), **change}
    return root[""]


def deleted_in(payload: dict[str, Any], path: list[str]) -> dict[str, Any]:
    payload = copy.deepcopy(payload)
    at: Any = payload
    for step in path[:-1]:
        at = at.get(step, {}) if isinstance(at, dict) else {}
    if isinstance(at, dict):
        at.pop(path[-1], None)
    return payload


def words_of(n: int) -> str:
    return " ".join(["red"] * (n % 3) + ["blue", f"w{n % 5}"] + ["sky"] * (n % 2))


def weights_of(n: int) -> dict[str, float]:
    """Return a vector by token; few have weights below zero, which blocks do not take."""
    sign = -1.0 if n % 13 == 0 else 1.0
    return {f"t{n % 5}": 1.0 + n % 3, "all": 0.5 * sign, f"new{n}": 0.25}


def cosine(one: dict[str, float], other: dict[str, float]) -> float:
    lengths = [math.sqrt(sum(weight * weight for weight in row.values())) for row in (one, other)]
    return sum(weight * other.get(token, 0.0) for token, weight in one.items()) / math.prod(lengths)


def text_of(payload: dict[str, Any]) -> str | None:
    """Return the words that a payload has at text.body, as the machine makes payloads."""
    place = payload.get("text")
    values = [
        one.get("body") for one in (place if isinstance(place, list) else [place]) if isinstance(one, dict)
    ]
    texts = [text for value in values for text in (value if isinstance(value, list) else [value])]
    found = [text for text in texts if isinstance(text, str)]
    return " ".join(found) if found else None


class Load:
    """Another tenant writes all the time, so that segments are sealed and merged under the machine."""

    def __init__(self, db: vicinal.Database) -> None:
        self._rooms = db.collection("rooms")
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(1)
        self._done = self._pool.submit(self._write)

    def _write(self) -> None:
        vectors = np.ones((6, DIM), np.float32)
        for n in itertools.count():
            chosen = [(n * 5 + i) % 40 for i in range(6)]
            payload = {"year": 1, "text": {"body": "red shoes"}}
            self._rooms.upsert(chosen, {"vector": vectors}, [payload] * 6, tenant="carol")
            self._rooms.delete(chosen[:2], tenant="carol")
            assert disagreements(self._rooms, F("year") == 1, "carol") == []
            if self._stop.wait(0.001):
                return

    def end(self) -> None:
        self._stop.set()
        self._pool.shutdown()
        self._done.result()


class CollectionMachine(RuleBasedStateMachine):
    """Two collections, one partitioned by tenant and one not, against two dicts."""

    loaded = False

    @initialize()
    def start(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="vicinal-machine-"))
        self.policy = UPKEEP if self.loaded else vicinal.MergePolicySettings(quiet_seconds=1e9)
        self.db = vicinal.open(self.folder / "db", merge_policy=self.policy)
        vectors = {
            "vector": Dense(DIM, metric="dot"),
            "body": Sparse(encoder=Bm25("text.body")),
            "terms": Sparse(tokens=True, metric="cosine", index=Seismic()),
        }
        self.db.create_collection("points", vectors, fields={"year": "integer"})
        self.db.create_collection("rooms", vectors, fields={"year": "integer"}, partitioned=True)
        self.model: dict[Key, tuple[np.ndarray | None, dict[str, Any]]] = {}
        # Of points that are gone too.
        self.terms: dict[Key, dict[str, float] | None] = {}
        # Tenants there are, and how many points some may have.
        self.tenants: set[str] = set()
        self.quotas: dict[str, int] = {}
        # By who may read a point, and its id: whose it is.
        self.grants: dict[Key, str] = {}
        self.clock = 0
        self.load = Load(self.db) if self.loaded else None

    def teardown(self) -> None:
        if hasattr(self, "db"):
            self.let_go()
            shutil.rmtree(self.folder)

    def let_go(self) -> None:
        if self.load is not None:
            self.load.end()
        self.db.close()

    def where(self, tenant: str) -> tuple[vicinal.Collection, dict[str, Any]]:
        if tenant == "":
            return self.db.collection("points"), {}
        return self.db.collection("rooms"), {"tenant": tenant}

    def seen(self, tenant: str) -> dict[int | str, Key]:
        """Return the points that a tenant reads, by id: its own, and what these leave of the granted."""
        granted = {i: (owner, i) for (grantee, i), owner in self.grants.items() if grantee == tenant}
        return granted | {key[1]: key for key in self.model if key[0] == tenant}

    def end_grants(self, gone: set[Key]) -> None:
        """Forget the grants of points that were deleted."""
        self.grants = {key: owner for key, owner in self.grants.items() if (owner, key[1]) not in gone}

    def fits(self, tenant: str, ids: list[int | str]) -> bool:
        """Return whether a tenant may write these points, as it has a quota or has none."""
        more = sum((tenant, i) not in self.model for i in ids)
        has = sum(key[0] == tenant for key in self.model)
        return not more or has + more <= self.quotas.get(tenant, 1000)

    @rule(chosen=st.lists(tenants, max_size=2, unique=True))
    def create_tenants(self, chosen: list[str]) -> None:
        assert self.db.collection("rooms").tenants.create(chosen) == len(set(chosen) - self.tenants)
        self.tenants |= set(chosen)

    @rule(chosen=st.lists(tenants, min_size=1, max_size=2, unique=True))
    def drop_tenants(self, chosen: list[str]) -> None:
        assert self.db.collection("rooms").tenants.drop(chosen) == len(self.tenants & set(chosen))
        self.tenants -= set(chosen)
        for tenant in chosen:
            self.quotas.pop(tenant, None)
        self.model = {key: point for key, point in self.model.items() if key[0] not in chosen}
        self.grants = {
            key: owner for key, owner in self.grants.items() if key[0] not in chosen and owner not in chosen
        }

    @rule(owner=tenants, chosen=id_lists, revoked=st.booleans())
    def grant_or_revoke(self, owner: str, chosen: list[int | str], revoked: bool) -> None:
        grants, others = self.db.collection("rooms").tenants, [one for one in TENANTS if one != owner]
        call = grants.revoke if revoked else grants.grant
        if not self.tenants >= set(TENANTS):
            with pytest.raises(vicinal.NotFound):
                call(chosen, tenant=owner, to=others)
            return
        for other in others:
            held = {i for i in chosen if self.grants.get((other, i)) == owner}
            changing = held if revoked else {i for i in chosen if (owner, i) in self.model} - held
            assert call(chosen, tenant=owner, to=other) == len(changing)
            for i in changing:
                if revoked:
                    del self.grants[other, i]
                else:
                    self.grants[other, i] = owner
        for tenant in TENANTS:
            told = {(tenant, grant.id): grant.owner for grant in grants.grants(tenant)}
            assert told == {key: one for key, one in self.grants.items() if key[0] == tenant}

    @rule(tenant=tenants, points=st.one_of(st.none(), st.integers(0, 12)))
    def set_quota(self, tenant: str, points: int | None) -> None:
        rooms = self.db.collection("rooms")
        if tenant not in self.tenants:
            with pytest.raises(vicinal.NotFound):
                rooms.tenants.set_quota(tenant, points=points)
            return
        rooms.tenants.set_quota(tenant, points=points)
        self.quotas.pop(tenant, None)
        if points is not None:
            self.quotas[tenant] = points

    @rule()
    def look_at_tenants(self) -> None:
        rooms = self.db.collection("rooms")
        there = {name for name in rooms.tenants.list() if name in TENANTS}
        assert there == self.tenants
        for tenant in there:
            stats = rooms.tenants.stats(tenant)
            assert stats.points == sum(key[0] == tenant for key in self.model)
            assert stats.quota.points == self.quotas.get(tenant)

    @rule(
        tenant=st.sampled_from(["", *TENANTS]),
        chosen=id_lists,
        year=years,
        lacking=st.integers(0, 6),
        sealed=st.booleans(),
    )
    def upsert(self, tenant: str, chosen: list[int | str], year: Any, lacking: int, sealed: bool) -> None:
        collection, scope = self.where(tenant)
        self.clock += 1
        matrix = np.random.default_rng(self.clock).standard_normal((len(chosen), DIM)).astype(np.float32)
        vectors = [None if i == lacking else vector for i, vector in enumerate(matrix)]
        payload = {"year": year, "clock": self.clock} if year is not None else {"clock": self.clock}
        if self.clock % 3:
            payload["text"] = {"body": words_of(self.clock)}
        terms = [None if i == lacking - 1 else weights_of(self.clock + i) for i in range(len(chosen))]
        columns = {"vector": vectors, "terms": terms}
        if not self.fits(tenant, chosen):
            with pytest.raises(vicinal.QuotaExceeded):
                collection.upsert(chosen, columns, [payload] * len(chosen), **scope)
            return
        collection.upsert(chosen, columns, [payload] * len(chosen), **scope)
        self.tenants |= {tenant} - {""}
        for point_id, vector, row in zip(chosen, vectors, terms, strict=True):
            self.model[tenant, point_id] = (vector, payload)
            self.terms[tenant, point_id] = row
        if sealed:
            collection.flush()

    @rule(
        tenant=st.sampled_from(["", *TENANTS]),
        chosen=id_lists,
        mode=st.sampled_from(["upsert", "insert_only", "update_only"]),
        low=st.one_of(st.none(), st.integers(-3, 3)),
    )
    def upsert_on_condition(self, tenant: str, chosen: list[int | str], mode: str, low: int | None) -> None:
        collection, scope = self.where(tenant)
        self.clock += 1
        vectors = np.random.default_rng(self.clock).standard_normal((len(chosen), DIM)).astype(np.float32)
        payload = {"year": 0, "clock": self.clock, "text": {"body": words_of(self.clock)}}
        written = []
        for point_id, vector in zip(chosen, vectors, strict=True):
            stored = self.model.get((tenant, point_id))
            if stored is None:
                takes = mode != "update_only"
            elif mode == "insert_only":
                takes = False
            else:
                takes = low is None or has_year_from(stored[1], low)
            if takes:
                written.append((point_id, vector))
        if low is not None and mode != "insert_only":
            scope["only_if"] = F("year") >= low
        if written and not self.fits(tenant, [point_id for point_id, _ in written]):
            with pytest.raises(vicinal.QuotaExceeded):
                collection.upsert(chosen, {"vector": vectors}, [payload] * len(chosen), mode=mode, **scope)
            return
        if written:
            self.tenants |= {tenant} - {""}
        done = collection.upsert(chosen, {"vector": vectors}, [payload] * len(chosen), mode=mode, **scope)
        assert done.points == len(written)
        for point_id, vector in written:
            self.model[tenant, point_id] = (vector, payload)
            self.terms[tenant, point_id] = None

    @rule(tenant=st.sampled_from(["", *TENANTS]), chosen=id_lists)
    def delete(self, tenant: str, chosen: list[int | str]) -> None:
        collection, scope = self.where(tenant)
        present = [i for i in chosen if (tenant, i) in self.model]
        assert collection.delete(chosen, **scope) == len(present)
        for point_id in present:
            del self.model[tenant, point_id]
        self.end_grants({(tenant, point_id) for point_id in present})

    @rule(tenant=st.sampled_from(["", *TENANTS]), low=st.integers(-3, 3))
    def delete_by_filter(self, tenant: str, low: int) -> None:
        collection, scope = self.where(tenant)
        gone = [
            key
            for key, (_, payload) in self.model.items()
            if key[0] == tenant and has_year_from(payload, low)
        ]
        assert collection.delete(filter=F("year") >= low, **scope) == len(gone)
        for key in gone:
            del self.model[key]
        self.end_grants(set(gone))

    @rule(tenant=st.sampled_from(["", *TENANTS]), chosen=id_lists)
    def update_payload(self, tenant: str, chosen: list[int | str]) -> None:
        collection, scope = self.where(tenant)
        present = [i for i in chosen if (tenant, i) in self.model]
        assert collection.update_payload({"year": 2}, chosen, **scope) == len(present)
        for point_id in present:
            vector, payload = self.model[tenant, point_id]
            self.model[tenant, point_id] = (vector, payload | {"year": 2})

    @rule(partitioned=st.booleans(), kind=st.sampled_from(["integer", "float"]))
    def add_or_drop_a_field(self, partitioned: bool, kind: str) -> None:
        collection = self.db.collection("rooms" if partitioned else "points")
        if "clock" in collection.schema.fields:
            collection.drop_field("clock")
        else:
            collection.add_field("clock", kind)

    @rule(tenant=st.sampled_from(["", *TENANTS]), first=st.integers(0, 20))
    def filter_by_the_field(self, tenant: str, first: int) -> None:
        collection, scope = self.where(tenant)
        if "clock" not in collection.schema.fields:
            return
        passing = {
            i: self.model[key][0]
            for i, key in self.seen(tenant).items()
            if self.model[key][1].get("clock", -1) >= first
        }
        ones = np.ones(DIM, np.float32)
        hits = collection.search(ones, k=50, field="vector", filter=F("clock") >= first, **scope)
        assert set(hits.ids) == {i for i, vector in passing.items() if vector is not None}
        assert collection.count(filter=F("clock") >= first, **scope) == len(passing)

    @rule(partitioned=st.booleans())
    def wait_indexed(self, partitioned: bool) -> None:
        if self.loaded:
            # Who writes all the time always leaves something to index.
            return
        collection = self.db.collection("rooms" if partitioned else "points")
        collection.wait_indexed()
        assert collection.info().filling == ()

    @rule(
        tenant=st.sampled_from(["", *TENANTS]),
        chosen=id_lists,
        key=st.sampled_from([None, "year", "a", "a.b", "text"]),
        replace=st.booleans(),
    )
    def update_each_payload(self, tenant: str, chosen: list[int | str], key: Any, replace: bool) -> None:
        collection, scope = self.where(tenant)
        changes = [
            {"n": n, "body": words_of(n)}
            if key is not None
            else {"year": n, "a": {"n": n}, "text": [{"body": ["red", n]}, {"body": words_of(n)}]}
            for n in range(len(chosen))
        ]
        present = [i for i in chosen if (tenant, i) in self.model]
        if key == "year":
            # An object is no integer, whoever has it.
            with pytest.raises(vicinal.InvalidArgument, match="year"):
                collection.update_payload(changes, chosen, key=key, replace=replace, **scope)
            return
        assert collection.update_payload(changes, chosen, key=key, replace=replace, **scope) == len(present)
        for point_id, change in zip(chosen, changes, strict=True):
            if point_id in present:
                vector, payload = self.model[tenant, point_id]
                self.model[tenant, point_id] = (vector, set_in_place(payload, change, key, replace))

    @rule(
        tenant=st.sampled_from(["", *TENANTS]),
        low=st.integers(-3, 3),
        key=st.sampled_from(["year", "a", "a.b.n", "text", None]),
    )
    def delete_payload_by_filter(self, tenant: str, low: int, key: str | None) -> None:
        collection, scope = self.where(tenant)
        chosen = [
            point
            for point, (_, payload) in self.model.items()
            if point[0] == tenant and has_year_from(payload, low)
        ]
        expression = F("year") >= low
        if key is None:
            assert collection.clear_payload(filter=expression, **scope) == len(chosen)
        else:
            assert collection.delete_payload([key], filter=expression, **scope) == len(chosen)
        for point in chosen:
            vector, payload = self.model[point]
            self.model[point] = (vector, {} if key is None else deleted_in(payload, key.split(".")))

    @rule(tenant=st.sampled_from(["", *TENANTS]), chosen=id_lists, lacking=st.integers(0, 6))
    def update_vectors(self, tenant: str, chosen: list[int | str], lacking: int) -> None:
        collection, scope = self.where(tenant)
        self.clock += 1
        matrix = np.random.default_rng(self.clock).standard_normal((len(chosen), DIM)).astype(np.float32)
        vectors = [None if i == lacking else vector for i, vector in enumerate(matrix)]
        present = [i for i in chosen if (tenant, i) in self.model]
        assert collection.update_vectors(chosen, {"vector": vectors}, **scope) == len(present)
        for point_id, vector in zip(chosen, vectors, strict=True):
            if point_id in present and vector is not None:
                self.model[tenant, point_id] = (vector, self.model[tenant, point_id][1])

    @rule(tenant=st.sampled_from(["", *TENANTS]), low=st.integers(-3, 3))
    def delete_vectors(self, tenant: str, low: int) -> None:
        collection, scope = self.where(tenant)
        chosen = [
            key
            for key, (vector, payload) in self.model.items()
            if key[0] == tenant and vector is not None and has_year_from(payload, low)
        ]
        expression = (F("year") >= low) & has_vector("vector")
        assert collection.delete_vectors(["vector"], filter=expression, **scope) == len(chosen)
        for key in chosen:
            self.model[key] = (None, self.model[key][1])

    @rule(partitioned=st.booleans())
    def flush(self, partitioned: bool) -> None:
        self.db.collection("rooms" if partitioned else "points").flush()

    @rule(partitioned=st.booleans())
    def merge(self, partitioned: bool) -> None:
        collection = self.db.collection("rooms" if partitioned else "points")
        collection.merge()
        assert self.loaded or len(collection.info().segments) <= 1

    @rule()
    def reopen(self) -> None:
        self.let_go()
        self.db = vicinal.open(self.folder / "db", merge_policy=self.policy)
        self.load = Load(self.db) if self.loaded else None

    @rule(tenant=st.sampled_from(["", *TENANTS]), chosen=id_lists)
    def get(self, tenant: str, chosen: list[int | str]) -> None:
        collection, scope = self.where(tenant)
        for point_id, point in zip(chosen, collection.get(chosen, with_vectors=True, **scope), strict=True):
            key = self.seen(tenant).get(point_id)
            if key is None:
                assert point is None
            else:
                assert point is not None
                expected, terms = self.model[key], self.terms[key]
                assert point.payload == expected[1]
                has = {
                    "vector": expected[0] is not None,
                    "body": text_of(expected[1]) is not None,
                    "terms": terms is not None,
                }
                assert point.vectors.keys() == {name for name, is_there in has.items() if is_there}
                assert point.vectors.get("terms") == terms
                if expected[0] is not None:
                    np.testing.assert_array_equal(point.vectors["vector"], expected[0])

    @rule(
        tenant=st.sampled_from(["", *TENANTS]), low=st.integers(-3, 3), barred=id_lists, k=st.integers(1, 30)
    )
    def search(self, tenant: str, low: int, barred: list[int | str], k: int) -> None:
        collection, scope = self.where(tenant)
        query = np.random.default_rng(self.clock).standard_normal(DIM).astype(np.float32)
        expression = (F("year") >= low) & ~has_id(barred)
        holding = {
            i: self.model[key][0]
            for i, key in self.seen(tenant).items()
            if i not in barred and has_year_from(self.model[key][1], low)
        }
        passing = {i: float(vector @ query) for i, vector in holding.items() if vector is not None}
        assert disagreements(collection, expression, tenant or None) == []
        hits = collection.search(query, k=k, field="vector", filter=expression, **scope)
        nearest = sorted(passing.values(), reverse=True)[:k]
        assert len(hits) == min(k, len(passing))
        np.testing.assert_allclose(hits.scores, nearest, rtol=1e-4, atol=1e-5)
        for hit in hits:
            np.testing.assert_allclose(hit.score, passing[hit.id], rtol=1e-4, atol=1e-5)
            assert hit.payload == self.model[self.seen(tenant)[hit.id]][1]
        assert collection.count(filter=expression, **scope) == len(holding)
        having = expression & has_vector("vector")
        assert collection.count(filter=having, **scope) == len(passing)

    @rule(tenant=st.sampled_from(["", *TENANTS]), query=st.sampled_from(["red", "blue w1 w2", "nothing", ""]))
    def search_by_words(self, tenant: str, query: str) -> None:
        collection, scope = self.where(tenant)
        texts = {
            i: text
            for i, key in self.seen(tenant).items()
            if (text := text_of(self.model[key][1])) is not None
        }
        hits = collection.search(query, k=100, field="body", **scope)
        assert {hit.id: hit.score for hit in hits} == pytest.approx(bm25_scores(texts, query), abs=1e-4)
        assert collection.count(filter=has_vector("body"), **scope) == len(texts)

    @rule(
        tenant=st.sampled_from(["", *TENANTS]),
        query=st.sampled_from([{"t1": 1.0, "all": 0.5, "unheard": 2.0}, {"new3": 1.0, "all": -1.0}]),
        k=st.integers(1, 5),
    )
    def search_by_tokens(self, tenant: str, query: dict[str, float], k: int) -> None:
        collection, scope = self.where(tenant)
        expected = {
            i: cosine(query, terms)
            for i, key in self.seen(tenant).items()
            if (terms := self.terms[key]) is not None
        }
        hits = collection.search(query, k=k, field="terms", effort=EVERY_BLOCK, **scope)
        best = sorted(expected.values(), reverse=True)[:k]
        np.testing.assert_allclose(hits.scores, best, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(hits.scores, [expected[hit.id] for hit in hits], rtol=1e-5, atol=1e-6)
        assert collection.count(filter=has_vector("terms"), **scope) == len(expected)

    @invariant()
    def counts_agree(self) -> None:
        if not hasattr(self, "db"):
            return
        for tenant in ["", *TENANTS]:
            collection, scope = self.where(tenant)
            expected = len(self.seen(tenant))
            assert collection.count(**scope) == expected, disagreements(collection, None, tenant or None)

    @rule(tenant=st.sampled_from(["", *TENANTS]), limit=st.integers(1, 5))
    def scroll(self, tenant: str, limit: int) -> None:
        collection, scope = self.where(tenant)
        seen: list[int | str] = []
        after = None
        while True:
            page = collection.scroll(limit=limit, after=after, **scope)
            seen += [point.id for point in page.points]
            after = page.next
            if after is None:
                break
        assert len(seen) == len(set(seen))
        assert set(seen) == set(self.seen(tenant))


CollectionMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
TestCollection = CollectionMachine.TestCase


class LoadedMachine(CollectionMachine):
    """The same while another tenant writes and background work seals and merges."""

    loaded = True


LoadedMachine.TestCase.settings = settings(max_examples=8, stateful_step_count=20, deadline=None)
TestCollectionUnderLoad = LoadedMachine.TestCase
