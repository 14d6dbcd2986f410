"""The core of the clients, driven by hand: no socket, no clock, no chance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Unpack

import numpy as np
import pytest

import vicinal
from vicinal import Dense, F, Sparse
from vicinal.engine.errors import DeadlineExceeded, LimitExceeded, ResourceExhausted, Unavailable
from vicinal.engine.input.options import SearchKeywords, SearchOptions, search_options
from vicinal.engine.results.carried import Carried
from vicinal.engine.schema.collection_schema import CollectionSchema
from vicinal.proto.v1 import collections_pb2, database_pb2, points_pb2, search_pb2
from vicinal.server.client.calls.call import Attempt, CallFailed, Pause, Repeat, Step, StreamAttempt
from vicinal.server.client.calls.caller import Caller
from vicinal.server.client.calls.retry_policy import RetryPolicy
from vicinal.server.client.core import CollectionCore, DatabaseCore
from vicinal.server.client.endpoint.address import Address
from vicinal.server.client.operations.handle import CollectionHandle
from vicinal.server.wire.schemas import put_schema
from vicinal.server.wire.searching.hits import put_hits
from vicinal.server.wire.vectors import read_query

DIM = 4
TIMEOUT = 10.0
LIMITS = database_pb2.GetLimitsResponse(
    max_message_bytes=64 << 10, max_points=100, max_queries=8, max_results=50, server_version="0"
)


class Clock:
    """Seconds that pass only when a pause is made."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Script:
    """A driver whose answers are written down: bytes, a failure, or a list of streamed responses."""

    def __init__(self, clock: Clock, *answers: Any) -> None:
        self.clock = clock
        self.answers = list(answers)
        self.steps: list[Step] = []

    def run(self, operation: Any) -> Any:
        try:
            step = operation.send(None)
            while True:
                self.steps.append(step)
                step = self.answer(operation, step)
        except StopIteration as done:
            assert not self.answers
            return done.value

    def answer(self, operation: Any, step: Step) -> Step:
        if isinstance(step, Pause):
            self.clock.now += step.seconds
            return operation.send(None)
        answer = self.answers.pop(0)
        if isinstance(answer, CallFailed):
            return operation.throw(answer)
        if isinstance(step, StreamAttempt):
            for message in answer:
                step.receive(message.SerializeToString())
            return operation.send(None)
        return operation.send(answer.SerializeToString())

    @property
    def paths(self) -> list[str]:
        return [step.path.rsplit("/", 1)[1] for step in self.steps if not isinstance(step, Pause)]

    @property
    def pauses(self) -> list[float]:
        return [step.seconds for step in self.steps if isinstance(step, Pause)]

    def request(self, number: int, kind: Callable[[], Any]) -> Any:
        step = [step for step in self.steps if not isinstance(step, Pause)][number]
        return kind().FromString(step.request)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def core(clock: Clock) -> DatabaseCore:
    caller = Caller(TIMEOUT, RetryPolicy(), clock=clock, chance=lambda: 1.0)
    return DatabaseCore(Address("localhost", 7700), caller)


@pytest.fixture
def films(core: DatabaseCore) -> CollectionCore:
    schema = CollectionSchema({"plot": Dense(DIM), "terms": Sparse()}, {"year": "integer"})
    return core.collection(CollectionHandle("films", "u-1", schema))


class Garbage:
    """A response that is no message."""

    def SerializeToString(self) -> bytes:
        return b"\xff"


def failed(repeat: Repeat, error: vicinal.VicinalError | None = None) -> CallFailed:
    return CallFailed(error or Unavailable("gone"), repeat)


def asked(k: int, **said: Unpack[SearchKeywords]) -> SearchOptions:
    return search_options(k, said)


def found(n: int) -> search_pb2.HitColumns:
    """The hits of a search that finds ``n`` points."""
    with vicinal.open(":memory:") as db:
        points = db.create_collection("points", Dense(DIM))
        points.upsert(range(n), np.eye(n, DIM) + 1)
        hits = search_pb2.HitColumns()
        put_hits(hits, points.search(np.ones(DIM), k=max(n, 1)))
        return hits


