from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import vicinal
from vicinal.engine.collection import Collection
from vicinal.engine.errors import Corruption
from vicinal.engine.results.hit_rows import HitRows
from vicinal.engine.results.hits import BatchHits, Hits
from vicinal.proto.v1 import search_pb2 as pb
from vicinal.server.wire.searching.hits import packed_hits, put_hits, read_batch_hits, read_hits
from vicinal.storage.columns.payloads import PayloadColumn
from vicinal.storage.columns.vectors import DenseColumn, VectorColumn

N, DIM = 12, 4


@pytest.fixture(scope="module", params=["numbers", "texts", "mixed"])
def collection(request: pytest.FixtureRequest) -> Any:
    ids: list[Any] = [2**64 - 1 - row for row in range(N)]
    if request.param != "numbers":
        ids = [f"töxt {row}" if request.param == "texts" or row % 2 else row for row in range(N)]
    rng = np.random.default_rng(7)
    vectors: dict[str, Any] = {
        "plot": rng.standard_normal((N, DIM)).astype(np.float32),
        "words": [(np.arange(row % 3), np.ones(row % 3)) for row in range(N)],
        "tokens": [rng.standard_normal((1 + row % 3, DIM)).astype(np.float32) for row in range(N)],
    }
    payloads = [{"row": row, "name": "名前" * row} if row % 4 else None for row in range(N)]
    with vicinal.open(":memory:") as database:
        fields: dict[str, Any] = {
            "plot": vicinal.Dense(DIM, metric="l2"),
            "words": vicinal.Sparse(),
            "tokens": vicinal.Multi(DIM),
        }
        films = database.create_collection("films", fields, fields={"row": "integer"})
        half = N // 2
        films.upsert(ids[:half], {name: rows[:half] for name, rows in vectors.items()}, payloads[:half])
        films.flush()
        films.upsert(ids[half:], {name: rows[half:] for name, rows in vectors.items()}, payloads[half:])
        yield films


def sent(hits: Hits | BatchHits, with_payload: bool) -> pb.HitColumns:
    message = pb.HitColumns()
    put_hits(message, hits, with_payload)
    packed = pb.SearchBatchResponse.FromString(packed_hits(hits, with_payload))
    assert packed.hits == message
    assert list(packed.counts) == (hits.counts.tolist() if isinstance(hits, BatchHits) else [])
    return pb.HitColumns.FromString(message.SerializeToString())


def assert_equal_hits(left: Hits, right: Hits) -> None:
    np.testing.assert_array_equal(left.scores, right.scores, strict=True)
    assert left.ids.tolist() == right.ids.tolist()
    assert len(left) == len(right)
    for one, other in zip(left, right, strict=True):
        assert (one.id, one.score, one.payload) == (other.id, other.score, other.payload)
        assert type(one.id) is type(other.id)
        assert list(one.vectors) == list(other.vectors)
        for name, vector in one.vectors.items():
            np.testing.assert_equal(vector, other.vectors[name], strict=True)


@pytest.mark.parametrize("k", [1, 5, N + 3])
@pytest.mark.parametrize("with_payload", [True, False])
@pytest.mark.parametrize("with_vectors", [True, False])
def test_hits_of_one_query_arrive(
    collection: Collection, k: int, with_payload: bool, with_vectors: bool
) -> None:
    query = np.ones(DIM, np.float32)
    hits = collection.search(query, k, field="plot", with_payload=with_payload, with_vectors=with_vectors)
    arrived = read_hits(sent(hits, with_payload), with_payload, with_vectors)
    assert len(arrived) == min(k, N)
    assert_equal_hits(arrived, hits)
    assert_equal_hits(read_hits(sent(arrived, with_payload), with_payload, with_vectors), hits)


@pytest.mark.parametrize("field", ["plot", "words"])
@pytest.mark.parametrize("with_vectors", [True, False])
def test_hits_of_a_batch_arrive_with_their_padding(
    collection: Collection, field: str, with_vectors: bool
) -> None:
    queries: Any = np.eye(3, DIM, dtype=np.float32) + 1
    if field == "words":
        queries = [{1: 1.0}, {0: 2.0, 1: 1.0}, {9: 1.0}]
    for k, chosen in [(2, None), (7, None), (7, {"key": "row", "range": {"lt": 4}}), (N + 1, None)]:
        hits = collection.search(queries, k, field=field, filter=chosen, with_vectors=with_vectors)
        message = sent(hits, True)
        arrived = read_batch_hits(message, hits.counts.tolist(), 3, k, field != "plot", True, with_vectors)
        np.testing.assert_array_equal(arrived.scores, hits.scores, strict=True)
        np.testing.assert_array_equal(arrived.counts, hits.counts, strict=True)
        assert arrived.ids.tolist() == hits.ids.tolist()
        for one, other in zip(arrived, hits, strict=True):
            assert_equal_hits(one, other)


