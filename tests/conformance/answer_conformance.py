"""What answers of every kind of database look like. A part of ``DatabaseConformance``."""

from __future__ import annotations

import numpy as np
import pytest

import vicinal
from vicinal import BatchHits, Dense, F, Hits, Multi, Sparse
from vicinal.engine.api import CollectionApi, DatabaseApi

DIM = 8


def matrix(n: int, seed: int = 0, dim: int = DIM) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)


class AnswerConformance:
    """Hits, points and pages, on a database that starts empty."""

    def test_hits_are_a_sequence(self, films: CollectionApi) -> None:
        films.upsert(range(9), matrix(9), [{"year": i} for i in range(9)])
        hits = films.search(np.ones(DIM), k=5)
        assert isinstance(hits, Hits)
        listed = list(hits)
        assert len(hits) == len(listed) == 5
        assert [hits[i] for i in range(5)] == listed
        assert hits[-1] == listed[-1]
        assert hits[1:3] == listed[1:3]
        assert hits[::-2] == listed[::-2]
        assert listed[0] in hits
        assert [hit.payload for hit in hits] == [{"year": hit.id} for hit in hits]
        assert [hit.score for hit in hits] == hits.scores.tolist()
        with pytest.raises(IndexError):
            hits[5]

    def test_batches_are_a_sequence_of_hits(self, films: CollectionApi) -> None:
        films.upsert(range(9), matrix(9))
        batch = films.search(matrix(4, 1), k=2)
        assert isinstance(batch, BatchHits)
        assert [hit.id for hits in batch for hit in hits] == batch.ids.ravel().tolist()
        assert [hit.id for hit in batch[-1]] == batch.ids[-1].tolist()
        assert [len(hits) for hits in batch[1:3]] == [2, 2]
        assert batch[0][1].score == batch.scores[0, 1]
        with pytest.raises(IndexError):
            batch[4]

    def test_columns_have_their_types(self, films: CollectionApi) -> None:
        films.upsert(range(3), matrix(3))
        batch = films.search(np.ones((2, DIM)), k=2)
        assert (batch.ids.dtype, batch.scores.dtype, batch.counts.dtype) == (np.uint64, np.float32, np.int64)
        hits = films.search(np.ones(DIM), k=2)
        assert (hits.ids.dtype, hits.scores.dtype) == (np.uint64, np.float32)
        films.upsert(["a"], matrix(1, 5))
        assert films.search(np.ones(DIM), k=4).ids.dtype == object
        assert films.search(np.ones((2, DIM)), k=4).ids.dtype == object

    def test_the_type_of_ids_is_told_by_the_answer_alone(self, films: CollectionApi) -> None:
        films.upsert(["a", 1, 2], matrix(3), [{"year": year} for year in (1, 2, 2)])
        assert films.search(np.ones(DIM), filter=F("year") == 2).ids.dtype == np.uint64
        assert films.search(np.ones((2, DIM)), k=3, filter=F("year") == 2).ids[0, 2] == 2**64 - 1
        assert films.search(np.ones(DIM), filter=F("year") == 3).ids.dtype == np.uint64
        assert (
            films.search(np.ones((2, DIM)), k=2, filter=F("year") == 3).ids.tolist() == [[2**64 - 1] * 2] * 2
        )

    @pytest.mark.parametrize("metric", ["cosine", "l2"])
    @pytest.mark.parametrize("ids", [[1, 2, 3], ["a", "b", "c"], [1, "b", 3]])
    def test_padding_of_a_batch(self, db: DatabaseApi, metric: str, ids: list[int | str]) -> None:
        points = db.create_collection("points", Dense(DIM, metric=metric), fields={"year": "integer"})
        points.upsert(ids, matrix(3), [{"year": 1}, {"year": 1}, {"year": 2}])
        batch = points.search(matrix(2, 1), k=4, filter=F("year") == 1)
        assert batch.ids.shape == batch.scores.shape == (2, 4)
        assert batch.counts.tolist() == [2, 2]
        assert {frozenset(row[:2]) for row in batch.ids.tolist()} == {frozenset(ids[:2])}
        assert (batch.scores[:, 2:] == (-np.inf if metric == "cosine" else np.inf)).all()
        padding = 2**64 - 1 if batch.ids.dtype == np.uint64 else None
        assert batch.ids[:, 2:].tolist() == [[padding] * 2] * 2
        assert [len(hits) for hits in batch] == [2, 2]

    def test_a_batch_without_queries(self, films: CollectionApi) -> None:
        films.upsert(range(3), matrix(3))
        batch = films.search(np.ones((0, DIM)), k=2)
        assert isinstance(batch, BatchHits)
        assert (len(batch), batch.ids.shape, batch.scores.shape, batch.counts.shape) == (
            0,
            (0, 2),
            (0, 2),
            (0,),
        )

    def test_threads_change_nothing(self, films: CollectionApi) -> None:
        films.upsert(range(40), matrix(40))
        queries = matrix(70, 1)
        one = films.search(queries, k=3)
        for threads in (0, 2):
            several = films.search(queries, k=3, threads=threads)
            np.testing.assert_array_equal(several.ids, one.ids)
            np.testing.assert_array_equal(several.scores, one.scores)

    def test_hits_without_payloads(self, films: CollectionApi) -> None:
        films.upsert([1, 2], matrix(2), [{"year": 1}, {"year": 2}])
        assert [hit.payload for hit in films.search(np.ones(DIM), with_payload=False)] == [{}, {}]
        batch = films.search(np.ones((1, DIM)), with_payload=False)
        assert [hit.payload for hit in batch[0]] == [{}, {}]

    def test_payloads_and_vectors_as_columns(self, films: CollectionApi) -> None:
        rows = matrix(9)
        films.upsert(range(9), rows, [{"year": i} for i in range(9)])
        hits = films.search(np.ones(DIM), k=3, with_vectors=True)
        assert hits.payload_column().to_list() == [{"year": hit.id} for hit in hits]
        np.testing.assert_array_equal(hits.vector_columns()["plot"].matrix, rows[hits.ids.astype(int)])
        batch = films.search(matrix(4, 1), k=2, filter=F("year") < 7)
        assert batch.payload_column().to_list() == [hit.payload for hits in batch for hit in hits]
        assert batch.vector_columns() == {}
        bare = films.search(np.ones(DIM), k=2, with_payload=False)
        assert bare.payload_column().to_list() == [{}, {}]

    @pytest.mark.parametrize("sealed", [False, True])
    def test_hits_with_vectors_of_all_kinds(self, db: DatabaseApi, sealed: bool) -> None:
        points = db.create_collection(
            "points",
            {
                "plot": Dense(DIM),
                "bits": Dense(16, metric="hamming", element="binary"),
                "terms": Sparse(),
                "tokens": Multi(4, element="float32"),
            },
        )
        n = 5
        plot, bits = matrix(n), np.arange(2 * n, dtype=np.uint8).reshape(n, 2)
        terms = [{3: 0.5, 7 + row: 1.0 + row} for row in range(n)]
        tokens = [matrix(1 + row, row, 4) for row in range(n)]
        points.upsert(range(n), {"plot": plot, "bits": bits, "terms": terms, "tokens": tokens})
        if sealed:
            points.flush()
        searches = [
            points.search(plot[1], field="plot", with_vectors=True),
            points.search(bits[2], field="bits", with_vectors=True),
            points.search(terms[3], field="terms", with_vectors=True),
            points.search(tokens[4], field="tokens", with_vectors=True),
            points.search(plot[:2], field="plot", with_vectors=True)[1],
            points.search(terms[:2], field="terms", with_vectors=True)[0],
            points.search(tokens[:2], field="tokens", with_vectors=True)[0],
        ]
        for hits in searches:
            assert len(hits) == n
            for hit in hits:
                row = int(hit.id)
                np.testing.assert_array_equal(hit.vectors["plot"], plot[row])
                np.testing.assert_array_equal(hit.vectors["bits"], bits[row])
                indices, values = hit.vectors["terms"]
                assert dict(zip(indices.tolist(), values.tolist(), strict=True)) == terms[row]
                np.testing.assert_array_equal(hit.vectors["tokens"], tokens[row])
        assert all(hit.vectors == {} for hit in points.search(plot[0], field="plot"))

    def test_get_keeps_order_and_repeats(self, films: CollectionApi) -> None:
        films.upsert([1, 2, "x"], matrix(3), [{"year": 1}, None, {"year": 3}])
        found = films.get([5, "x", 1, "nobody", 2, 1], with_vectors=True)
        assert [point and point.id for point in found] == [None, "x", 1, None, 2, 1]
        assert [point and point.payload for point in found] == [
            None,
            {"year": 3},
            {"year": 1},
            None,
            {},
            {"year": 1},
        ]
        np.testing.assert_array_equal(found[2].vectors["plot"], matrix(3)[0])
        assert films.get([]) == []
        assert films.get([1])[0].vectors == {}

    def test_an_upsert_of_nothing(self, films: CollectionApi) -> None:
        first = films.upsert([1], matrix(1))
        assert films.upsert([], np.empty((0, DIM))) == first
        assert films.upsert([], [], []) == first
        assert films.delete([]) == 0
        assert films.update_payload({"year": 1}, []) == 0
        assert films.count() == 1

    def test_sequence_numbers_grow(self, films: CollectionApi) -> None:
        numbers = [films.upsert([i], matrix(1, i)) for i in range(4)]
        assert numbers == sorted(set(numbers))

    def test_payloads_come_back_as_given(self, films: CollectionApi) -> None:
        payload = {
            "text": 'naïve "quoted"\n\u2028 \U0001f600',
            "numbers": [0, -(2**63), 2**64 - 1, 1.5, 1e300, -0.0],
            "nested": {"a": {"b": [None, True, {}, []]}},
            "": "empty key",
            "year": 7,
        }
        films.upsert([1, 2], matrix(2), [payload, None])
        for _ in range(2):
            point = films.get([1])[0]
            assert point.payload == payload
            assert films.search(matrix(2)[0], k=1)[0].payload == payload
            assert films.scroll(limit=1).points[0].payload == payload
            films.flush()

    def test_scroll_with_a_filter(self, films: CollectionApi) -> None:
        films.upsert(range(30), matrix(30), [{"year": i % 3} for i in range(30)])
        films.flush()
        films.upsert(range(30, 36), matrix(6), [{"year": i % 3} for i in range(30, 36)])
        pages: list[vicinal.Page] = []
        while not pages or pages[-1].next is not None:
            after = pages[-1].next if pages else None
            pages.append(films.scroll(filter=F("year") == 1, limit=5, after=after, with_vectors=True))
        assert [len(page.points) for page in pages] == [5, 5, 2]
        points = [point for page in pages for point in page.points]
        assert [point.id for point in points] == list(range(1, 36, 3))
        np.testing.assert_array_equal(points[4].vectors["plot"], matrix(30)[13])
        assert films.scroll(filter=F("year") == 9).points == []

    def test_explain_on_a_batch(self, films: CollectionApi) -> None:
        films.upsert(range(20), matrix(20), [{"year": i} for i in range(20)])
        films.flush()
        films.upsert(range(20, 25), matrix(5, 2))
        done = films.explain(matrix(3, 1), k=4, filter=F("year") < 10, with_vectors=True)
        assert done.queries == 3
        assert isinstance(done.hits, BatchHits)
        assert done.hits.counts.tolist() == [4, 4, 4]
        assert done.hits[0][0].vectors["plot"].shape == (DIM,)
        assert (20, 10) in [(segment.rows, segment.allowed) for segment in done.segments]
        assert done.expected_recall == 1.0
        assert "3 queries" in str(done)
        np.testing.assert_array_equal(
            done.hits.ids, films.search(matrix(3, 1), k=4, filter=F("year") < 10).ids
        )

    def test_explain_of_other_kinds(self, db: DatabaseApi) -> None:
        points = db.create_collection("points", {"terms": Sparse(), "tokens": Multi(4)})
        points.upsert([1, 2], {"terms": [{1: 1.0}, {2: 1.0}], "tokens": [matrix(2, 1, 4), matrix(1, 2, 4)]})
        single = points.explain({2: 1.0}, k=1, field="terms")
        assert ([hit.id for hit in single.hits], single.queries) == ([2], 1)
        assert isinstance(single.hits, Hits)
        several = points.explain([matrix(2, 1, 4)], k=1, field="tokens")
        assert isinstance(several.hits, BatchHits)
        assert several.queries == 1
