"""An index of another package goes everywhere that ours go, for each kind of vector, without another line."""

from __future__ import annotations

import importlib
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from serving.running_server import running_server
from third_party.heavy_terms import HeavyTerms
from third_party.mean_tokens import MeanTokens
from third_party.pivots import Pivots

import vicinal
from vicinal import Dense, F, Multi, Sparse
from vicinal.engine.api import CollectionApi
from vicinal.engine.schema.vector_field import VectorField
from vicinal.testing.oracle import recall

N, DIM, K = 800, 8, 10
FIELDS: dict[str, VectorField] = {
    "dense": Dense(DIM, index=Pivots()),
    "sparse": Sparse(index=HeavyTerms()),
    "multi": Multi(DIM, element="float32", index=MeanTokens()),
}
ENTRY_POINTS = """[vicinal.indexes]
pivots = third_party.pivots:Pivots
heavy_terms = third_party.heavy_terms:HeavyTerms
mean_tokens = third_party.mean_tokens:MeanTokens
"""


def vectors(kind: str, n: int, seed: int) -> Any:
    rng = np.random.default_rng(seed)
    if kind == "dense":
        return rng.standard_normal((n, DIM)).astype(np.float32)
    if kind == "multi":
        return [rng.standard_normal((3, DIM)).astype(np.float32) for _ in range(n)]
    terms = [rng.choice(200, 9, replace=False).tolist() for _ in range(n)]
    return [dict(zip(row, rng.random(9).tolist(), strict=True)) for row in terms]


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install the package as far as entry points go."""
    metadata = tmp_path / "site" / "third_party-1.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: third-party\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(str(metadata.parent))
    importlib.invalidate_caches()


def searched_well(collection: CollectionApi, queries: Any) -> None:
    """Assert that the index finds nearly what is there, with and without a filter, and says how."""
    for filter in (None, F("even") == 1):
        exact = collection.search(queries, K, filter=filter, exact=True)
        found = collection.search(queries, K, filter=filter, recall=0.9)
        assert all(hit.payload["even"] == 1 for hits in found for hit in hits) or filter is None
        scores, truth = (np.array([[h.score for h in hits] for hits in some]) for some in (found, exact))
        assert recall(scores, truth, True, 1e-4) >= 0.8
    explained = collection.explain(queries, K, recall=0.9)
    assert "lists" in explained.plan
    assert explained.expected_recall is not None
    assert 0 < explained.distances < len(queries) * N
    assert "3 lists" in collection.explain(queries, K, effort={"lists": 3}).plan
    with pytest.raises(vicinal.InvalidArgument, match="one knob, lists, from 1 to 16"):
        collection.search(queries, K, effort={"ef": 3})


@pytest.mark.parametrize("kind", FIELDS)
def test_an_index_of_another_package(kind: str, tmp_path: Path) -> None:
    folder, queries = tmp_path / "db", vectors(kind, 60, 1)
    with ExitStack() as stack:
        db = stack.enter_context(vicinal.open(folder))
        points = db.create_collection("points", {"v": FIELDS[kind]}, fields={"even": "integer"})
        payloads = [{"even": row % 2} for row in range(N)]
        for half in (slice(0, N // 2), slice(N // 2, N)):
            points.upsert(range(N)[half], vectors(kind, N, 0)[half], payloads[half])
            points.flush()
        points.merge()
        assert points.info().indexed_rows == N
        searched_well(points, queries)
        assert points.calibrate(queries) == 1
        searched_well(points, queries)
        points.delete(range(0, N, 4))
        points.merge()
        assert points.info().indexed_rows == N - N // 4
        follower = stack.enter_context(vicinal.open(folder, read_only=True))
        searched_well(follower.collection("points"), queries)
        expected = [[hit.id for hit in hits] for hits in points.search(queries, K)]
    with vicinal.open(folder, read_only=True) as db:
        assert db.collection("points").schema.vectors["v"] == FIELDS[kind]
    with running_server(folder) as server, vicinal.connect(f"127.0.0.1:{server.port}") as remote:
        served = remote.collection("points")
        assert served.schema.vectors["v"] == FIELDS[kind]
        searched_well(served, queries)
        assert [[hit.id for hit in hits] for hits in served.search(queries, K)] == expected


@pytest.mark.parametrize("kind", FIELDS)
def test_an_index_refuses_vectors_of_another_kind(kind: str) -> None:
    index = FIELDS[kind].index
    others = {"dense": partial(Dense, DIM), "sparse": Sparse, "multi": partial(Multi, DIM)}
    del others[kind]
    for make in others.values():
        with pytest.raises(vicinal.InvalidArgument) as caught:
            make(index=index)
        assert caught.value.field == "index"


def test_a_spec_that_lacks_a_method_is_refused_with_the_field() -> None:
    class Half:
        name = "half"

        def to_json(self) -> dict[str, Any]:
            return {"name": self.name}

    with pytest.raises(
        vicinal.InvalidArgument, match="lacks check, knobs, worth_building, order, build, open"
    ):
        Dense(DIM, index=Half())  # type: ignore[arg-type]
