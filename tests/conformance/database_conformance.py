"""What every kind of database must do: embedded, in memory, remote. Subclass and supply ``db``."""

from __future__ import annotations

import numpy as np
import pytest
from conformance.answer_conformance import AnswerConformance
from conformance.binary_conformance import BinaryConformance
from conformance.candidates_conformance import CandidatesConformance
from conformance.declaring_conformance import DeclaringConformance
from conformance.facet_conformance import FacetConformance
from conformance.field_types_conformance import FieldTypesConformance
from conformance.filtered_batch_conformance import FilteredBatchConformance
from conformance.frame_conformance import FrameConformance
from conformance.group_conformance import GroupConformance
from conformance.input_conformance import InputConformance
from conformance.keyword_conformance import KeywordConformance
from conformance.missing_conformance import MissingConformance
from conformance.multi_conformance import MultiConformance
from conformance.naming_conformance import NamingConformance
from conformance.query_weights_conformance import QueryWeightsConformance
from conformance.read_conformance import ReadConformance
from conformance.scan_conformance import ScanConformance
from conformance.schema_conformance import SchemaConformance
from conformance.score_conformance import ScoreConformance
from conformance.sparse_conformance import SparseConformance
from conformance.tenant_conformance import TenantConformance
from conformance.tending_conformance import TendingConformance
from conformance.term_conformance import TermConformance
from conformance.threshold_conformance import ThresholdConformance
from conformance.token_conformance import TokenConformance
from conformance.write_conformance import WriteConformance

import vicinal
from vicinal import Dense, F, Multi, Sparse, has_id
from vicinal.engine.api import CollectionApi, DatabaseApi

DIM = 8


def matrix(n: int, seed: int = 0, dim: int = DIM) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)


def cosine_order(rows: np.ndarray, query: np.ndarray) -> np.ndarray:
    scores = rows @ query / np.linalg.norm(rows, axis=1) / np.linalg.norm(query)
    return np.argsort(-scores, kind="stable")


