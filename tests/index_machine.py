"""A collection of two tenants against a dict: what every index must do, whatever is written in between."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

import vicinal
from vicinal import F

DIM, IDS = 5, 60
tenants = st.sampled_from(["ada", "bob"])
firsts, counts = st.integers(0, IDS - 1), st.integers(1, IDS // 2)


class IndexMachine(RuleBasedStateMachine):
    """Subclass it with an ``initialize`` that sets the index, how it is searched, whether that is exact."""

    index: vicinal.IndexSpec
    effort: dict[str, float]
    exact: bool
    # By how much the score of what is exactly the query may be off.
    slack = 1e-5

    def open(self, field: vicinal.Dense | vicinal.Multi) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="vicinal-machine-"))
        self.policy = vicinal.MergePolicySettings(quiet_seconds=1e9)
        self.db = vicinal.open(self.folder / "db", merge_policy=self.policy)
        self.points = self.db.create_collection("points", field, fields={"year": "integer"}, partitioned=True)
        self.model: dict[tuple[str, int], tuple[np.ndarray | None, int]] = {}
        self.clock = self.searched = 0
        for tenant in ("ada", "bob"):
            self.upsert(tenant, 0, IDS // 2, 1, False)
        self.points.flush()

    def teardown(self) -> None:
        if hasattr(self, "db"):
            self.db.close()
            shutil.rmtree(self.folder)

    def vectors(self, count: int, lacking: bool) -> list[np.ndarray | None]:
        self.clock += 1
        rng = np.random.default_rng(self.clock)
        drawn = [self.vector(rng) for _ in range(count)]
        return [None if lacking and i % 3 == 1 else vector for i, vector in enumerate(drawn)]

    def vector(self, rng: np.random.Generator) -> np.ndarray:
        return rng.standard_normal(DIM).astype(np.float32)

    @rule(tenant=tenants, first=firsts, count=counts, year=st.integers(0, 3), lacking=st.booleans())
    def upsert(self, tenant: str, first: int, count: int, year: int, lacking: bool) -> None:
        ids, vectors = range(first, first + count), self.vectors(count, lacking)
        # Only the year is indexed.
        payload = {"year": year, "tags": ["even", year / 2] if year % 2 == 0 else "odd"}
        self.points.upsert(ids, vectors, [payload] * count, tenant=tenant)
        self.model |= {(tenant, i): (vector, year) for i, vector in zip(ids, vectors, strict=True)}

    @rule(tenant=tenants, first=firsts, count=counts, lacking=st.booleans())
    def update_vectors(self, tenant: str, first: int, count: int, lacking: bool) -> None:
        ids, vectors = range(first, first + count), self.vectors(count, lacking)
        self.points.update_vectors(ids, vectors, tenant=tenant)
        for i, vector in zip(ids, vectors, strict=True):
            if vector is not None and (tenant, i) in self.model:
                self.model[tenant, i] = vector, self.model[tenant, i][1]

    @rule(tenant=tenants, first=firsts, step=st.integers(1, 4))
    def delete(self, tenant: str, first: int, step: int) -> None:
        gone = [i for i in range(first, 2 * IDS, step) if self.model.pop((tenant, i), None) is not None]
        assert self.points.delete(range(first, 2 * IDS, step), tenant=tenant) == len(gone)

    @rule()
    def flush(self) -> None:
        self.points.flush()

    @rule()
    def merge(self) -> None:
        self.points.merge()
        assert len(self.points.info().segments) <= 1

    @rule()
    def reopen(self) -> None:
        self.db.close()
        self.db = vicinal.open(self.folder / "db", merge_policy=self.policy)
        self.points = self.db.collection("points")

    @invariant()
    def searches_agree(self) -> None:
        if hasattr(self, "db"):
            self.searched += 1
            for tenant in ("ada", "bob"):
                self.search(tenant, self.searched % 4, 1 + self.searched % 6, self.searched % 3)

    def query(self, rng: np.random.Generator) -> np.ndarray:
        return self.vector(rng)

    def distance(self, vector: np.ndarray, query: np.ndarray) -> float:
        return float(np.linalg.norm(vector - query))

    def search(self, tenant: str, low: int, k: int, tagged: int) -> None:
        query = self.query(np.random.default_rng(self.searched))
        passing = {
            i: self.distance(vector, query)
            for (owner, i), (vector, year) in self.model.items()
            if owner == tenant
            and vector is not None
            and year >= low
            and (not tagged or year % 2 == tagged - 1)
        }
        chosen = F("year") >= low
        if tagged:
            chosen &= F("tags") == "odd" if tagged == 2 else F("tags") >= 0
        found = self.points.explain(query, k, filter=chosen, effort=self.effort, tenant=tenant)
        hits = found.hits
        assert len(set(hits.ids)) == len(hits) == min(k, len(passing))
        np.testing.assert_allclose(hits.scores, [passing[hit.id] for hit in hits], rtol=1e-4, atol=self.slack)
        assert (np.diff(hits.scores) >= 0).all()
        if self.exact:
            np.testing.assert_allclose(hits.scores, sorted(passing.values())[:k], rtol=1e-4, atol=self.slack)
        for plan in found.segments:
            if plan.segment != "growing" and plan.allowed > k:
                assert plan.kind == "index_search"