def test_a_search_is_one_request_put_together_from_parts(films: CollectionCore, clock: Clock) -> None:
    script = Script(clock, search_pb2.SearchResponse(hits=found(2)))
    query = np.arange(DIM, dtype=np.float32)
    hits = script.run(
        films.searches.search(
            query,
            asked(3, field="plot", filter=F("year") > 3, offset=2, ef=50, with_vectors=True),
        )
    )
    assert len(hits) == 2
    request = script.request(0, search_pb2.SearchRequest)
    assert (request.scope.collection, request.scope.collection_uuid) == ("films", "u-1")
    assert not request.scope.HasField("tenant")
    np.testing.assert_array_equal(np.frombuffer(request.query.dense.data, "<f4"), query)
    options = request.options
    assert (options.field, options.k, options.offset, options.recall) == ("plot", 3, 2, 0.95)
    assert dict(options.effort) == {"ef": 50}
    assert (options.with_payload, options.with_vectors, options.exact, options.threads) == (
        True,
        True,
        False,
        1,
    )
    assert options.filter.json == b'{"key":"year","range":{"gt":3}}'


def test_what_repeats_is_encoded_once_and_stays_apart(films: CollectionCore, clock: Clock) -> None:
    sent = []
    for k, exact in ((1, False), (1, True), (1, False), (2, False)):
        script = Script(clock, search_pb2.SearchResponse(hits=found(1)))
        script.run(films.searches.search({1: 1.0}, asked(k, field="terms", exact=exact)))
        sent.append(script.request(0, search_pb2.SearchRequest).options)
    assert [(options.k, options.exact) for options in sent] == [
        (1, False),
        (1, True),
        (1, False),
        (2, False),
    ]


def test_threads_of_zero_are_all_that_the_server_has(films: CollectionCore, clock: Clock) -> None:
    script = Script(clock, search_pb2.SearchResponse(hits=found(1)))
    script.run(films.searches.search(np.ones(DIM), asked(1, field="plot", threads=0)))
    assert script.request(0, search_pb2.SearchRequest).options.threads == 1024


def test_a_mistake_is_found_before_it_is_sent(films: CollectionCore, clock: Clock) -> None:
    script = Script(clock, described(films), failed(Repeat.ALWAYS))
    with pytest.raises(vicinal.InvalidArgument):
        script.run(films.searches.search(np.ones(DIM + 1), asked(3, field="plot")))
    with pytest.raises(vicinal.InvalidArgument):
        script.run(films.points.count(F("year") == "late", None))
    with pytest.raises(vicinal.InvalidArgument):
        script.run(films.points.upsert([1, 1], {}, None, None))
    # The schema may have changed since it was read; that is asked once, and not again where it fails.
    assert script.paths == ["GetCollection", "GetCollection"]
    assert script.pauses == []


def test_what_another_schema_allows_is_sent_after_all(films: CollectionCore, clock: Clock) -> None:
    script = Script(clock, described(films, {"year": "keyword"}), points_pb2.CountPointsResponse(count=3))
    assert script.run(films.points.count(F("year") == "late", None)) == 3
    script.answers = [points_pb2.CountPointsResponse(count=4)]
    assert script.run(films.points.count(F("year") == "late", None)) == 4
    assert script.paths == ["GetCollection", "CountPoints", "CountPoints"]
    assert films.handle.schema.fields == {"year": "keyword"}


def test_a_collection_of_the_same_name_is_another(films: CollectionCore, clock: Clock) -> None:
    script = Script(clock, described(films, fields={"year": "keyword"}, uuid="u-2"))
    with pytest.raises(vicinal.InvalidArgument):
        script.run(films.points.count(F("year") == "late", None))
    assert films.handle.schema.fields == {"year": "integer"}


def described(
    films: CollectionCore, fields: dict[str, str] | None = None, uuid: str = "u-1"
) -> collections_pb2.GetCollectionResponse:
    """Return what the server says of a collection, with other fields or of another one."""
    known = films.handle.schema
    response = collections_pb2.GetCollectionResponse(uuid=uuid)
    put_schema(response.schema, CollectionSchema(known.vectors, known.fields if fields is None else fields))
    return response