class DatabaseConformance(
    AnswerConformance,
    BinaryConformance,
    CandidatesConformance,
    DeclaringConformance,
    FacetConformance,
    FieldTypesConformance,
    FilteredBatchConformance,
    FrameConformance,
    GroupConformance,
    InputConformance,
    KeywordConformance,
    MissingConformance,
    MultiConformance,
    NamingConformance,
    QueryWeightsConformance,
    ReadConformance,
    ScanConformance,
    SchemaConformance,
    ScoreConformance,
    SparseConformance,
    TendingConformance,
    TenantConformance,
    TermConformance,
    ThresholdConformance,
    TokenConformance,
    WriteConformance,
):
    """The shared API, on a database that starts empty."""

    @pytest.fixture
    def films(self, db: DatabaseApi) -> CollectionApi:
        return db.create_collection(
            "films",
            {"plot": Dense(DIM)},
            fields={
                "year": "integer",
                "genre": "keyword",
                "rating": "float",
                "seen": "bool",
                "at": "datetime",
            },
        )

    @pytest.fixture
    def rooms(self, db: DatabaseApi) -> CollectionApi:
        return db.create_collection("rooms", Dense(DIM), fields={"year": "integer"}, partitioned=True)

    def fill(self, films: CollectionApi, n: int = 50) -> np.ndarray:
        rows = matrix(n)
        payloads = [{"year": 1990 + i, "genre": ["a", "b"][i % 2], "rating": i / 2} for i in range(n)]
        films.upsert(range(n), rows, payloads)
        return rows

    def test_protocols(self, db: DatabaseApi, films: CollectionApi) -> None:
        assert isinstance(db, DatabaseApi)
        assert isinstance(films, CollectionApi)

    def test_an_empty_collection_answers(self, films: CollectionApi) -> None:
        assert films.count() == 0
        assert len(films.search(np.ones(DIM))) == 0
        batch = films.search(np.ones((3, DIM)))
        assert len(batch) == 3
        assert batch.scores.shape == (3, 10)
        assert films.get([1]) == [None]
        assert films.scroll().points == []
        assert films.delete([1, 2]) == 0

    def test_upsert_is_searchable_at_once_and_exactly(self, films: CollectionApi) -> None:
        rows = self.fill(films)
        query = matrix(1, seed=9)[0]
        hits = films.search(query, k=7)
        assert [hit.id for hit in hits] == cosine_order(rows, query)[:7].tolist()
        assert hits[0].payload["year"] == 1990 + hits[0].id
        np.testing.assert_array_equal(hits.ids, [hit.id for hit in hits])
        assert (np.diff(hits.scores) <= 0).all()

    def test_batch_equals_single_queries(self, films: CollectionApi) -> None:
        self.fill(films)
        queries = matrix(5, seed=3)
        batch = films.search(queries, k=4, threads=2)
        for row, query in enumerate(queries):
            single = films.search(query, k=4)
            assert [hit.id for hit in batch[row]] == [hit.id for hit in single]
            np.testing.assert_array_equal(batch.scores[row], single.scores)
        assert batch.ids.shape == (5, 4)

    def test_fewer_points_than_k(self, films: CollectionApi) -> None:
        self.fill(films, 3)
        assert len(films.search(np.ones(DIM), k=10)) == 3
        batch = films.search(np.ones((2, DIM)), k=10)
        assert batch.counts.tolist() == [3, 3]
        assert len(batch[0]) == 3

    def test_offset_leaves_out_the_nearest(self, films: CollectionApi) -> None:
        self.fill(films)
        query = np.ones(DIM, np.float32)
        everything = [hit.id for hit in films.search(query, k=9)]
        assert [hit.id for hit in films.search(query, k=5, offset=4)] == everything[4:]

    def test_upsert_replaces(self, films: CollectionApi) -> None:
        self.fill(films, 10)
        films.upsert([3], np.full((1, DIM), 5.0), [{"year": 1}])
        assert films.count() == 10
        point = films.get([3], with_vectors=True)[0]
        assert point is not None
        assert point.payload == {"year": 1}
        np.testing.assert_array_equal(point.vectors["plot"], np.full(DIM, 5.0, np.float32))

    def test_vectors_come_back_as_given(self, films: CollectionApi) -> None:
        rows = self.fill(films, 6)
        films.flush()
        for point_id, point in enumerate(films.get(range(6), with_vectors=True)):
            assert point is not None
            np.testing.assert_array_equal(point.vectors["plot"], rows[point_id])

    def test_text_and_number_ids_live_together(self, films: CollectionApi) -> None:
        films.upsert(["1", 1, "naïve"], matrix(3), [{"year": 1}, {"year": 2}, {"year": 3}])
        films.flush()
        found = films.get([1, "1", "naïve", 2])
        assert [p and p.payload["year"] for p in found] == [2, 1, 3, None]
        films.upsert([2**64 - 1], matrix(1))
        assert {hit.id for hit in films.search(np.ones(DIM))} == {"1", 1, "naïve", 2**64 - 1}

    def test_delete_by_id_and_by_filter(self, films: CollectionApi) -> None:
        self.fill(films, 20)
        assert films.delete([0, 1, 99]) == 2
        assert films.delete(filter=F("year") >= 2000) == 10
        assert films.count() == 8
        films.flush()
        assert films.delete([2]) == 1
        assert films.get([2]) == [None]
        assert {hit.id for hit in films.search(np.ones(DIM), k=50)} == {3, 4, 5, 6, 7, 8, 9}

    def test_a_deleted_point_can_come_back(self, films: CollectionApi) -> None:
        self.fill(films, 5)
        films.flush()
        films.delete([4])
        films.upsert([4], np.ones((1, DIM)), [{"year": 7}])
        assert films.count() == 5
        point = films.get([4])[0]
        assert point is not None
        assert point.payload == {"year": 7}

    def test_update_payload_merges_or_replaces(self, films: CollectionApi) -> None:
        rows = self.fill(films, 6)
        assert films.update_payload({"genre": "c"}, [0, 77]) == 1
        assert films.update_payload({"rating": 9.5}, filter=F("year") >= 1994, replace=True) == 2
        first, last = films.get([0, 5], with_vectors=True)
        assert first is not None
        assert last is not None
        assert first.payload == {"year": 1990, "genre": "c", "rating": 0.0}
        assert last.payload == {"rating": 9.5}
        np.testing.assert_array_equal(last.vectors["plot"], rows[5])

    @pytest.mark.parametrize("sealed", [False, True])
    def test_filters(self, films: CollectionApi, sealed: bool) -> None:
        n = 40
        payloads: list[dict[str, object]] = [
            {"year": 1990 + i, "genre": ["a", "b"] if i % 3 == 0 else "b", "seen": i % 2 == 0}
            for i in range(n)
        ]
        payloads[5] = {"year": None}
        payloads[6] = {}
        films.upsert(range(n), matrix(n), payloads)
        if sealed:
            films.flush()
        cases = {
            F("year") >= 2020: set(range(30, n)),
            F("genre") == "a": set(range(0, n, 3)) - {6},
            (F("genre") == "a") & (F("seen") == True): {i for i in range(0, n, 6)} - {6},  # noqa: E712
            ~(F("genre") == "b"): {5, 6},
            F("year").is_null(): {5},
            F("year").exists(): set(range(n)) - {6},
            F("year").is_in([1990, 1999, 3000]): {0, 9},
            has_id([3, 4, 999]): {3, 4},
            ~has_id(list(range(38))): {38, 39},
            F("year").between(1991, 1993) | has_id([0]): {0, 1, 2, 3},
        }
        for expression, expected in cases.items():
            assert films.count(filter=expression) == len(expected), str(expression)
            hits = films.search(np.ones(DIM), k=n, filter=expression)
            assert {hit.id for hit in hits} == expected, str(expression)
            as_json = films.search(np.ones(DIM), k=n, filter=vicinal.filter_to_json(expression))
            assert {hit.id for hit in as_json} == expected, str(expression)

    def test_scroll_is_stable_and_complete(self, films: CollectionApi) -> None:
        self.fill(films, 25)
        films.flush()
        films.upsert(range(25, 30), matrix(5), None)
        seen: list[object] = []
        after = None
        while True:
            page = films.scroll(limit=7, after=after)
            seen += [point.id for point in page.points]
            films.delete([3]) if after is None else films.upsert([1], matrix(1))
            after = page.next
            if after is None:
                break
        assert len(seen) == len(set(seen)) or seen.count(1) == 2
        assert set(seen) == set(range(30))

    def test_tenants_see_only_their_own(self, rooms: CollectionApi) -> None:
        rooms.upsert([1, 2], matrix(2, 1), [{"year": 1}, {"year": 2}], tenant="ada")
        rooms.upsert([1, 3], matrix(2, 2), [{"year": 10}, {"year": 30}], tenant="bob")
        for _ in range(2):
            assert {hit.id for hit in rooms.search(np.ones(DIM), tenant="ada")} == {1, 2}
            assert {hit.payload["year"] for hit in rooms.search(np.ones(DIM), tenant="bob")} == {10, 30}
            assert rooms.count(tenant="ada") == 2
            assert rooms.get([3], tenant="ada") == [None]
            assert {h.id for h in rooms.search(np.ones(DIM), tenant="ada", filter=~has_id([1]))} == {2}
            assert rooms.count(filter=F("year") >= 0, tenant="bob") == 2
            assert [p.id for p in rooms.scroll(tenant="bob").points] == [1, 3]
            rooms.merge()
        assert rooms.delete([1], tenant="bob") == 1
        assert rooms.get([1], tenant="ada")[0] is not None
        assert rooms.delete(filter=F("year") >= 0, tenant="bob") == 1
        assert rooms.count(tenant="ada") == 2

    def test_a_tenant_that_never_wrote_has_nothing(self, rooms: CollectionApi) -> None:
        rooms.upsert([1], matrix(1), tenant="ada")
        assert len(rooms.search(np.ones(DIM), tenant="eve")) == 0
        assert rooms.get([1], tenant="eve") == [None]
        assert rooms.count(tenant="eve") == 0
        assert rooms.delete([1], tenant="eve") == 0

    def test_a_partitioned_collection_wants_a_tenant(
        self, rooms: CollectionApi, films: CollectionApi
    ) -> None:
        with pytest.raises(vicinal.InvalidArgument, match="every call names a tenant"):
            rooms.search(np.ones(DIM))
        with pytest.raises(vicinal.InvalidArgument, match="not partitioned"):
            films.count(tenant="ada")

    @pytest.mark.parametrize("metric", ["cosine", "dot", "l2"])
    def test_metrics(self, db: DatabaseApi, metric: str) -> None:
        points = db.create_collection("points", Dense(DIM, metric=metric))
        rows, query = matrix(30), matrix(1, 5)[0]
        points.upsert(range(30), rows)
        expected = {
            "cosine": rows @ query / np.linalg.norm(rows, axis=1) / np.linalg.norm(query),
            "dot": rows @ query,
            "l2": np.linalg.norm(rows - query, axis=1),
        }[metric]
        order = np.argsort(expected if metric == "l2" else -expected)[:5]
        for _ in range(2):
            hits = points.search(query, k=5)
            assert hits.ids.tolist() == order.tolist()
            np.testing.assert_allclose(hits.scores, expected[order], rtol=1e-5)
            points.merge()

    @pytest.mark.parametrize("element", ["float16", "int8", "binary"])
    def test_elements(self, db: DatabaseApi, element: str) -> None:
        rng = np.random.default_rng(1)
        if element == "binary":
            spec = Dense(64, metric="hamming", element="binary")
            rows = rng.integers(0, 256, (40, 8), dtype=np.uint8)
            query = rows[7]
        elif element == "int8":
            spec = Dense(16, metric="l2", element="int8")
            rows = rng.integers(-100, 100, (40, 16)).astype(np.int8)
            query = rows[7].astype(np.float32)
        else:
            spec = Dense(16, element="float16")
            rows = rng.standard_normal((40, 16)).astype(np.float16)
            query = rows[7].astype(np.float32)
        points = db.create_collection("points", spec)
        points.upsert(range(40), rows)
        for _ in range(2):
            assert points.search(query, k=1)[0].id == 7
            back = points.get([7], with_vectors=True)[0]
            assert back is not None
            assert back.vectors["vector"].dtype == rows.dtype
            np.testing.assert_array_equal(back.vectors["vector"], rows[7])
            points.merge()

    def test_sparse_and_multi_vectors(self, db: DatabaseApi) -> None:
        texts = db.create_collection("texts", {"terms": Sparse(), "tokens": Multi(4, element="float32")})
        rng = np.random.default_rng(4)
        sparse = [
            {int(t): float(w) for t, w in zip(rng.choice(50, 6, False), rng.random(6), strict=True)}
            for _ in range(30)
        ]
        tokens = [rng.standard_normal((rng.integers(1, 5), 4)).astype(np.float32) for _ in range(30)]
        texts.upsert(range(30), {"terms": sparse, "tokens": tokens})
        query = sparse[11]
        dots = [sum(w * row.get(t, 0.0) for t, w in query.items()) for row in sparse]
        asked = tokens[12]
        maxsim = [float((asked @ row.T).max(axis=1).sum()) for row in tokens]
        for _ in range(2):
            hits = texts.search(query, k=3, field="terms")
            assert hits[0].id == int(np.argmax(dots))
            np.testing.assert_allclose(hits.scores, np.sort(dots)[::-1][:3], rtol=1e-5)
            found = texts.search(asked, k=3, field="tokens")
            assert found[0].id == int(np.argmax(maxsim))
            np.testing.assert_allclose(found.scores, np.sort(maxsim)[::-1][:3], rtol=1e-5)
            texts.merge()
        for wrong in ({1: [1, 2], 2: 3}, {1: "x"}, ([1, 2], [1.0]), 5):
            with pytest.raises(vicinal.InvalidArgument):
                texts.upsert([99], {"terms": [wrong], "tokens": [tokens[0]]})
        back = texts.get([12], with_vectors=True)[0]
        assert back is not None
        np.testing.assert_array_equal(back.vectors["tokens"], asked)

    def test_several_fields_must_be_named(self, db: DatabaseApi) -> None:
        pairs = db.create_collection("pairs", {"a": Dense(2), "b": Dense(3)})
        pairs.upsert([1], {"a": [[1, 0]], "b": [[0, 1, 0]]})
        with pytest.raises(vicinal.InvalidArgument, match="field="):
            pairs.search([1, 0])
        assert pairs.search([0, 1, 1], field="b")[0].id == 1
        with pytest.raises(vicinal.InvalidArgument, match="no field is named 'c'"):
            pairs.upsert([2], {"c": [[1, 0]]})

    def test_bad_input_changes_nothing(self, films: CollectionApi) -> None:
        self.fill(films, 4)
        good = np.ones((2, DIM), np.float32)
        nan, overflow, zero = good.copy(), good.astype(np.float64), good.copy()
        nan[1, 3] = np.nan
        overflow[0, 0] = 1e30
        zero[1] = 0
        cases: list[tuple[object, object, object, str]] = [
            ([8, 9], np.ones((2, DIM + 1)), None, str(DIM)),
            ([8, 9], nan, None, "row 1"),
            ([8, 9], overflow, None, "row 0"),
            ([8, 9], zero, None, "row 1"),
            ([8, 8], good, None, "8"),
            ([8, -1], good, None, "-1"),
            ([8, True], good, None, "True"),
            ([8, "x" * 256], good, None, "255|256"),
            ([8, ""], good, None, "empty|1 to"),
            ([8, 9, 10], good, None, "3"),
            ([8, 9], good, [{}], "1"),
            ([8, 9], good, [{"a": {1, 2}}, {}], "JSON|set"),
            ([8, 9], good, [{"a": float("nan")}, {}], "NaN|finite|nan"),
            ([8, 9], good, [{"year": "soon"}, {}], "year"),
            ([8, 9], {"story": good}, None, "story"),
        ]
        for ids, vectors, payloads, message in cases:
            with pytest.raises(vicinal.InvalidArgument, match=message):
                films.upsert(ids, vectors, payloads)  # type: ignore[arg-type]
        assert films.count() == 4

    def test_bad_searches_are_refused(self, films: CollectionApi) -> None:
        self.fill(films, 4)
        query = np.ones(DIM)
        for options, message in [
            ({"k": 0}, "k is 0"),
            ({"k": 10**9}, "10,000"),
            ({"k": 5, "offset": 10_000}, "offset"),
            ({"recall": 1.5}, "recall"),
            ({"ef": -3}, "ef"),
            ({"recall": [0.9]}, "recall"),
            ({"exact": 1}, "exact"),
            ({"field": "plott"}, "plott"),
            ({"filter": "year > > 3"}, "filter"),
        ]:
            with pytest.raises(vicinal.InvalidArgument, match=message):
                films.search(query, **options)
        for wrong in (np.ones(DIM + 1), np.full(DIM, np.nan), np.zeros(DIM), "query", np.ones((1, 1, DIM))):
            with pytest.raises(vicinal.InvalidArgument):
                films.search(wrong)
        with pytest.raises(vicinal.InvalidArgument, match="efort"):
            films.explain(query, efort=3)

    def test_effort_is_said_in_the_knobs_of_the_index(self, films: CollectionApi) -> None:
        self.fill(films, 40)
        query = np.ones(DIM)
        asked = {"effort": {"ef": 20, "rescore": 15}}
        assert films.search(query, 5, **asked).ids.tolist() == films.search(query, 5, ef=20).ids.tolist()
        assert films.explain(query, 5, effort={"ef": 20}).queries == 1
        for options, message in [
            ({"ef": 20, "effort": {"ef": 20}}, "one of them"),
            ({"effort": {"n_probe": 8}}, "n_probe.*ef"),
            ({"effort": {"ef": 10**6}}, "ef is 1000000"),
            ({"effort": [64]}, "effort"),
        ]:
            for search in (films.search, films.explain):
                with pytest.raises(vicinal.InvalidArgument, match=message):
                    search(query, **options)

    def test_collections_are_listed_and_dropped(self, db: DatabaseApi, films: CollectionApi) -> None:
        self.fill(films, 4)
        assert db.collections() == ["films"]
        with pytest.raises(vicinal.AlreadyExists):
            db.create_collection("films", Dense(3))
        with pytest.raises(vicinal.NotFound, match="films"):
            db.collection("film")
        db.drop_collection("films")
        assert db.collections() == []
        with pytest.raises(vicinal.NotFound):
            films.count()
        db.create_collection("films", Dense(3))
        assert db.collection("films").count() == 0

    def test_info_counts(self, db: DatabaseApi, films: CollectionApi) -> None:
        self.fill(films, 12)
        films.flush()
        films.delete([1])
        films.upsert([50], matrix(1))
        info = films.info()
        assert info.points == 12
        assert sum(segment.rows for segment in info.segments) == 13
        assert sum(segment.dead for segment in info.segments) == 1
        assert db.info().points == 12

    def test_merge_leaves_one_segment_without_dead_rows(self, films: CollectionApi) -> None:
        for start in range(0, 30, 10):
            films.upsert(range(start, start + 10), matrix(10, start))
            films.flush()
        films.delete([0, 15])
        films.merge()
        info = films.info()
        assert [(s.rows, s.dead) for s in info.segments] == [(28, 0)]

    def test_explain_says_what_was_done(self, films: CollectionApi) -> None:
        self.fill(films)
        done = films.explain(np.ones(DIM), k=3, filter=F("genre") == "a")
        assert done.expected_recall == 1.0
        assert done.segments[0].allowed == 25
        assert set(done.stages) == {"validate", "filter", "search", "merge"}
        assert {(part.kind, part.reason) for part in done.segments} == {("exact_scan", "no_index")}
        assert "exact scan" in str(done)
        assert len(done.hits) == 3
