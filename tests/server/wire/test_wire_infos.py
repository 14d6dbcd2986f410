from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import vicinal
from vicinal.engine.collection import Collection
from vicinal.engine.results.explanation import Explanation, PlanKind, PlanReason, SegmentPlan
from vicinal.engine.results.hit_rows import HitRows
from vicinal.engine.results.hits import Hits
from vicinal.engine.results.info import Activity, AuditedRecall, CollectionInfo, DatabaseInfo, SegmentInfo
from vicinal.engine.results.weighting import Weighting
from vicinal.proto.v1 import search_pb2
from vicinal.proto.v1.collections_pb2 import CollectionInfo as InfoMessage
from vicinal.proto.v1.database_pb2 import GetDatabaseInfoResponse
from vicinal.server.wire.infos import (
    put_collection_info,
    put_database_info,
    read_collection_info,
    read_database_info,
)
from vicinal.server.wire.searching.explanations import put_explanation, read_explanation
from vicinal.server.wire.searching.hits import read_batch_hits, read_hits
from vicinal.storage.catalog.key_value_store import StoreUse
from vicinal.storage.columns.payloads import PayloadColumn

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
sizes = st.integers(0, 2**64 - 1)
fractions = st.floats(0, 1)
segments = st.builds(SegmentInfo, texts, sizes, sizes, sizes, sizes, st.lists(texts, max_size=3).map(tuple))
counts = st.integers(0, 2**32 - 1)
budgets = st.tuples(st.none() | st.integers(1, 9), st.none() | st.integers(1, 9))
audits = st.builds(
    AuditedRecall,
    *(texts, counts, st.booleans(), st.none() | budgets, counts),
    *(fractions, fractions, fractions, counts),
)
collection_infos = st.builds(
    CollectionInfo,
    texts,
    sizes,
    st.lists(segments, max_size=3).map(tuple),
    sizes,
    st.builds(Activity, texts, fractions, texts),
    st.lists(texts, max_size=3).map(tuple),
    st.lists(audits, max_size=2).map(tuple),
)
maybe = st.none() | fractions
plans = st.builds(
    SegmentPlan,
    *(texts, sizes, sizes, st.sampled_from(PlanKind), st.none() | st.sampled_from(PlanReason)),
    *(maybe, maybe, st.dictionaries(texts, fractions, max_size=2), texts, maybe, *[sizes] * 6, counts),
)


@given(collection_infos)
def test_sizes_of_a_collection_arrive(info: CollectionInfo) -> None:
    message = InfoMessage()
    put_collection_info(message, info)
    assert read_collection_info(InfoMessage.FromString(message.SerializeToString())) == info


uses = st.none() | st.builds(StoreUse, sizes, sizes, st.none() | sizes)


@given(st.lists(collection_infos, max_size=3), st.integers(0, 2**32 - 1), sizes, uses)
def test_sizes_of_a_database_arrive_but_for_where_it_is(
    collections: list[CollectionInfo], version: int, catalog: int, use: StoreUse | None
) -> None:
    info = DatabaseInfo("/var/lib/films.vicinal", version, tuple(collections), catalog, use)
    message = GetDatabaseInfoResponse()
    put_database_info(message, info)
    data = message.SerializeToString()
    assert info.path.encode() not in data
    arrived = read_database_info(GetDatabaseInfoResponse.FromString(data), "127.0.0.1:7700")
    assert arrived == DatabaseInfo("127.0.0.1:7700", version, tuple(collections), catalog, use)


@given(
    st.lists(plans, max_size=3),
    st.dictionaries(texts, fractions, max_size=4),
    st.none() | st.builds(Weighting, st.integers(0, 2**63)),
)
def test_plans_arrive(
    given_plans: list[SegmentPlan], stages: dict[str, float], weighting: Weighting | None
) -> None:
    rows = HitRows(np.empty(0, np.uint64), PayloadColumn.from_rows(None, 0), {})
    hits = Hits(rows, np.empty(0, np.int64), np.empty(0, np.float32))
    message = search_pb2.ExplainResponse()
    put_explanation(message, Explanation(hits, 1, tuple(given_plans), stages, weighting))
    arrived = read_explanation(search_pb2.ExplainResponse.FromString(message.SerializeToString()), hits, 1)
    assert arrived == Explanation(hits, 1, tuple(given_plans), stages, weighting)
    assert list(arrived.stages) == list(stages)


@pytest.fixture(scope="module")
def films() -> Iterator[Collection]:
    with vicinal.open(":memory:") as database:
        collection = database.create_collection("films", {"plot": vicinal.Dense(4)})
        collection.upsert([1, 2, 3], np.eye(3, 4, dtype=np.float32))
        yield collection


def test_an_explanation_of_an_engine_arrives(films: Collection) -> None:
    query: Any = np.ones(4, np.float32)
    explained = films.explain(query, 2)
    message = search_pb2.ExplainResponse()
    put_explanation(message, explained)
    arrived = read_explanation(message, read_hits(message.hits), 1)
    assert str(arrived) == str(explained)
    assert list(arrived.hits) == list(explained.hits)
    batch = films.explain(np.ones((3, 4), np.float32), 2)
    message = search_pb2.ExplainResponse()
    put_explanation(message, batch)
    hits = read_batch_hits(message.hits, message.counts, 3, 2, True)
    arrived = read_explanation(message, hits, 3)
    assert (arrived.queries, arrived.plan) == (3, batch.plan)
    assert repr(hits[:]) == repr(batch.hits[:])


def test_sizes_of_an_engine_arrive(films: Collection) -> None:
    message = InfoMessage()
    put_collection_info(message, films.info())
    assert read_collection_info(message) == films.info()