def rows(n: int) -> dict[str, object]:
    return {"plot": np.ones((n, DIM), np.float32), "terms": [{1: 1.0}] * n}


def test_an_upsert_goes_in_parts_in_order(films: CollectionCore, clock: Clock) -> None:
    answers = [points_pb2.UpsertPointsResponse(sequence_number=number) for number in (100, 200, 250)]
    script = Script(clock, LIMITS, *answers)
    payloads = [{"year": i} for i in range(250)]
    assert script.run(films.points.upsert(range(250), rows(250), payloads, None)) == 250
    assert script.paths == ["GetLimits", "UpsertPoints", "UpsertPoints", "UpsertPoints"]
    sent = [script.request(i, points_pb2.UpsertPointsRequest).points for i in (1, 2, 3)]
    assert [list(points.ids.numbers)[::99] for points in sent] == [[0, 99], [100, 199], [200]]
    assert [points.payloads.json[:10] for points in sent] == [b'{"year":0}', b'{"year":10', b'{"year":20']
    assert [points.vectors[0].vectors.dense.rows for points in sent] == [100, 100, 50]
    assert [len(points.vectors[1].vectors.sparse.row_sizes) for points in sent] == [100, 100, 50]


def test_parts_fit_the_message(films: CollectionCore, clock: Clock) -> None:
    script = Script(clock, LIMITS, *[points_pb2.UpsertPointsResponse()] * 3)
    payloads = [{"text": "x" * 30_000}] * 5
    script.run(films.points.upsert(range(5), rows(5), payloads, None))
    sizes = [len(step.request) for step in script.steps[1:] if not isinstance(step, Pause)]
    assert max(sizes) <= LIMITS.max_message_bytes


def test_a_row_that_fits_in_no_message_is_refused(films: CollectionCore, clock: Clock) -> None:
    script = Script(clock, LIMITS)
    payloads = [{}, {"text": "x" * 70_000}]
    with pytest.raises(LimitExceeded, match="points row 1 takes 70"):
        script.run(films.points.upsert([1, 2], rows(2), payloads, None))
    assert script.paths == ["GetLimits"]


def test_all_parts_are_checked_before_the_first_is_sent(films: CollectionCore, clock: Clock) -> None:
    script = Script(clock, LIMITS, described(films))
    payloads: list[dict[str, object]] = [{"year": i} for i in range(150)]
    payloads[140] = {"year": "soon"}
    with pytest.raises(vicinal.InvalidArgument, match="140"):
        script.run(films.points.upsert(range(150), rows(150), payloads, None))
    assert script.paths == ["GetLimits", "GetCollection"]


def test_a_part_that_fails_says_what_was_written(films: CollectionCore, clock: Clock) -> None:
    full = failed(Repeat.NEVER, vicinal.DiskFull("no room"))
    script = Script(clock, LIMITS, points_pb2.UpsertPointsResponse(), full)
    with pytest.raises(vicinal.DiskFull, match="no room") as raised:
        script.run(films.points.upsert(range(150), rows(150), None, None))
    assert raised.value.__notes__ == ["the first 100 of 150 points were written before this"]


def test_a_part_that_is_too_much_for_the_server_is_halved(films: CollectionCore, clock: Clock) -> None:
    too_much = failed(Repeat.NEVER, LimitExceeded("memory"))
    answers = [points_pb2.UpsertPointsResponse(sequence_number=number) for number in (25, 50, 100)]
    script = Script(clock, LIMITS, too_much, too_much, *answers)
    assert script.run(films.points.upsert(range(100), rows(100), None, None)) == 100
    sent = [script.request(i, points_pb2.UpsertPointsRequest).points.ids.numbers for i in range(1, 6)]
    assert [(ids[0], len(ids)) for ids in sent] == [(0, 100), (0, 50), (0, 25), (25, 25), (50, 50)]
    script = Script(clock, too_much)
    with pytest.raises(LimitExceeded, match="memory"):
        script.run(films.points.upsert([1], rows(1), None, None))


