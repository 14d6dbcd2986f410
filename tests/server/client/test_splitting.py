"""Calls that are more than a server takes at once, over a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vicinal
from vicinal import Dense, F, Multi, Sparse
from vicinal.server.service.server import Server
from vicinal.server.service.settings.limits import Limits
from vicinal.server.service.settings.settings import ServerSettings

DIM = 16
N = 700
LIMITS = Limits(max_message_bytes=64 << 10, max_points=150, max_queries=40, max_results=300)


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[vicinal.RemoteDatabase]:
    settings = ServerSettings(tmp_path_factory.mktemp("served") / "db", port=0, limits=LIMITS)
    with Server(settings) as server, vicinal.connect(server.address) as db:
        yield db


@pytest.fixture
def films(remote: vicinal.RemoteDatabase) -> Iterator[vicinal.RemoteCollection]:
    fields = {"plot": Dense(DIM), "terms": Sparse(), "tokens": Multi(4)}
    yield remote.create_collection("films", fields, fields={"year": "integer"})
    remote.drop_collection("films")


@pytest.fixture
def embedded() -> Iterator[vicinal.Collection]:
    with vicinal.open(":memory:") as db:
        fields = {"plot": Dense(DIM), "terms": Sparse(), "tokens": Multi(4)}
        yield db.create_collection("films", fields, fields={"year": "integer"})


def fill(films: vicinal.RemoteCollection | vicinal.Collection) -> dict[str, Any]:
    rng = np.random.default_rng(5)
    ids: list[int | str] = [i if i % 3 else f"text {i}" for i in range(N)]
    vectors: dict[str, Any] = {
        "plot": rng.standard_normal((N, DIM)).astype(np.float32),
        "terms": [{i % 50: 1.0, 60 + i % 7: 0.5} for i in range(N)],
        "tokens": [rng.standard_normal((1 + i % 3, 4)) for i in range(N)],
    }
    payloads = [{"year": i, "text": "x" * (i % 400)} for i in range(N)]
    assert films.upsert(ids, vectors, payloads) == N + 1
    return vectors


def test_a_large_upsert_and_what_reads_it(
    films: vicinal.RemoteCollection, embedded: vicinal.Collection
) -> None:
    vectors = fill(films)
    fill(embedded)
    ids: list[int | str] = [i if i % 3 else f"text {i}" for i in range(N + 5)]
    assert films.count() == N
    pairs = zip(films.get(ids, with_vectors=True), embedded.get(ids, with_vectors=True), strict=True)
    for there, here in pairs:
        assert (there and there.id, there and there.payload) == (here and here.id, here and here.payload)
        if there is not None and here is not None:
            np.testing.assert_array_equal(there.vectors["plot"], here.vectors["plot"])
            np.testing.assert_array_equal(there.vectors["terms"], here.vectors["terms"])
            np.testing.assert_array_equal(there.vectors["tokens"], here.vectors["tokens"])
    plot = vectors["plot"]
    for options in ({"k": 7}, {"k": 7, "offset": 3}, {"k": 5, "filter": F("year") < 3, "with_vectors": True}):
        there: Any = films.search(plot[:200], field="plot", **options)
        here: Any = embedded.search(plot[:200], field="plot", **options)
        assert there.ids.tolist() == here.ids.tolist()
        np.testing.assert_array_equal(there.scores, here.scores)
        np.testing.assert_array_equal(there.counts, here.counts)
        assert [hit.payload for hit in there[199]] == [hit.payload for hit in here[199]]
        assert [len(hit.vectors) for hit in there[199]] == [len(hit.vectors) for hit in here[199]]
    terms = vectors["terms"][:130]
    found = films.search(terms, k=3, field="terms")
    assert found.ids.tolist() == embedded.search(terms, k=3, field="terms").ids.tolist()
    assert films.delete([*ids[:500], *ids[:10]]) == 500
    assert films.update_payload({"year": -1}, ids) == N - 500
    assert films.count(filter=F("year") == -1) == N - 500


def test_scores_of_more_than_a_message_holds(
    films: vicinal.RemoteCollection, embedded: vicinal.Collection
) -> None:
    vectors = fill(films)
    fill(embedded)
    ids: list[Any] = [*range(0, 2 * N, 2), *(f"text {i}" for i in range(0, N, 3)), "nobody" * 40]
    short = [ids[row % 50 : row % 50 + row % 7] for row in range(100)]
    for field in vectors:
        for queries, asked in [
            (vectors[field][0], ids),
            (vectors[field][:100], ids[:3]),
            (vectors[field][:90], ids),
            (vectors[field][:100], short),
            (vectors[field][:3], [ids, [], ids[::-1]]),
        ]:
            there = films.score(queries, asked, field=field)
            np.testing.assert_array_equal(there, embedded.score(queries, asked, field=field))
    with pytest.raises(vicinal.LimitExceeded, match="query row 0 takes"):
        films.score([np.ones((20_000, 4))], [1], field="tokens")


def test_more_ids_than_a_message_holds(films: vicinal.RemoteCollection) -> None:
    fill(films)
    many = [*range(1, 20_000), *(f"nobody {i}" for i in range(5_000)), "text 0"]
    assert films.get(many)[-1] is not None
    assert films.update_payload({"year": 7}, many) == films.count() - sum(1 for _ in range(3, N, 3))
    assert films.delete(many) == N - sum(1 for _ in range(3, N, 3))


def test_bad_input_in_a_late_part_changes_nothing(films: vicinal.RemoteCollection) -> None:
    payloads: list[dict[str, object]] = [{"year": i} for i in range(N)]
    payloads[650] = {"year": "soon"}
    vectors = {"plot": np.ones((N, DIM)), "terms": [{1: 1.0}] * N, "tokens": [np.ones((1, 4))] * N}
    with pytest.raises(vicinal.InvalidArgument, match="650"):
        films.upsert(range(N), vectors, payloads)
    assert films.count() == 0


def test_what_cannot_be_cut_is_refused(films: vicinal.RemoteCollection) -> None:
    one = {"plot": np.ones((1, DIM)), "terms": [{1: 1.0}], "tokens": [np.ones((1, 4))]}
    with pytest.raises(vicinal.LimitExceeded, match="row 0 takes"):
        films.upsert([1], one, [{"text": "x" * (64 << 10)}])
    with pytest.raises(vicinal.LimitExceeded, match="300"):
        films.search(np.ones(DIM), 301, field="plot")
    with pytest.raises(vicinal.LimitExceeded):
        films.explain(np.ones((41, DIM)), field="plot")
    assert films.count() == 0


def test_parts_that_need_too_much_memory_are_halved(tmp_path: Path) -> None:
    limits = Limits(memory_bytes=4 << 20)
    with (
        Server(ServerSettings(tmp_path / "db", port=0, limits=limits)) as server,
        vicinal.connect(server.address) as db,
    ):
        films = db.create_collection("films", Dense(256))
        rows = np.random.default_rng(0).standard_normal((6_000, 256)).astype(np.float32)
        films.upsert(range(6_000), rows, [{"text": "x" * 300}] * 6_000)
        assert films.count() == 6_000
        found: Any = films.get(range(6_000), with_vectors=True)
        np.testing.assert_array_equal(found[5_999].vectors["vector"], rows[5_999])
        page = films.scroll(limit=6_000, with_vectors=True)
        assert ([point.id for point in page.points], page.next) == (list(range(6_000)), None)
        assert films.search(rows[:1000], k=20, with_vectors=True).ids[:, 0].tolist() == list(range(1000))
