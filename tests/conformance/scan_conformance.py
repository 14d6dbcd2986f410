"""Filters on payload fields that no index has. A part of ``DatabaseConformance``."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from naive_filter import holds

import vicinal
from vicinal import Dense, F, has_id
from vicinal.engine.api import CollectionApi, DatabaseApi
from vicinal.engine.filters.paths import reader

DIM = 8
PAYLOADS: list[dict[str, Any]] = [
    {"n": 1, "at": "2024-05-01", "maker": {"city": "Rome"}},
    {"n": 1.0, "at": "2024-05-01T02:00:00+02:00", "maker": [{"city": "Rome"}, {"city": None}]},
    {"n": True, "at": "2024-05-02T00:00:00Z", "maker": {"city": ["Oslo", "Rome"]}},
    {"n": "1", "at": "soon", "maker": [{"town": "Rome"}]},
    {"n": None, "at": 1714521600, "maker": "Rome"},
    {"n": [], "at": None},
    {"n": [1, "x", None], "at": ["2023-01-01", "2024-12-31"]},
    {"n": {"n": 1}, "maker.city": "Rome"},
    {"n": [[1], {"n": 1}]},
    {"n": 2**53 + 1},
    {"n": 2**64 - 1},
    {},
]
FILTERS = [
    F("n") == 1,
    F("n") == 1.0,
    F("n") == True,  # noqa: E712
    F("n") == "1",
    F("n") != 1,
    F("n").is_in(["1", True, 2**64 - 1]),
    F("n").is_in([]),
    F("n").is_null(),
    F("n").exists(),
    F("n") > 1,
    F("n").between(0.5, 2.0**53),
    F("n") >= 2.0**53,
    F("n") < 10**300,
    F("at") == "2024-05-01",
    F("at") >= "2024-05-01T00:00:00Z",
    F("at").between("2024-04-30T23:59:59", "2024-05-01"),
    F("maker.city") == "Rome",
    F("maker.city").is_null(),
    F("maker.city").exists(),
    ~((F("maker.city") == "Oslo") | (F("n") == 1)) & (F("kept") >= 2),
    (F("kept") < 5) | (F("n") == 2**53 + 1),
    has_id([0, 5, 7]) & ~F("n").exists(),
]
ORDERED: list[dict[str, Any]] = [
    {"n": 5, "at": "2024-05-01", "mixed": 1, "maker": {"born": 3}, "list": [{"n": 2}, {"n": 9}]},
    {
        "n": 5.0,
        "at": "2024-05-01T02:00:00+02:00",
        "mixed": "2024-05-01",
        "maker": [{"born": 1}, {"born": 7.5}],
    },
    {"n": 2**53, "at": "1969-01-01", "mixed": "1969-12-31T23:59:59.999999Z", "list": [{"n": -1}, {"n": "x"}]},
    {"n": 2**53 + 1, "at": ["2025-01-01", "1990-01-01"], "mixed": 10**15, "maker": {"born": None}},
    {"n": 2.0**53, "at": None, "mixed": True, "maker": {"born": ["2024-05-01", 4]}},
    {"n": -(2**63), "at": "soon", "mixed": [3, "2024-05-01"], "list": {"n": 5}},
    {"n": 2**64 - 1, "at": 7, "mixed": {"n": 1}},
    {"n": 2**63 - 1, "mixed": []},
    {"n": 2**63, "mixed": "x"},
    {"n": 1e300, "mixed": -0.5},
    {"n": [3, -7.25, None, "x"]},
    {"n": -0.0},
    {"n": 0},
    {"n": -(2**53) - 1},
    {},
]


def ordered_values(payload: dict[str, Any], field: str) -> list[tuple[int, Any]]:
    """Return what an order places a payload by: numbers as fractions, and behind them moments."""
    found: list[tuple[int, Any]] = []
    places = reader(field)(payload)
    for each in places if isinstance(places, tuple) else [places]:
        for value in each if isinstance(each, list) else [each]:
            if isinstance(value, int | float) and not isinstance(value, bool):
                found.append((0, Fraction(value)))
            elif isinstance(value, str) and value[:1].isdigit():
                moment = datetime.fromisoformat(value)
                found.append(
                    (1, Fraction((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()))
                )
    return found


def matrix(n: int) -> np.ndarray:
    return np.random.default_rng(n).standard_normal((n, DIM)).astype(np.float32)


def told(expression: vicinal.Filter) -> set[int]:
    payloads = [{"kept": row, **payload} for row, payload in enumerate(PAYLOADS)]
    return {
        row for row, payload in enumerate(payloads) if holds(expression, payload, row, {"kept": "integer"})
    }


class ScanConformance:
    """Filters on undeclared fields in every call that takes a filter, on a database that starts empty."""

    @pytest.fixture
    def odd(self, db: DatabaseApi) -> CollectionApi:
        """A collection of odd payloads of which half are sealed; only ``kept``, their number, is indexed."""
        odd = db.create_collection("odd", Dense(DIM), fields={"kept": "integer"})
        payloads = [{"kept": row, **payload} for row, payload in enumerate(PAYLOADS)]
        n = len(payloads)
        odd.upsert(range(n // 2), matrix(n)[: n // 2], payloads[: n // 2])
        odd.flush()
        odd.upsert(range(n // 2, n), matrix(n)[n // 2 :], payloads[n // 2 :])
        return odd

    def test_values_go_by_their_own_types(self, odd: CollectionApi) -> None:
        assert told(F("n") == 1) == {0, 1, 6}
        assert told(F("maker.city") == "Rome") == {0, 1, 2}
        for expression in FILTERS:
            assert odd.count(filter=expression) == len(told(expression)), str(expression)
            found = odd.search(matrix(1)[0], k=50, filter=vicinal.filter_to_json(expression))
            assert set(found.ids) == told(expression), str(expression)
            assert {point.id for point in odd.scroll(filter=expression).points} == told(expression)

    def test_every_call_that_takes_a_filter_takes_them(self, odd: CollectionApi) -> None:
        ones, query = F("n") == 1, matrix(1)[0]
        batch = odd.search(matrix(3), k=50, filter=ones, exact=True)
        assert [set(hits.ids) for hits in batch] == [{0, 1, 6}] * 3
        assert {point.id for point in odd.sample(50, filter=ones)} == {0, 1, 6}
        assert [point.id for point in odd.scroll(order_by="-kept", filter=ones).points] == [6, 1, 0]
        assert odd.upsert([0, 3], matrix(2), [{"n": 1}, {"n": 1}], only_if=ones).points == 1
        assert odd.update_payload({"n": 7}, filter=ones) == 3
        assert odd.count(filter=F("n") == 7) == 3
        assert odd.delete_payload(["n"], filter=F("n") == 7) == 3
        assert odd.count(filter=~F("n").exists()) == 4
        assert odd.delete(filter=F("n") == "1") == 1
        assert odd.clear_payload(filter=F("n").is_null()) == 1
        with pytest.raises(vicinal.InvalidArgument, match="no condition"):
            odd.delete(filter={"must": []})
        assert set(odd.search(query, k=50, filter=~F("n").exists()).ids) == {0, 1, 4, 6, 11}

    def test_what_is_no_comparison_is_refused(self, odd: CollectionApi) -> None:
        for expression in (F("n") > "soon", F("n") > True, F("n").between(1, "2024-05-01")):
            with pytest.raises(vicinal.InvalidArgument) as caught:
                odd.count(filter=expression)
            assert caught.value.field == "filter"

    @pytest.mark.parametrize("field", ["n", "at", "mixed", "maker.born", "list[].n", "nowhere"])
    @pytest.mark.parametrize("falling", [False, True])
    def test_pages_in_the_order_of_a_field_without_an_index(
        self, db: DatabaseApi, field: str, falling: bool
    ) -> None:
        points = db.create_collection("points", Dense(DIM))
        rng = np.random.default_rng(3)
        written = {i: ORDERED[at] for i, at in enumerate(rng.integers(0, len(ORDERED), 60).tolist())}
        for first in (0, 20, 40):
            ids = range(first, first + 20)
            points.upsert(ids, matrix(20), [written[i] for i in ids])
            if first < 40:
                points.flush()
        points.delete([3, 17, 59])

        def place(i: int) -> tuple[Any, ...]:
            keys = ordered_values(written[i], field)
            if not keys:
                return 2, 0, i
            sort, number = max(keys) if falling else min(keys)
            return (1 - sort, -number, i) if falling else (sort, number, i)

        expected = sorted((i for i in written if i not in (3, 17, 59)), key=place)
        order = f"-{field}" if falling else field
        for limit in (1, 7, 100):
            found, after = [], None
            while True:
                page = points.scroll(order_by=order, limit=limit, after=after, with_payload=False)
                found += [point.id for point in page.points]
                after = page.next
                if after is None:
                    break
                assert len(page.points) == limit
            assert found == expected
        some = points.scroll(order_by=order, filter=has_id([1, 4, 22, 9, 50])).points
        assert [point.id for point in some] == [i for i in expected if i in (1, 4, 22, 9, 50)]

    def test_pages_go_on_when_the_field_is_indexed_and_no_longer(self, db: DatabaseApi) -> None:
        points = db.create_collection("points", Dense(DIM))
        payloads = [{"n": i // 2, "at": f"2024-05-{1 + i // 2:02}"} for i in range(12)]
        points.upsert(range(12), matrix(12), payloads)
        for field, kind in (("n", "integer"), ("at", "datetime"), ("n", "float")):
            for order, expected in (
                (field, list(range(12))),
                (f"-{field}", [10, 11, 8, 9, 6, 7, 4, 5, 2, 3, 0, 1]),
            ):
                found, after = [], None
                for change in (points.add_field, points.drop_field, points.add_field, points.drop_field):
                    page = points.scroll(order_by=order, limit=3, after=after)
                    found += [point.id for point in page.points]
                    after = page.next
                    change(*(field, kind)[: 1 if change == points.drop_field else 2])
                assert found == expected

    def test_explain_tells_what_was_read_and_what_would_index_it(self, odd: CollectionApi) -> None:
        expression = (F("kept") < 5) & (F("n") == 1) & (F("at") > "2024-01-01")
        explained = odd.explain(matrix(1)[0], filter=expression)
        assert explained.unindexed == {"n": "integer", "at": "datetime"}
        assert 0 < explained.payloads_read <= len(PAYLOADS)
        assert "add_field('n', 'integer'), add_field('at', 'datetime')" in str(explained)
        assert odd.explain(matrix(1)[0], filter=F("kept") < 5).unindexed == {}

    def test_a_strict_collection_refuses_them(self, db: DatabaseApi) -> None:
        strict = db.create_collection("strict", Dense(DIM), fields={"year": "integer"}, strict=True)
        assert strict.schema.strict
        assert db.collection("strict").schema.strict
        strict.upsert([1], matrix(1), [{"year": 1990, "director": "x"}])
        strict.flush()
        for _ in range(2):
            with pytest.raises(vicinal.UnindexedField, match=r"add_field\('director'"):
                strict.search(matrix(1)[0], filter=F("director") == "x")
            with pytest.raises(vicinal.UnindexedField):
                strict.delete(filter=F("year").exists() | F("director").exists())
            with pytest.raises(vicinal.UnindexedField, match="'director'") as refused:
                strict.scroll(order_by="-director")
            assert refused.value.field == "order_by"
            assert strict.count(filter=F("year") == 1990) == 1
            strict.add_field("stars", "integer")
            assert strict.schema.strict
        strict.add_field("director", "keyword")
        assert strict.count(filter=F("director") == "x") == 1
        with pytest.raises(vicinal.AlreadyExists, match="strict is True"):
            db.get_or_create_collection("strict", Dense(DIM), fields=dict(strict.schema.fields))
        with pytest.raises(vicinal.InvalidArgument, match="strict is 1"):
            db.create_collection("other", Dense(DIM), strict=1)  # type: ignore[arg-type]

    def test_a_scan_is_of_the_tenants_own_points(self, db: DatabaseApi) -> None:
        rooms = db.create_collection("rooms", Dense(DIM), partitioned=True)
        for tenant, beds in (("ada", 2), ("bob", 3)):
            rooms.upsert(range(6), matrix(6), [{"beds": beds + i % 2} for i in range(6)], tenant=tenant)
            rooms.flush()
        assert rooms.count(filter=F("beds") == 3, tenant="ada") == 3
        assert rooms.count(filter=F("beds") < 3, tenant="bob") == 0
        assert rooms.delete(filter=F("beds") == 3, tenant="ada") == 3
        assert rooms.count(filter=F("beds") == 3, tenant="bob") == 3
        assert set(rooms.search(matrix(1)[0], k=9, filter=F("beds") != 3, tenant="bob").ids) == {1, 3, 5}