def test_a_selection_that_is_too_much_for_the_server_is_halved(films: CollectionCore, clock: Clock) -> None:
    too_much = failed(Repeat.NEVER, LimitExceeded("memory"))
    answers = [points_pb2.DeletePointsResponse(deleted=n) for n in (3, 4)]
    script = Script(clock, LIMITS, too_much, *answers)
    assert script.run(films.points.delete(range(10), None, None)) == 7
    sent = [script.request(i, points_pb2.DeletePointsRequest).selection.ids.numbers for i in range(1, 4)]
    assert [list(ids) for ids in sent] == [list(range(10)), list(range(5)), list(range(5, 10))]
    script = Script(clock, too_much, points_pb2.UpdatePayloadsResponse(updated=5), failed(Repeat.NEVER))
    with pytest.raises(Unavailable) as raised:
        script.run(films.points.update_payload({"year": 1}, range(10), None, None, False, None))
    assert raised.value.__notes__ == ["the first 5 of 10 ids were done before this"]
    script = Script(clock, too_much)
    with pytest.raises(LimitExceeded, match="memory"):
        script.run(films.points.delete(None, F("year") == 1, None))


def test_a_batch_goes_in_parts_and_comes_back_as_one(films: CollectionCore, clock: Clock) -> None:
    # 50 results in all are 5 queries for 10.
    parts = [
        search_pb2.SearchBatchResponse(hits=found(3), counts=[3, 0, 0, 0, 0]),
        search_pb2.SearchBatchResponse(hits=found(0), counts=[0] * 5),
        search_pb2.SearchBatchResponse(hits=found(2), counts=[1, 1]),
    ]
    script = Script(clock, LIMITS, *parts)
    batch = script.run(films.searches.search(np.ones((12, DIM)), asked(8, field="plot", offset=2)))
    assert batch.scores.shape == batch.ids.shape == (12, 8)
    assert batch.counts.tolist() == [3, *[0] * 9, 1, 1]
    assert [len(hits) for hits in batch] == batch.counts.tolist()
    assert batch.ids[10, 0] == batch[10][0].id == 0
    assert batch.ids[0, 3] == 2**64 - 1
    sent = [script.request(i, search_pb2.SearchBatchRequest).queries.dense.rows for i in (1, 2, 3)]
    assert sent == [5, 5, 2]


def test_a_get_goes_in_parts(films: CollectionCore, clock: Clock) -> None:
    def answer(ids: list[int], there: list[bool]) -> points_pb2.GetPointsResponse:
        response = points_pb2.GetPointsResponse(found=there)
        response.points.ids.numbers.extend(ids)
        return response

    script = Script(clock, LIMITS, answer([0], [True] + [False] * 99), answer([100], [True]))
    found = script.run(films.points.get(range(101), Carried(), None))
    assert [point.id for point in found if point] == [0, 100]
    assert len(found) == 101
    script = Script(clock, answer([0], [True, True]))
    with pytest.raises(vicinal.Corruption, match="cannot be read"):
        script.run(films.points.get([0, 1], Carried(), None))


def test_a_page_is_put_together(films: CollectionCore, clock: Clock) -> None:
    def page(ids: list[int], after: int | None) -> points_pb2.ScrollPointsResponse:
        response = points_pb2.ScrollPointsResponse(next=after)
        response.points.ids.numbers.extend(ids)
        return response

    script = Script(clock, page([1, 2], 20), page([3], 30), page([4, 5], 50))
    found = script.run(films.points.scroll(F("year") > 1, 5, 7, None, Carried(), None))
    assert ([point.id for point in found.points], found.next) == ([1, 2, 3, 4, 5], 50)
    sent = [script.request(i, points_pb2.ScrollPointsRequest) for i in range(3)]
    assert [(request.limit, request.after) for request in sent] == [(5, 7), (3, 20), (2, 30)]
    assert all(request.filter.json for request in sent)


def test_calibration_sends_no_more_queries_than_are_used(films: CollectionCore, clock: Clock) -> None:
    heard: list[tuple[str, float]] = []
    progress = collections_pb2.Progress(stage="calibrate plot", fraction=0.5)
    stream = [
        collections_pb2.CalibrateCollectionResponse(progress=progress),
        collections_pb2.CalibrateCollectionResponse(segments=3),
    ]
    script = Script(clock, stream)
    queries = np.arange(1, 3001)[:, None] * np.ones(DIM)
    segments = script.run(films.tending.calibrate(queries, "plot", lambda *report: heard.append(report)))
    assert (segments, heard) == (3, [("calibrate plot", 0.5)])
    sent = script.request(0, collections_pb2.CalibrateCollectionRequest).queries.dense
    assert sent.rows == 1000
    assert np.frombuffer(sent.data, "<f4")[[0, -1]].tolist() == [1.0, 3000.0]


