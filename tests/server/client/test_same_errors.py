"""A bad call fails in the same words embedded and remote."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import vicinal
from vicinal import Dense, F, Hnsw, Multi, Sparse, has_id
from vicinal.engine.api import DatabaseApi
from vicinal.server.service.server import Server
from vicinal.server.service.settings.settings import ServerSettings

DIM = 4
ONE = np.ones((1, DIM), np.float32)
TWO = np.eye(2, DIM, dtype=np.float32)
QUERY = np.ones(DIM, np.float32)
NAN = np.full((1, DIM), np.nan)
DEEP: dict[str, object] = {"has_id": [1]}
for _ in range(17):
    DEEP = {"must_not": [DEEP]}

Call = Callable[[DatabaseApi], object]


def fill(db: DatabaseApi) -> DatabaseApi:
    films = db.create_collection(
        "films",
        Dense(DIM),
        fields={"year": "integer", "genre": "keyword", "rating": "float", "seen": "bool", "at": "datetime"},
        strict=True,
    )
    films.upsert([1, 2], TWO, [{"year": 1}, None])
    rooms = db.create_collection("rooms", Dense(DIM), partitioned=True)
    rooms.upsert([1], ONE, tenant="ada")
    mixed = db.create_collection(
        "mixed",
        {
            "small": Dense(DIM, metric="l2", element="int8"),
            "bits": Dense(16, metric="hamming", element="binary"),
            "terms": Sparse(),
            "tokens": Multi(DIM),
        },
    )
    del mixed
    return db


@pytest.fixture(scope="module")
def embedded() -> Iterator[DatabaseApi]:
    with vicinal.open(":memory:") as db:
        yield fill(db)


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatabaseApi]:
    folder: Path = tmp_path_factory.mktemp("served") / "db"
    with Server(ServerSettings(folder, port=0)) as server, vicinal.connect(server.address) as db:
        yield fill(db)


def films(method: str, *args: object, **options: object) -> Call:
    return lambda db: getattr(db.collection("films"), method)(*args, **options)


def rooms(method: str, *args: object, **options: object) -> Call:
    return lambda db: getattr(db.collection("rooms"), method)(*args, **options)


def mixed(**wrong: object) -> Call:
    right: dict[str, object] = {
        "small": [[1, 2, 3, 4]],
        "bits": [[1, 2]],
        "terms": [{1: 1.0}],
        "tokens": [ONE],
    }
    return lambda db: db.collection("mixed").upsert([1], right | wrong)


def mixed_search(query: object, field: str | None) -> Call:
    return lambda db: db.collection("mixed").search(query, field=field)


WRITES: list[Call] = [
    films("upsert", [1], np.ones((1, DIM + 1))),
    films("upsert", [1], QUERY),
    films("upsert", [1], NAN),
    films("upsert", [1, 2], TWO * 1e30),
    films("upsert", [1, 2], TWO * [[1], [0]]),
    films("upsert", [1], [["x"] * DIM]),
    films("upsert", [1], [[1, 2], [3]]),
    films("upsert", [1], "text"),
    films("upsert", [1, 2], ONE),
    films("upsert", [1, 1], TWO),
    films("upsert", ["a", "a"], TWO),
    films("upsert", [-1], ONE),
    films("upsert", [2**64], ONE),
    films("upsert", [True], ONE),
    films("upsert", [1.5], ONE),
    films("upsert", [None], ONE),
    films("upsert", [""], ONE),
    films("upsert", ["x" * 256], ONE),
    films("upsert", ["\ud800"], ONE),
    films("upsert", "ab", ONE),
    films("upsert", np.ones(1), ONE),
    films("upsert", np.array([[1]]), ONE),
    films("upsert", [1], {"story": ONE}),
    films("upsert", [1], ONE, [{}, {}]),
    films("upsert", [1], ONE, {"year": 1}),
    films("upsert", [1], ONE, ["year"]),
    films("upsert", [1], ONE, [{"a": {1, 2}}]),
    films("upsert", [1], ONE, [{"a": float("nan"), "b": None}]),
    films("upsert", [1], ONE, [{"a": 2**64}]),
    films("upsert", [1], ONE, [{1: 2}]),
    films("upsert", [1, 2], TWO, [{}, {"year": "soon"}]),
    films("upsert", [1], ONE, [{"year": 2**63}]),
    films("upsert", [1], ONE, [{"genre": 3}]),
    films("upsert", [1], ONE, [{"seen": 1}]),
    films("upsert", [1], ONE, [{"at": "yesterday"}]),
    films("upsert", [1], ONE, tenant="ada"),
    films("upsert", [1], ONE, tenant=5),
    rooms("upsert", [1], ONE),
    rooms("upsert", [1], ONE, tenant=""),
    rooms("upsert", [1], ONE, tenant=5),
    rooms("upsert", [1], ONE, tenant="x" * 256),
    rooms("upsert", [1], ONE, tenant="\ud800"),
    films("delete"),
    films("delete", [1], filter=F("year") == 1),
    films("delete", [-1]),
    films("delete", filter=F("none") == 1),
    rooms("delete", [1]),
    films("update_payload", {"a": 1}),
    films("update_payload", {"a": {1}}, [1]),
    films("update_payload", {"year": "x"}, [1]),
    films("update_payload", [1], [1]),
    films("update_payload", {"year": 1}, filter={"key": "year"}),
    mixed(small=[[1, 2, 3, 400]]),
    mixed(small=[[1, 2, 3, 0.5]]),
    mixed(bits=[[1, 2, 3]]),
    mixed(bits=[[1, 256]]),
    mixed(terms=[{1: [1], 2: 3}]),
    mixed(terms=[{-1: 1.0}]),
    mixed(terms=[{2**32: 1.0}]),
    mixed(terms=[([1, 1], [9e16, 9e16])]),
    mixed(terms=[[(1, 1.0), (2,)]]),
    mixed(terms=[{1: float("inf")}]),
    mixed(terms=5),
    mixed(tokens=[np.ones((2049, DIM))]),
    mixed(tokens=[np.ones((1, DIM + 1))]),
    mixed(tokens=5),
]
READS: list[Call] = [
    films("scroll", filter=F("nobody") == 1, tenant="ada"),
    films("get", "12"),
    films("get", [None]),
    rooms("get", [1]),
    films("scroll", limit=0),
    films("scroll", limit=10_001),
    films("scroll", limit="3"),
    films("scroll", after=-1),
    films("scroll", filter=3),
    rooms("scroll"),
    films("count", filter=F("director") == "x"),
    rooms("count", filter=F("director") > "x", tenant="ada"),
    rooms("count", filter=F("director").between(1, "2024-05-01"), tenant="ada"),
    films("count", filter=F("year") == "x"),
    films("count", filter=F("genre") >= "x"),
    films("count", filter=F("at") >= "x"),
    films("count", filter={"must": 3}),
    films("count", filter={"key": "year", "match": {"value": 1}, "more": 2}),
    films("count", filter={"has_id": [-1]}),
    films("count", filter={"key": "year", "range": {"gt": 1, "gte": 2}}),
    films("count", filter=DEEP),
    films("count", filter={"should": [{"has_id": [i]} for i in range(1100)]}),
    films("count", filter="year > > 3"),
    films("count", tenant="ada"),
    rooms("count"),
    rooms("count", tenant=""),
    films("wait_indexed", "soon"),
    films("wait_indexed", -1),
    films("wait_indexed", float("nan")),
    films("calibrate", np.ones((49, DIM))),
    films("calibrate", np.ones((60, DIM + 1))),
    films("calibrate", np.ones((60, DIM)), field="story"),
    lambda db: db.collection("mixed").calibrate(np.ones((60, DIM))),
    lambda db: db.collection("mixed").calibrate(np.ones((60, DIM)), field="terms"),
]
SEARCHES: list[Call] = [
    films("search", QUERY, offset=None),
    films("search", QUERY, offset=[]),
    films("search", QUERY, offset=0.0),
    films("search", QUERY, offset=False),
    films("search", QUERY, threads=True),
    films("search", QUERY, threads=1.0),
    films("search", np.ones(DIM + 1)),
    films("search", np.full(DIM, np.nan)),
    films("search", np.full(DIM, 1e30)),
    films("search", np.zeros(DIM)),
    films("search", np.zeros((2, DIM))),
    films("search", np.ones((1, 1, DIM))),
    films("search", "query"),
    films("search", None),
    films("search", []),
    films("search", [[]]),
    films("search", QUERY, 0),
    films("search", QUERY, -1),
    films("search", QUERY, 10_001),
    films("search", QUERY, 2.5),
    films("search", QUERY, True),
    films("search", QUERY, "ten"),
    films("search", QUERY, 10, offset=-1),
    films("search", QUERY, 10, offset=9_991),
    films("search", QUERY, 10, offset=1.5),
    films("search", QUERY, threads=-1),
    films("search", QUERY, threads=5_000),
    films("search", QUERY, recall=0),
    films("search", QUERY, recall=1.01),
    films("search", QUERY, recall=float("nan")),
    films("search", QUERY, recall="high"),
    films("search", QUERY, recall=True),
    films("search", QUERY, recall=[0.9]),
    films("search", QUERY, ef=0),
    films("search", QUERY, ef=10**6),
    films("search", QUERY, ef=2.5),
    films("search", QUERY, exact=1),
    films("search", QUERY, field="story"),
    films("search", QUERY, field=""),
    films("search", QUERY, filter=F("director") == "x"),
    films("search", QUERY, filter={"key": 5, "match": {"value": 1}}),
    films("search", QUERY, filter=[F("year") == 1]),
    films("search", QUERY, tenant="ada"),
    films("search", np.ones((10_000, DIM), np.float32), 10_000),
    rooms("search", QUERY),
    rooms("search", QUERY, tenant=7),
    films("explain", QUERY, effort=3),
    films("explain", QUERY, k=0),
    films("explain", np.ones(3)),
    films("score", np.ones(3), [1]),
    films("score", QUERY, [1], field="story"),
    films("score", QUERY, 1),
    films("score", QUERY, "12"),
    films("score", QUERY, [1, -1]),
    films("score", QUERY, [1, None]),
    films("score", QUERY, [[1], [2]]),
    films("score", np.ones((3, DIM)), [[1], [2]]),
    films("score", np.ones((2, DIM)), [[1], [2.5]]),
    films("score", np.ones((2, DIM)), [[1], 2]),
    films("score", np.ones((10_000, DIM), np.float32), range(10_000)),
    films("score", QUERY, [1], tenant="ada"),
    rooms("score", QUERY, [1]),
    mixed_search(QUERY, None),
    mixed_search([1.5] * DIM, "none"),
    mixed_search([1, 2, 3], "bits"),
    mixed_search({1: "x"}, "terms"),
    mixed_search(5, "terms"),
    mixed_search(5, "tokens"),
    mixed_search(np.ones((2, DIM + 1)), "tokens"),
]
DATABASE: list[Call] = [
    lambda db: db.collection("none"),
    lambda db: db.collection(""),
    lambda db: db.collection("a b"),
    lambda db: db.collection(5),  # type: ignore[arg-type]
    lambda db: db.collection("\ud800"),
    lambda db: db.drop_collection("none"),
    lambda db: db.drop_collection(5),  # type: ignore[arg-type]
    lambda db: db.create_collection("films", Dense(DIM)),
    lambda db: db.create_collection("new", {}),
    lambda db: db.create_collection("new", {"a b": Dense(2)}),
    lambda db: db.create_collection("new", {"a": 3}),  # type: ignore[dict-item]
    lambda db: db.create_collection("new", 3),  # type: ignore[arg-type]
    lambda db: db.create_collection("new", Dense(2), fields={"year": "number"}),
    lambda db: db.create_collection("new", Dense(2), fields={"a..b": "integer"}),
    lambda db: db.create_collection("new", Dense(2), partitioned=1),  # type: ignore[arg-type]
    lambda db: db.create_collection("new", Dense(2, index=Hnsw(m=-1))),
    lambda db: db.create_collection("new", {f"f{i}": Dense(2) for i in range(33)}),
]
NAMES: list[Call] = [
    lambda db: db.create_collection("", Dense(2)),
    lambda db: db.create_collection("a b", Dense(2)),
    lambda db: db.create_collection("x" * 65, Dense(2)),
    lambda db: db.create_collection(5, Dense(2)),  # type: ignore[arg-type]
]


def failure(call: Call, db: DatabaseApi) -> tuple[type[BaseException], str, str | None]:
    with pytest.raises((vicinal.VicinalError, ValueError, TypeError)) as raised:
        call(db)
    return raised.type, str(raised.value), getattr(raised.value, "field", None)


@pytest.mark.parametrize(
    "calls",
    [WRITES, READS, SEARCHES, DATABASE, NAMES],
    ids=["writes", "reads", "searches", "database", "names"],
)
def test_class_text_and_field_are_the_same(
    calls: list[Call], embedded: DatabaseApi, remote: DatabaseApi
) -> None:
    different = []
    for number, call in enumerate(calls):
        here, there = failure(call, embedded), failure(call, remote)
        if here != there:
            different.append(f"{number}: {here}\n   {there}")
    assert not different, "\n".join(different)
    for db in (embedded, remote):
        assert db.collections() == ["films", "mixed", "rooms"]
        assert db.collection("films").count() == 2


def test_good_values_of_odd_types_are_taken(embedded: DatabaseApi, remote: DatabaseApi) -> None:
    when = datetime.datetime(2020, 5, 17, 12, 30)
    for db in (embedded, remote):
        films = db.collection("films")
        assert len(films.search(QUERY.tolist(), np.int64(3), offset=np.int32(0))) == 2
        assert len(films.search(QUERY.astype(np.float64)[::1], k=2, recall=1)) == 2
        assert films.count(filter=F("at") >= when) == 0
        assert films.count(filter={"key": "at", "range": {"gte": when}}) == 0
        assert films.count(filter=has_id(np.array([1, 7]))) == 1
        assert films.count(filter={"has_id": (1, 2)}) == 2
        assert [p and p.id for p in films.get(np.array([2, 5], np.int8))] == [2, None]
        assert films.scroll(limit=np.int64(1)).points[0].id == 1
        assert films.update_payload({"at": when, "n": np.float32(0.5)}, [1]) == 1
        assert films.get([1])[0].payload == {"year": 1, "at": "2020-05-17T12:30:00+00:00", "n": 0.5}
        assert films.update_payload({"year": 1}, [1], replace=True) == 1
