"""Random filters find what they find in the local mode of qdrant-client, where that is installed."""

from __future__ import annotations

import os
import warnings
from typing import Any

import numpy as np
import pytest
from third_party.qdrant_filters import FilterMaker, Json

import vicinal

POINTS = 100
FILTERS = int(os.environ.get("VICINAL_QDRANT_FILTERS", "200"))
FIELDS = {
    "tags": "keyword",
    "year": "integer",
    "score": "float",
    "seen": "bool",
    "added": "datetime",
    "maker.city": "keyword",
}


def ids_in_qdrant(payloads: list[Json], filters: list[Json]) -> list[set[Any]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        qdrant = pytest.importorskip("qdrant_client")
        models, client = qdrant.models, qdrant.QdrantClient(":memory:")
        vectors = models.VectorParams(size=2, distance=models.Distance.DOT)
        client.create_collection("points", vectors_config={"plot": vectors})
        points = [
            models.PointStruct(id=row, vector={"plot": [1.0, 0.0]}, payload=payload)
            for row, payload in enumerate(payloads)
        ]
        client.upsert("points", points)
        found = []
        for each in filters:
            chosen = models.Filter.model_validate(each)
            page, _ = client.scroll("points", scroll_filter=chosen, limit=POINTS, with_payload=False)
            found.append({point.id for point in page})
        client.close()
    return found


def test_every_filter_is_answered_alike() -> None:
    maker = FilterMaker(seed=1)
    payloads = [maker.payload() for _ in range(POINTS)]
    filters = [maker.filter() for _ in range(FILTERS)]
    expected = ids_in_qdrant(payloads, filters)
    vectors = np.ones((POINTS, 2), np.float32)
    with vicinal.open(":memory:") as db:
        scanned = db.create_collection("scanned", {"plot": vicinal.Dense(2)})
        indexed = db.create_collection("indexed", {"plot": vicinal.Dense(2)}, fields=FIELDS)
        for points in scanned, indexed:
            half = POINTS // 2
            points.upsert(range(half), vectors[:half], payloads[:half])
            points.flush()
            points.upsert(range(half, POINTS), vectors[half:], payloads[half:])
            for each, ids in zip(filters, expected, strict=True):
                found = points.scroll(filter=each, limit=POINTS)
                assert {point.id for point in found.points} == ids, each