def count(films: CollectionCore) -> Any:
    return films.points.count(None, None)


COUNTED = points_pb2.CountPointsResponse(count=7)


def test_reads_are_repeated_with_growing_pauses(films: CollectionCore, clock: Clock) -> None:
    script = Script(clock, *[failed(Repeat.IF_HARMLESS)] * 4, COUNTED)
    assert script.run(count(films)) == 7
    assert script.pauses == pytest.approx([0.1, 0.2, 0.4, 0.8])
    attempts = [step for step in script.steps if isinstance(step, Attempt)]
    assert [step.timeout for step in attempts] == pytest.approx([10, 9.9, 9.7, 9.3, 8.5])
    assert len({step.request for step in attempts}) == 1


def test_repeating_ends(films: CollectionCore, clock: Clock) -> None:
    script = Script(clock, *[failed(Repeat.IF_HARMLESS)] * 5)
    with pytest.raises(Unavailable, match="gone"):
        script.run(count(films))
    assert len(script.pauses) == 4


def test_what_would_fail_again_is_not_repeated(films: CollectionCore, clock: Clock) -> None:
    script = Script(clock, failed(Repeat.NEVER))
    with pytest.raises(Unavailable):
        script.run(count(films))
    assert script.pauses == []


def test_a_refusal_says_when_to_come_back(films: CollectionCore, clock: Clock) -> None:
    busy = failed(Repeat.ALWAYS, ResourceExhausted("busy", retry_after=2.0))
    script = Script(clock, LIMITS, busy, points_pb2.DeletePointsResponse(deleted=1))
    assert script.run(films.points.delete([1], None, None)) == 1
    assert script.pauses == pytest.approx([2.1])


def test_a_pause_beyond_the_timeout_is_not_begun(films: CollectionCore, clock: Clock) -> None:
    script = Script(clock, failed(Repeat.ALWAYS, ResourceExhausted("busy", retry_after=60.0)))
    with pytest.raises(ResourceExhausted, match="busy"):
        script.run(count(films))
    assert script.pauses == []


def test_what_is_not_harmless_is_repeated_only_if_it_was_not_done(core: DatabaseCore, clock: Clock) -> None:
    films = core.collection(CollectionHandle("films", "u", CollectionSchema({"plot": Dense(DIM)})))
    once = [
        lambda: films.points.delete(None, {"has_id": [1]}, None),
        lambda: films.points.update_payload({}, None, {"has_id": [1]}, None, False, None),
        lambda: core.database.create("films", Dense(DIM), None, False, False),
        lambda: core.database.drop("films"),
    ]
    answers = [
        points_pb2.DeletePointsResponse(),
        points_pb2.UpdatePayloadsResponse(),
        collections_pb2.CreateCollectionResponse(),
        collections_pb2.DeleteCollectionResponse(),
    ]
    for operation, answer in zip(once, answers, strict=True):
        with pytest.raises(Unavailable):
            Script(clock, failed(Repeat.IF_HARMLESS)).run(operation())
        Script(clock, failed(Repeat.ALWAYS), answer).run(operation())


def test_an_upsert_that_would_find_its_own_points_is_sent_once(films: CollectionCore, clock: Clock) -> None:
    def upsert(*condition: Any) -> Any:
        return films.points.upsert([1], rows(1), None, None, *condition)

    answer = points_pb2.UpsertPointsResponse(sequence_number=9, written=1)
    assert Script(clock, LIMITS, answer).run(upsert()).points == 1
    for condition in ("insert_only", None), ("upsert", {"has_id": [1]}), ("update_only", {"has_id": [1]}):
        with pytest.raises(Unavailable):
            Script(clock, failed(Repeat.IF_HARMLESS)).run(upsert(*condition))
        Script(clock, failed(Repeat.ALWAYS), answer).run(upsert(*condition))
    for harmless in ("upsert", None), ("update_only", None):
        assert Script(clock, failed(Repeat.IF_HARMLESS), answer).run(upsert(*harmless)).points == 1


