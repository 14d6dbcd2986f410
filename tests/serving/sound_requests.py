"""Many requests that are in order, of every RPC: what accidents are made of.

They are about two collections that :func:`fill` makes, ``mixed`` (``mixed_collection.py``) and ``plain``.
"""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
from google.protobuf.message import Message
from serving import mixed_collection as mixed
from serving.rpcs import RPCS
from serving.valid_requests import DIM, ENTRIES, Target, queries

import vicinal
from vicinal.proto.v1 import collections_pb2 as collections
from vicinal.proto.v1 import points_pb2 as points
from vicinal.proto.v1 import search_pb2 as search
from vicinal.proto.v1 import vectors_pb2 as vectors

PLAIN = "plain"
TENANTS = ("ada", "ben")
_POINTS = 60


def fill(folder: Path) -> None:
    """Make a database with both collections, in it and in its segments."""
    rng = np.random.default_rng(5)
    with vicinal.open(folder) as db:
        two = {"vector": vicinal.Dense(DIM), "spare": vicinal.Sparse()}
        plain = db.create_collection(PLAIN, two, fields={"year": "integer"}, partitioned=True)
        owned = mixed.create(db)
        for tenant in TENANTS:
            rows = {"vector": rng.standard_normal((400, DIM))}
            plain.upsert(range(400), rows, [{"year": 1990 + i % 30} for i in range(400)], tenant=tenant)
            vectors = {
                "plot": rng.standard_normal((_POINTS, 8)),
                "halves": rng.standard_normal((_POINTS, 8)),
                "codes": rng.integers(-100, 100, (_POINTS, 8)).astype(np.int8),
                "bits": rng.integers(0, 256, (_POINTS, 8)).astype(np.uint8),
                "words": [{i % 40: 1.0, 50: 0.5} for i in range(_POINTS)],
                "tokens": rng.standard_normal((_POINTS, 2, 4)),
            }
            owned.upsert(
                range(_POINTS), vectors, [{"genre": "a", "year": i} for i in range(_POINTS)], tenant=tenant
            )
        plain.flush()
        owned.flush()
        plain.upsert([1, "a"], {"vector": rng.standard_normal((2, DIM))}, tenant="ada")


def sound_requests() -> dict[str, list[Message]]:
    """Return requests by the full name of their RPC."""
    found: dict[str, list[Message]] = {
        rpc.name: [ENTRIES[rpc.name].make(Target(PLAIN, "ada"))] for rpc in RPCS
    }
    rng = random.Random(3)
    ids = [*range(10), "a", "b", 2**64 - 1]
    for number, field in enumerate(mixed.VECTORS):
        record = mixed.filter_record(rng, ids, ["a"])
        scope = points.Scope(collection=mixed.NAME, tenant="ada")
        options = mixed.options(rng, field, record)
        query, batch = mixed.queries(rng, field, 1), mixed.queries(rng, field, 3)
        filter = options.filter
        more: list[Message] = [
            search.SearchRequest(scope=scope, query=query, options=options),
            search.SearchBatchRequest(scope=scope, queries=batch, options=options),
            search.ExplainRequest(scope=scope, queries=batch, options=options),
            search.ScoreRequest(
                scope=scope,
                queries=batch,
                field=field,
                ids=vectors.PointIds(numbers=[1, 2], texts=["a"], is_text=[False, True, False]),
                counts=[2, 0, 1],
            ),
            mixed.upsert(rng, "ada", ids[: 3 + number], number, tenant="ada"),
            points.DeletePointsRequest(scope=scope, selection=points.Selection(filter=filter)),
            points.UpdatePayloadsRequest(
                scope=scope,
                selection=points.Selection(filter=filter),
                payload_json=b'{"year":1}',
                replace=True,
            ),
            points.UpdatePayloadsRequest(
                scope=scope,
                selection=points.Selection(ids=vectors.PointIds(numbers=[1, 2])),
                payloads=vectors.Payloads(json=b'{"a":1}{}', row_sizes=[7, 2]),
                key="maker",
            ),
            points.DeletePayloadKeysRequest(
                scope=scope, selection=points.Selection(filter=filter), keys=["year", "maker.city"]
            ),
            points.DeleteVectorsRequest(
                scope=scope, selection=points.Selection(filter=filter), fields=[field]
            ),
            points.ScrollPointsRequest(scope=scope, filter=filter, limit=5, after=7, with_vectors=True),
            points.CountPointsRequest(scope=scope, filter=filter),
            collections.CalibrateCollectionRequest(collection=PLAIN, field="vector", queries=queries(50)),
        ]
        for message in more:
            name = next(rpc.name for rpc in RPCS if rpc.request.DESCRIPTOR is message.DESCRIPTOR)
            found[name].append(message)
    return found
