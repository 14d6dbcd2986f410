"""What one object of a list satisfies is found in the postings of its fields, without a payload."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from naive_filter import holds

import vicinal
from vicinal import F
from vicinal.engine.filters.expression import And, AtLeast, Filter, Nested, Not, Or

NOTHING_BY_ITSELF = vicinal.MergePolicySettings(quiet_seconds=1e9)
FIELDS = {
    "cast.name": "keyword",
    "cast.age": "integer",
    "cast.score": "float",
    "cast.seen": "bool",
    "cast.born": "datetime",
    "cast.home.at": "geo",
    "cast.bio": "text",
    "cast.uid": "uuid",
    "crew.head.name": "keyword",
}
N = 240
random = np.random.default_rng(11)
NAMES, BIOS = ["ann", "bo", "bo b", ""], ["the lost city", "city the", "Lost!", ""]
VALUES: dict[str, list[Any]] = {
    "name": NAMES,
    "age": [-3, 0, 7, 7, 41],
    "score": [-1.5, 0, 7, 7.25, 2**53 + 2],
    "seen": [True, False],
    "born": ["1970-01-01", "1999-12-31T23:00:00+01:00", "2001-05-05T10:00:00Z"],
    "bio": BIOS,
    "uid": [str(UUID(int=number)) for number in range(3)],
}


def one_of(values: list[Any]) -> Any:
    return values[int(random.integers(len(values)))]


def value_of(field: str) -> Any:
    return one_of([one_of(VALUES[field]), None, [], [one_of(VALUES[field]), one_of(VALUES[field]), None]])


def element() -> dict[str, Any]:
    found = {field: value_of(field) for field in VALUES if random.random() < 0.6}
    if random.random() < 0.5:
        found["home"] = {"at": {"lat": int(random.integers(-3, 4)), "lon": int(random.integers(-3, 4))}}
    return found


def payload() -> dict[str, Any]:
    cast = [element() for _ in range(random.integers(0, 4))]
    crew = {"head": [{"name": one_of(NAMES)} for _ in range(random.integers(0, 3))]}
    odd = one_of([{}, {"cast": None}, {"cast": element()}, {"cast": []}, {"cast": [None, element(), None]}])
    return odd if random.random() < 0.1 else {"cast": cast, "crew": crew}


def leaf() -> Filter:
    field = one_of(["name", "age", "score", "seen", "born", "bio", "uid", "home.at"])
    asked, low, high = F(field), *sorted(random.integers(-4, 45, 2).tolist())
    if random.random() < 0.25:
        return one_of([asked.is_null(), asked.exists(), asked.is_empty(), asked.values_count(gte=2)])
    match field:
        case "name":
            return one_of([asked == "bo", asked.is_in(["", "ann"]), ~(asked == "bo"), asked.like("%b")])
        case "age":
            return one_of([asked == 7, asked.between(low, high), asked.any_except([7, 0]), asked > low + 0.5])
        case "score":
            return one_of([asked == 7, asked >= low, asked.any_except([7.25]), asked < high])
        case "seen":
            return one_of([asked == True, asked.any_except([True])])  # noqa: E712
        case "born":
            return asked >= one_of(VALUES["born"])
        case "bio":
            return one_of([asked.text("city"), asked.phrase("lost city"), asked.text_any("the lost")])
        case "home.at":
            return asked.geo_box((high / 15, -2), (-1, 2))
    return asked.exists()


def clause(depth: int = 2) -> Filter:
    if depth == 0 or random.random() < 0.3:
        return leaf()
    several = tuple(clause(depth - 1) for _ in range(random.integers(1, 4)))
    return one_of([And(several), Or(several), Not(several[0]), AtLeast(several, 2), And(())])


def vectors(n: int) -> np.ndarray:
    return np.ones((n, 2), np.float32)


def test_every_expression_means_what_it_means_of_each_object(tmp_path: Path) -> None:
    rows = [payload() for _ in range(N)]
    asked = [Nested("cast", clause()) for _ in range(80)]
    asked += [Nested("crew.head", F("name") == name) for name in NAMES]
    expected = {each: [row for row in range(N) if holds(each, rows[row], "", {})] for each in asked}
    with vicinal.open(tmp_path / "db", merge_policy=NOTHING_BY_ITSELF) as db:
        spec = vicinal.Dense(2, index=vicinal.Flat())
        points = db.create_collection("points", spec, fields=FIELDS, strict=True)
        tenants = db.create_collection("tenants", spec, fields=FIELDS, strict=True, partitioned=True)
        half = N // 2
        for start, stop in (0, half), (half, N):
            points.upsert(range(start, stop), vectors(stop - start), rows[start:stop])
            tenants.upsert(range(start, stop), vectors(stop - start), rows[start:stop], tenant="a")
            tenants.upsert(range(start, stop), vectors(stop - start), rows[::-1][start:stop], tenant="b")
            if start == 0:
                points.flush()
                tenants.flush()

        def check() -> None:
            for expression, ids in expected.items():
                explained = points.explain(np.ones(2), k=N, filter=expression)
                assert (explained.payloads_read, explained.unindexed) == (0, {}), expression
                assert sorted(explained.hits.ids) == ids, expression
                assert points.count(filter=expression) == len(ids)
                assert tenants.count(filter=expression, tenant="a") == len(ids)
                assert tenants.count(filter=expression, tenant="b") == len(ids)

        check()
    with vicinal.open(tmp_path / "db", merge_policy=NOTHING_BY_ITSELF) as db:
        points, tenants = db.collection("points"), db.collection("tenants")
        check()
        points.merge()
        tenants.merge()
        check()


def test_a_field_that_is_added_later_is_answered_without_payloads_too() -> None:
    rows = [payload() for _ in range(N)]
    asked = F("cast").nested((F("name") == "bo") & (F("age") >= 7))
    expected = sum(holds(asked, row, "", {}) for row in rows)
    with vicinal.open(":memory:", merge_policy=NOTHING_BY_ITSELF) as db:
        spec = vicinal.Dense(2, index=vicinal.Flat())
        points = db.create_collection("points", spec, fields={"cast.name": "keyword"})
        points.upsert(range(N), vectors(N), rows)
        assert points.count(filter=asked) == expected
        assert points.explain(np.ones(2), filter=asked).unindexed == {"cast.age": "integer"}
        points.add_field("cast.age", "integer")
        explained = points.explain(np.ones(2), filter=asked & ~vicinal.has_id([]))
        assert (explained.payloads_read, explained.unindexed) == (0, {})
        assert points.count(filter=asked) == expected
        points.merge()
        assert points.count(filter=asked) == expected
        points.drop_field("cast.age")
        assert points.count(filter=asked) == expected


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (F("cast").nested(F("role") == "x"), "names the payload field 'cast.role', which is not indexed"),
        (F("cast").nested(F("name") == 1), "value for 'cast.name' is 1"),
        (F("cast").nested(F("name[]") == "x"), r"asks for single elements of 'cast.name\[\]'"),
        (F("cast").nested(F("uid") == str(UUID(int=1))), "asks for single elements of 'cast'"),
        (F("cast").nested(F("bio") == "x"), "asks for whole texts of 'cast.bio'"),
        (F("cast").nested(F("home").nested(F("at").exists())), "asks for single elements of 'cast'"),
        (F("crew").nested(And(())), None),
        (F("note").nested(And(())), "asks for single elements of 'note'"),
    ],
)
def test_what_no_index_answers_is_refused_where_none_is_read(expression: Filter, message: str | None) -> None:
    with vicinal.open(":memory:") as db:
        points = db.create_collection("points", vicinal.Dense(2), fields=FIELDS, strict=True)
        points.upsert([1], vectors(1), [{"crew": [{}]}])
        if message is None:
            assert points.count(filter=expression) == 1
            return
        with pytest.raises(vicinal.VicinalError, match=message):
            points.count(filter=expression)