def test_long_work_begins_again(films: CollectionCore, clock: Clock) -> None:
    script = Script(clock, failed(Repeat.IF_HARMLESS), [])
    script.run(films.tending.flush(lambda stage, fraction: None))
    assert script.paths == ["FlushCollection"] * 2
    assert all(step.timeout is None for step in script.steps if isinstance(step, StreamAttempt))


def test_a_deadline_bounds_the_attempt(films: CollectionCore, clock: Clock) -> None:
    script = Script(clock, COUNTED)
    with vicinal.deadline(3.0):
        script.run(count(films))
    assert 2.0 < script.steps[0].timeout <= 3.0  # type: ignore[union-attr, operator]
    script = Script(clock, [])
    with vicinal.deadline(30.0):
        script.run(films.tending.merge(lambda stage, fraction: None))
    assert 20.0 < script.steps[0].timeout <= 30.0  # type: ignore[union-attr, operator]
    with vicinal.deadline(0), pytest.raises(DeadlineExceeded, match="given 0 s"):
        Script(clock).run(count(films))


def test_more_time_than_grpc_can_count_is_any_time(clock: Clock) -> None:
    patient = DatabaseCore(Address("localhost", 7700), Caller(1e12, RetryPolicy(), clock=clock))
    films = patient.collection(CollectionHandle("films", "u-1", CollectionSchema({"plot": Dense(DIM)})))
    with vicinal.deadline(1e15):
        script = Script(clock, failed(Repeat.ALWAYS), COUNTED)
        script.run(count(films))
    assert [step.timeout for step in script.steps if isinstance(step, Attempt)] == [None, None]


def test_an_answer_of_another_release_is_told_from_a_mistake(films: CollectionCore, clock: Clock) -> None:
    odd = [search_pb2.HitColumns(scores=[1.0]), found(2), found(3), found(2)]
    odd[2].payloads.row_sizes.extend([0])
    odd[3].ids.is_text.extend([True])
    for hits in odd[:3]:
        script = Script(clock, search_pb2.SearchResponse(hits=hits))
        k = 1 if len(hits.scores) == 2 else 5
        with pytest.raises(vicinal.Corruption, match="same release"):
            script.run(films.searches.search({1: 1.0}, asked(k, field="terms")))
    script = Script(clock, Garbage())
    with pytest.raises(vicinal.Corruption, match="same release"):
        script.run(films.points.upsert([1], rows(1), None, None))
    script = Script(clock, search_pb2.SearchResponse(hits=odd[3]))
    hits = script.run(films.searches.search({1: 1.0}, asked(2, field="terms")))
    with pytest.raises(vicinal.Corruption, match="same release"):
        hits[0]


def test_a_query_is_framed_as_it_would_be_encoded(core: DatabaseCore, clock: Clock) -> None:
    for dim in (1, 2, 31, 32, 384, 4095, 4096, 8192):
        schema = CollectionSchema({"plot": Dense(dim, metric="dot")})
        points = core.collection(CollectionHandle("points", "u", schema))
        query = np.random.default_rng(dim).standard_normal(dim).astype(np.float32)
        script = Script(clock, search_pb2.SearchResponse(hits=found(1)))
        script.run(points.searches.search(query, asked(1)))
        request = script.request(0, search_pb2.SearchRequest)
        np.testing.assert_array_equal(read_query(request.query), query)
        assert (request.options.k, request.scope.collection) == (1, "points")


def test_limits_are_asked_for_once(films: CollectionCore, core: DatabaseCore, clock: Clock) -> None:
    Script(clock, LIMITS, points_pb2.UpsertPointsResponse()).run(
        films.points.upsert([1], rows(1), None, None)
    )
    other = core.collection(CollectionHandle("other", "u-2", films.handle.schema))
    script = Script(clock, points_pb2.UpsertPointsResponse())
    script.run(other.points.upsert([1], rows(1), None, None))
    assert script.paths == ["UpsertPoints"]
