"""What reads of a collection return, whatever kind of database it is in."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import vicinal
from vicinal import Dense, F, Sparse, has_id
from vicinal.engine.api import CollectionApi, DatabaseApi

DIM = 8


def fill(films: CollectionApi, n: int) -> np.ndarray:
    rows = np.random.default_rng(3).standard_normal((n, DIM)).astype(np.float32)
    films.upsert(range(n), rows, [{"year": 1990 + i, "genre": "ab"[i % 2]} for i in range(n)])
    return rows


def told(answer: Any) -> list[str]:
    hits, batch, explained, page, point = answer
    return [repr(list(one)) for one in (hits, *batch, explained.hits)] + [
        str(explained),
        repr(page),
        repr(point),
    ]


class ReadConformance:
    """Reads of a collection of one dense field."""

    def test_answers_are_pickled_and_copied(self, films: CollectionApi) -> None:
        rows = fill(films, 30)
        answer = (
            films.search(rows[7], 3, with_vectors=True),
            films.search(rows[:2], 3, filter=F("year") < 1992, with_payload=False),
            films.explain(rows[7], 3),
            films.scroll(limit=2),
            films.get([7], with_vectors=True)[0],
        )
        before, pickled = told(answer), pickle.dumps(answer)
        films.delete(list(range(30)))
        for again in (pickle.loads(pickled), tuple(map(copy.copy, answer)), copy.deepcopy(answer)):
            assert told(again) == before
            assert again[1].ids.tolist() == answer[1].ids.tolist()
            np.testing.assert_array_equal(again[1].counts, [2, 2])
            assert again[0].payload_column().to_list() == [hit.payload for hit in answer[0]]

    def test_errors_are_pickled(self, films: CollectionApi) -> None:
        with pytest.raises(vicinal.InvalidArgument) as refused:
            films.search(np.ones(DIM), k=0)
        refused.value.add_note("seen")
        again = pickle.loads(pickle.dumps(refused.value))
        assert (type(again), str(again), again.field) == (vicinal.InvalidArgument, str(refused.value), "k")
        assert again.__notes__ == ["seen"]

    def test_search_by_a_stored_vector(self, films: CollectionApi) -> None:
        rows = fill(films, 60)
        films.flush()
        fill_one = rows[:1] + 0.01
        films.upsert([1000, "twin"], np.vstack([fill_one, rows[5:6]]))
        whole = [hit.id for hit in films.search(rows[5], 60, exact=True)]
        expected = [point_id for point_id in whole if point_id != 5]
        found = films.search(by_id=5, k=12)
        assert [hit.id for hit in found] == expected[:12]
        assert found[0].id == "twin"
        assert found.scores.tolist() == pytest.approx(
            films.search(rows[5], 13, exact=True).scores[1:].tolist()
        )
        pages = [[hit.id for hit in films.search(by_id=5, k=7, offset=at)] for at in (0, 7, 14)]
        assert [point_id for page in pages for point_id in page] == expected[:21]
        odd = [hit.id for hit in films.search(by_id=5, k=5, filter=F("genre") == "b")]
        assert (
            odd == [hit.id for hit in films.search(rows[5], 6, filter=F("genre") == "b") if hit.id != 5][:5]
        )

    def test_search_by_several_stored_vectors(self, films: CollectionApi) -> None:
        fill(films, 40)
        batch = films.search(by_id=[3, 7, 3], k=4)
        assert [[hit.id for hit in hits] for hits in batch] == [
            [hit.id for hit in films.search(by_id=one, k=4)] for one in (3, 7, 3)
        ]
        assert len(films.search(by_id=[], k=4)) == 0
        assert batch.counts.tolist() == [4, 4, 4]
        every = films.search(by_id=[3], k=100)[0]
        assert (len(every), 3 in every.ids) == (39, False)
        explained = films.explain(by_id=[3, 7], k=4)
        assert (explained.queries, len(explained.hits)) == (2, 2)
        assert len(films.explain(by_id=3, k=4).hits) == 4

    def test_a_point_without_the_vector_is_no_query(self, db: DatabaseApi) -> None:
        films = db.create_collection("parts", {"plot": Dense(DIM), "terms": Sparse()})
        films.upsert([1, 2], {"plot": np.eye(2, DIM, dtype=np.float32), "terms": [None, {3: 1.0}]})
        assert [hit.id for hit in films.search(by_id=1, field="plot")] == [2]
        for asked in (1, [2, 1]):
            with pytest.raises(vicinal.NotFound, match=r"point 1 .*'terms'"):
                films.search(by_id=asked, field="terms")

    def test_points_carry_what_was_named(self, db: DatabaseApi) -> None:
        films = db.create_collection(
            "parts", {"plot": Dense(DIM), "terms": Sparse()}, fields={"year": "integer"}
        )
        rows = np.random.default_rng(8).standard_normal((4, DIM)).astype(np.float32)
        payload = {"year": 1990, "maker": {"city": "Turin", "name": "A"}, "cast": [{"who": "B", "as": 1}, 7]}
        films.upsert(range(4), {"plot": rows, "terms": [{i: 1.0} for i in range(4)]}, [payload] * 3 + [None])
        films.flush()
        films.upsert([9], {"plot": rows[:1], "terms": [{1: 2.0}]}, [payload])
        for named, expected in [
            (True, payload),
            (False, {}),
            ([], {}),
            (["year"], {"year": 1990}),
            (("maker.city", "nowhere"), {"maker": {"city": "Turin"}}),
            (["maker", "maker.city"], {"maker": payload["maker"]}),
            (["maker.city", "maker"], {"maker": payload["maker"]}),
            (["maker.name", "maker.city"], {"maker": payload["maker"]}),
            (["cast.who", "year.month", "maker.city.zip"], {"cast": [{"who": "B"}]}),
        ]:
            hits = films.search(rows[0], 5, field="plot", with_payload=named)
            batch = films.search(rows[:2], 5, field="plot", with_payload=named)
            points = [*films.get([0, 9], with_payload=named), *films.scroll(with_payload=named).points[:3]]
            found = [
                hit
                for hit in [*hits, *batch[0], *points, *films.sample(5, with_payload=named)]
                if hit.id != 3
            ]
            assert [one.payload for one in found] == [expected] * len(found)
            assert films.get([3], with_payload=named)[0].payload == {}
            assert hits.payload_column().to_list() == [hit.payload for hit in hits]
        for named, fields in [(True, {"plot", "terms"}), (["terms"], {"terms"}), ([], set()), (False, set())]:
            hits = films.search(rows[0], 5, field="plot", with_vectors=named)
            points = [*films.get([0, 9], with_vectors=named), *films.scroll(with_vectors=named).points]
            for one in [*hits, *points, *films.sample(5, with_vectors=named)]:
                assert one.vectors.keys() == fields
            assert set(hits.vector_columns()) == fields
            assert set(pickle.loads(pickle.dumps(hits)).vector_columns()) == fields
        np.testing.assert_array_equal(films.get([1], with_vectors=["plot"])[0].vectors["plot"], rows[1])

    def test_names_that_are_none_are_refused(self, films: CollectionApi) -> None:
        rows = fill(films, 3)
        for ask in (
            lambda **options: films.search(rows[0], **options),
            lambda **options: films.explain(rows[:2], **options),
            lambda **options: films.get([1], **options),
            lambda **options: films.scroll(**options),
            lambda **options: films.sample(1, **options),
        ):
            for options in (
                {"with_vectors": ["story"]},
                {"with_vectors": "plot"},
                {"with_vectors": 1},
                {"with_payload": "year"},
                {"with_payload": ["a", 3]},
                {"with_payload": [""]},
                {"with_payload": [f"k{i}" for i in range(257)]},
            ):
                with pytest.raises(vicinal.InvalidArgument) as refused:
                    ask(**options)
                assert refused.value.field == next(iter(options))

    def test_a_sample_is_drawn_with_equal_chances(self, films: CollectionApi) -> None:
        fill(films, 40)
        films.flush()
        films.upsert(range(100, 110), np.ones((10, DIM)), [{"year": 3000}] * 10)
        films.delete([0, 1, 100])
        there = {*range(2, 40), *range(101, 110)}
        drawn = [point.id for seed in range(300) for point in films.sample(5, seed=seed)]
        counts = np.array([drawn.count(point_id) for point_id in sorted(there)])
        # 1,500 draws of 47 points: 32 each, give or take five standard deviations.
        assert (counts.sum(), set(drawn)) == (1500, there)
        assert np.abs(counts - 1500 / 47).max() < 5 * 5.7
        first = [point.id for point in films.sample(6, seed=7)]
        assert [point.id for point in films.sample(6, seed=7)] == first
        assert len({tuple(point.id for point in films.sample(6)) for _ in range(5)}) > 1
        assert sorted(point.id for point in films.sample(1000)) == sorted(there)
        late = films.sample(20, filter=F("year") == 3000, with_payload=["year"])
        assert sorted(point.id for point in late) == list(range(101, 110))
        assert films.sample(3, filter=F("year") == 1) == []
        for options, field in [({"n": 0}, "n"), ({"n": 10_001}, "n"), ({"n": 1, "seed": -1}, "seed")]:
            with pytest.raises(vicinal.InvalidArgument) as refused:
                films.sample(**options)
            assert refused.value.field == field

    def test_a_sample_is_of_the_tenant(self, rooms: CollectionApi) -> None:
        for tenant in ("anna", "boris"):
            rooms.upsert(range(8), np.ones((8, DIM)), [{"of": tenant}] * 8, tenant=tenant)
        assert {point.payload["of"] for point in rooms.sample(8, tenant="anna")} == {"anna"}
        assert rooms.sample(8, tenant="nobody") == []

    def test_a_search_has_one_query(self, films: CollectionApi) -> None:
        rows = fill(films, 10)
        for query, options, field in [
            (None, {}, "query"),
            (rows[0], {"by_id": 3}, "by_id"),
            (None, {"by_id": 3.5}, "ids"),
            (None, {"by_id": 3, "k": 10_000}, "k"),
        ]:
            for ask in (films.search, films.explain):
                with pytest.raises(vicinal.InvalidArgument) as refused:
                    ask(query, **options)
                assert refused.value.field == field, options
        for missing in (10, "a", [3, 10]):
            with pytest.raises(vicinal.NotFound, match=r"id (10|'a')") as lost:
                films.search(by_id=missing)
            assert lost.value.field == "by_id"

    def test_a_tenant_searches_by_points_of_its_own(self, rooms: CollectionApi) -> None:
        rows = np.random.default_rng(5).standard_normal((6, DIM)).astype(np.float32)
        rooms.upsert([0, 1, 2], rows[:3], tenant="anna")
        rooms.upsert([2, 3, 4], rows[3:], tenant="boris")
        assert sorted(hit.id for hit in rooms.search(by_id=2, tenant="anna")) == [0, 1]
        assert sorted(hit.id for hit in rooms.search(by_id=2, tenant="boris")) == [3, 4]
        answers = set()
        for tenant in ("anna", "nobody"):
            with pytest.raises(vicinal.NotFound) as lost:
                rooms.search(by_id=3, tenant=tenant)
            answers.add(str(lost.value))
        assert len(answers) == 1

    @pytest.mark.parametrize("field", ["year", "rating", "at"])
    @pytest.mark.parametrize("falling", [False, True])
    @pytest.mark.parametrize("limit", [1, 4, 100])
    def test_pages_in_the_order_of_a_field(
        self, films: CollectionApi, field: str, falling: bool, limit: int
    ) -> None:
        rng = np.random.default_rng(9)
        values = {
            "year": [-(2**63), 2**63 - 1, 5, 5, 5, -3, None, [9, 1], []],
            "rating": [0.1, -2.5, 7, 7.0, 1e300, None, [0.5, 3.5], -0.0, 0.0],
            "at": [
                "2024-05-01",
                "2024-05-01T02:00:00+02:00",
                "1969-01-01",
                None,
                ["2025-01-01", "1990-01-01"],
            ],
        }[field]
        # As numbers for the oracle: ties are in the order of writing.
        numbers = {
            "2024-05-01": 3,
            "2024-05-01T02:00:00+02:00": 3,
            "1969-01-01": 0,
            "2025-01-01": 4,
            "1990-01-01": 1,
        }
        written = [(i, values[int(at)]) for i, at in enumerate(rng.integers(0, len(values), 30))]
        for start in (0, 10, 20):
            part = written[start : start + 10]
            vectors = np.ones((10, DIM), np.float32)
            films.upsert(
                [i for i, _ in part], vectors, [{field: v} if v is not None else {} for _, v in part]
            )
            if start < 20:
                films.flush()
        films.delete([3, 17])

        def place(item: tuple[int, Any]) -> tuple[bool, Any, int]:
            listed = item[1] if isinstance(item[1], list) else [] if item[1] is None else [item[1]]
            known = [numbers.get(value, value) if isinstance(value, str) else value for value in listed]
            first = (max if falling else min)(known, default=0)
            return not known, -first if falling else first, item[0]

        expected = [i for i, _ in sorted(written, key=place) if i not in (3, 17)]
        order, after, found = f"-{field}" if falling else field, None, []
        while True:
            page = films.scroll(order_by=order, limit=limit, after=after, with_payload=False)
            found += [point.id for point in page.points]
            after = page.next
            if after is None:
                break
            assert len(page.points) == limit
        assert found == expected
        chosen = [point.id for point in films.scroll(order_by=order, filter=has_id([1, 4, 22, 9])).points]
        assert chosen == [i for i in expected if i in (1, 4, 22, 9)]

    def test_orders_that_are_none_are_refused(self, films: CollectionApi) -> None:
        fill(films, 3)
        for order_by in ("genre", "-seen", 5, ["year"], "", "-", "a..b", "a[b"):
            with pytest.raises(vicinal.InvalidArgument) as refused:
                films.scroll(order_by=order_by)
            assert refused.value.field == "order_by"
        for options in (
            {"after": "5@1"},
            {"after": 5, "order_by": "year"},
            {"after": "a@1", "order_by": "year"},
            {"after": "inf@1", "order_by": "year"},
            {"after": "t1.5@1", "order_by": "nowhere"},
            {"after": f"{2**64}@1", "order_by": "nowhere"},
        ):
            with pytest.raises(vicinal.InvalidArgument) as refused:
                films.scroll(**options)
            assert refused.value.field == "after"

    def test_a_tenant_goes_through_its_own_in_order(self, rooms: CollectionApi) -> None:
        for tenant in ("anna", "boris"):
            rooms.upsert(
                range(6), np.ones((6, DIM)), [{"year": i // 2, "of": tenant} for i in range(6)], tenant=tenant
            )
        found, after = [], None
        for _ in range(3):
            page = rooms.scroll(order_by="-year", limit=2, after=after, tenant="boris")
            found += [(point.id, point.payload["of"]) for point in page.points]
            after = page.next
        assert found == [(i, "boris") for i in (4, 5, 2, 3, 0, 1)]
        assert after is None
        assert rooms.scroll(order_by="year", tenant="nobody").points == []