def test_no_hits_arrive(collection: Collection) -> None:
    chosen = {"key": "row", "match": {"value": 4711}}
    hits = collection.search(np.ones(DIM), 5, field="plot", filter=chosen, with_vectors=True)
    assert_equal_hits(read_hits(sent(hits, True), True, True), hits)
    batch = collection.search(np.ones((2, DIM)), 5, field="plot", filter=chosen)
    arrived = read_batch_hits(sent(batch, True), [0, 0], 2, 5, False)
    np.testing.assert_array_equal(arrived.scores, batch.scores, strict=True)
    assert [len(one) for one in arrived] == [0, 0]
    nothing = collection.search(np.empty((0, DIM)), 5, field="plot")
    assert read_batch_hits(sent(nothing, True), [], 0, 5, False).ids.shape == (0, 5)


@given(hnp.arrays(np.float32, st.integers(0, 20), elements={"allow_nan": False}), st.booleans())
def test_scores_arrive_to_the_bit(scores: Any, with_payload: bool) -> None:
    n = len(scores)
    rows = HitRows(np.arange(n, dtype=np.uint64), PayloadColumn.from_rows(None, n), {})
    arrived = read_hits(sent(Hits(rows, np.arange(n), scores), with_payload))
    assert arrived.scores.tobytes() == scores.tobytes()
    assert arrived.scores.dtype == np.float32


def good() -> pb.HitColumns:
    matrix = DenseColumn(np.eye(2, dtype=np.float32))
    rows = HitRows(np.array([7, 8], np.uint64), PayloadColumn.from_rows(None, 2), {"plot": matrix})
    return sent(Hits(rows, np.arange(2), np.ones(2, np.float32), True, True), True)


def changed(change: Any) -> pb.HitColumns:
    message = good()
    change(message)
    return message


MALFORMED = {
    "score missing": changed(lambda hits: hits.scores.pop()),
    "score too many": changed(lambda hits: hits.scores.append(1)),
    "id missing": changed(lambda hits: hits.ids.numbers.pop()),
    "text among numbers": changed(lambda hits: hits.ids.texts.append("a")),
    "payload missing": changed(lambda hits: hits.payloads.row_sizes.pop()),
    "payload cut": changed(lambda hits: setattr(hits.payloads, "json", b"{}")),
    "vector missing": changed(lambda hits: setattr(hits.vectors[0].vectors.dense, "rows", 1)),
    "vectors of an unknown type": changed(
        lambda hits: setattr(hits.vectors[0].vectors.dense, "element_type", 9)
    ),
    "field twice": changed(lambda hits: hits.vectors.append(hits.vectors[0])),
}


@pytest.mark.parametrize("message", MALFORMED.values(), ids=MALFORMED.keys())
def test_an_answer_that_does_not_fit_itself_is_a_clear_error(message: pb.HitColumns) -> None:
    with pytest.raises(Corruption, match="the server's answer cannot be read"):
        read_hits(message, True, True)
    with pytest.raises(Corruption, match="the server's answer cannot be read"):
        read_batch_hits(message, [1, 1], 2, 1, True, True, True)


@pytest.mark.parametrize("counts", [[], [2], [1, 2], [2, 1], [1, 1, 0], [0, 0], [3, 2**32 - 1]])
def test_an_answer_that_does_not_fit_the_question_is_a_clear_error(counts: list[int]) -> None:
    assert len(read_batch_hits(good(), [2, 0], 2, 2, True)) == 2
    with pytest.raises(Corruption, match="counts has"):
        read_batch_hits(good(), counts, 2, 2, True)


def test_a_payload_that_is_none_is_a_clear_error() -> None:
    message = good()
    message.payloads.json = b"{}[]"
    hits = read_hits(message)
    assert hits[0].payload == {}
    with pytest.raises(Corruption, match="expected an object"):
        _ = hits[1]


@pytest.mark.parametrize("splits", [[3], [1, 2], [2, 0, 1], [0, 3]])
def test_answers_to_parts_are_laid_end_to_end(splits: list[int]) -> None:
    ids = np.array([5, 6, 7], np.uint64)
    column = DenseColumn(np.eye(3, dtype=np.float32))
    payloads = PayloadColumn.from_rows([{"row": row} for row in range(3)], 3)
    parts, start = [], 0
    for n in splits:
        part: dict[str, VectorColumn] = {"plot": column.slice(start, start + n)} if n else {}
        parts.append(HitRows(ids[start : start + n], payloads.slice(start, start + n), part))
        start += n
    rows, places = HitRows.concat(parts), np.arange(3)
    assert len(rows) == 3
    assert rows.ids(places) == [5, 6, 7]
    assert rows.id_column(places).dtype == np.uint64
    assert rows.payload_column(places).to_list() == payloads.to_list()
    np.testing.assert_array_equal(rows.vector_columns(places)["plot"].arrays()["matrix"], column.matrix)
    assert [rows.vectors(place)["plot"].tolist() for place in range(3)] == column.matrix.tolist()


def test_parts_with_texts_and_numbers_are_joined() -> None:
    empty = PayloadColumn.from_rows(None, 1)
    numbers = HitRows(np.array([5], np.uint64), empty, {})
    texts = HitRows(np.array(["a"], object), empty, {})
    rows = HitRows.concat([numbers, texts])
    assert rows.ids(np.arange(2)) == [5, "a"]
    assert list(map(type, rows.ids(np.arange(2)))) == [int, str]
