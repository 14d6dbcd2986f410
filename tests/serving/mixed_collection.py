"""A partitioned collection with every kind of vector and payload field, and random requests about it."""

from __future__ import annotations

import random
import zlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from serving import columns
from serving.columns import Id

import vicinal
from vicinal import filter_from_string, filter_to_json
from vicinal.engine.filters.expression import TEXT_MATCHES
from vicinal.proto.v1 import points_pb2 as points
from vicinal.proto.v1 import search_pb2 as search
from vicinal.proto.v1 import vectors_pb2 as vectors

NAME = "mixed"
VECTORS: Mapping[str, vicinal.Dense | vicinal.Sparse | vicinal.Multi] = {
    "plot": vicinal.Dense(8),
    "halves": vicinal.Dense(8, metric="dot", element="float16"),
    "codes": vicinal.Dense(8, metric="l2", element="int8"),
    "bits": vicinal.Dense(64, metric="hamming", element="binary"),
    "words": vicinal.Sparse(),
    "tokens": vicinal.Multi(4, element="float32"),
}
FIELDS = {
    "genre": "keyword",
    "maker.city": "keyword",
    "year": "integer",
    "score": "float",
    "seen": "bool",
    "added": "datetime",
}
_AREAS: list[dict[str, Any]] = [
    {"geo_bounding_box": {"top_left": {"lat": 70, "lon": 5}, "bottom_right": {"lat": 30, "lon": 20}}},
    {"geo_radius": {"center": {"lat": 41, "lon": 13}, "radius": 200_000.0}},
    {
        "geo_polygon": {
            "exterior": {
                "points": [
                    {"lat": lat, "lon": lon} for lat, lon in ((0, 0), (65, 0), (65, 20), (0, 20), (0, 0))
                ]
            }
        }
    },
]
_DAYS = ["2024-05-01", "2024-05-01T12:00:00+02:00", "2025-01-01T00:00:00Z"]


def create(db: vicinal.Database) -> vicinal.Collection:
    """Create the collection."""
    return db.create_collection(NAME, VECTORS, fields=FIELDS, partitioned=True)


def mark(owner: str) -> str:
    """Return the text that is in every payload of a tenant and in nothing of another."""
    return f"marked-by-{owner}"


@lru_cache(maxsize=100_000)
def vector_rows(owner: str, point_id: Id, version: int) -> dict[str, NDArray[Any]]:
    """Return the vectors of a version of a point as they come back, the same in every process."""
    rng = np.random.default_rng([zlib.crc32(f"{owner} {point_id!r}".encode()), version])
    terms = np.sort(rng.choice(40, 5, replace=False))
    return {
        "plot": rng.standard_normal(8).astype("<f4"),
        "halves": rng.standard_normal(8).astype("<f2"),
        "codes": rng.integers(-100, 100, 8).astype("|i1"),
        "bits": rng.integers(0, 256, 8).astype("|u1"),
        "words": np.stack([terms, rng.random(5, dtype="<f4") + 0.1], axis=1).astype(np.float64),
        "tokens": rng.standard_normal((int(rng.integers(1, 4)), 4)).astype("<f4"),
    }


def field_vectors(rows: Sequence[Mapping[str, NDArray[Any]]]) -> list[vectors.FieldVectors]:
    """Return the vectors of some points as messages."""
    return [
        vectors.FieldVectors(field=name, vectors=_packed([row[name] for row in rows])) for name in VECTORS
    ]


def payload(rng: random.Random, owner: str, version: int) -> dict[str, Any]:
    """Return a random payload that says whose it is."""
    row: dict[str, Any] = {"of": mark(owner), "version": version}
    choices: dict[str, list[Any]] = {
        "genre": ["a", "b", ["a", "c"], [], None, mark(owner)],
        "maker": [{"city": "rome"}, {"city": ["rome", "oslo"]}, {}],
        "year": [-3, 0, 1, 2, [1, 2], None],
        "score": [-1.5, 0.0, 0.5, 2],
        "seen": [True, False, None],
        "added": _DAYS,
        # Not indexed, as those of the row are.
        "blurb": [f"Red shoes of {mark(owner)}", "blue shoes, red sky", ["a red shoe", "sky"], None],
        "cast": [[{"name": "Bo", "age": 2}, {"name": mark(owner), "age": 1}], [{"name": "Bo"}], [], "Bo"],
        "at": [{"lat": 41, "lon": 12}, [{"lat": 60, "lon": 10}, {"lat": -5, "lon": 170}], None],
        "mood": [1, 1.0, True, "a", mark(owner), ["a", None, 2], {"a": 1}, _DAYS[1], None],
    }
    return row | {name: rng.choice(values) for name, values in choices.items() if rng.random() < 0.8}


def upsert(
    rng: random.Random, owner: str, ids: Sequence[Id], version: int, tenant: str | None = None
) -> points.UpsertPointsRequest:
    """Return the request that writes one version of some points."""
    rows = [vector_rows(owner, point_id, version) for point_id in ids]
    return points.UpsertPointsRequest(
        scope=points.Scope(collection=NAME, tenant=tenant),
        points=points.PointColumns(
            ids=columns.point_ids(ids),
            payloads=columns.payloads([payload(rng, owner, version) for _ in ids]),
            vectors=field_vectors(rows),
        ),
    )


def filter_record(
    rng: random.Random, ids: Sequence[Id], words: Sequence[str], depth: int = 0
) -> dict[str, Any]:
    """Return a random filter over every field, indexed or not, the given ids and the given words."""
    if depth < 3 and rng.random() < 0.4:
        groups = rng.sample(["must", "should", "must_not", "min_should"], rng.randint(1, 2))
        record: dict[str, Any] = {}
        for group in groups:
            clauses = [filter_record(rng, ids, words, depth + 1) for _ in range(rng.randint(1, 3))]
            if group == "min_should":
                record[group] = {"conditions": clauses, "min_count": rng.randint(1, len(clauses))}
            else:
                record[group] = clauses
        return record
    ranges: dict[str, Any] = {"gte": rng.randint(-3, 2)}
    if rng.random() < 0.5:
        ranges["lt"] = rng.randint(-1, 3)
    conditions: list[dict[str, Any]] = [
        {"has_id": rng.sample(list(ids), rng.randint(0, 6))},
        {"key": "genre", "match": {"any": rng.choices(["a", "b", "c", *words], k=2)}},
        {"key": "genre", "match": {"value": rng.choice(["a", "b", *words])}},
        {"key": "maker.city", "match": {"value": rng.choice(["rome", "oslo"])}},
        {"key": "year", "range": ranges},
        {"key": "score", "range": ranges},
        {"key": "seen", "match": {"value": rng.random() < 0.5}},
        {"key": "added", "range": {"gt": rng.choice(_DAYS)}},
        {"key": rng.choice(["of", "mood"]), "match": {"any": rng.choices(["a", 1, True, *words], k=2)}},
        {"key": rng.choice(["version", "mood"]), "range": ranges},
        {"key": "mood", "range": {"gte": rng.choice(_DAYS)}},
        {"is_null": {"key": rng.choice(["genre", "year", "seen", "mood"])}},
        {"exists": {"key": rng.choice([*FIELDS, "mood"])}},
        {"is_empty": {"key": rng.choice(["genre", "year", "mood", "cast"])}},
        {"key": rng.choice(["genre", "mood"]), "match": {"except": rng.choices(["a", "b", *words], k=2)}},
        {"key": rng.choice(["genre", "mood", "cast"]), "values_count": {"gte": rng.randint(0, 2)}},
        {"key": "blurb", "match": {rng.choice(TEXT_MATCHES): rng.choice(["red", "shoes red", "sk", *words])}},
        {"key": "at", **rng.choice(_AREAS)},
        {"has_vector": rng.choice(list(VECTORS))},
        {"nested": {"key": "cast", "filter": _of_one_element(rng, words)}},
        {"key": rng.choice(["cast[].name", "cast[0].name", "cast.name"]), "match": {"value": "Bo"}},
    ]
    if rng.random() < 0.1:
        return filter_to_json(filter_from_string(_string(rng, words)))
    return rng.choice(conditions)


def _of_one_element(rng: random.Random, words: Sequence[str]) -> dict[str, Any]:
    name = {"key": "name", "match": {"any": ["Bo", *words]}}
    return {rng.choice(["must", "should", "must_not"]): [name, {"key": "age", "range": {"lt": 2}}]}


def _string(rng: random.Random, words: Sequence[str]) -> str:
    word = rng.choice(words)
    return rng.choice(
        [
            f"year >= {rng.randint(-3, 2)} OR NOT genre = '{word}'",
            f"genre IN ('a', '{word}') OR (seen = true AND score < 1)",
            f"mood = '{word}' OR of LIKE '{word[:9]}%' OR maker.city = 'rome'",
            "genre IS NULL OR NOT (year BETWEEN 0 AND 1)",
        ]
    )


def queries(rng: random.Random, field: str, n: int) -> vectors.Vectors:
    """Return random queries of a field."""
    rows = [vector_rows("query", rng.randrange(10**6), 0)[field] for _ in range(n)]
    if field in ("codes", "halves"):
        rows = [row.astype("<f4") for row in rows]
    return _packed(rows)


def options(rng: random.Random, field: str, filter: Mapping[str, Any] | None) -> search.SearchOptions:
    """Return random ways to search a field."""
    return search.SearchOptions(
        field=field,
        k=rng.choice([1, 3, 10, 100]),
        offset=rng.choice([0, 0, 0, 2]),
        filter=columns.filter_of(filter),
        recall=rng.choice([None, 0.5, 1.0]),
        ef=rng.choice([None, None, 16]) if isinstance(VECTORS[field].index, vicinal.Hnsw) else None,
        exact=rng.random() < 0.3,
        with_payload=rng.random() < 0.8,
        with_vectors=rng.random() < 0.4,
        threads=rng.choice([0, 1, 2]),
    )


def _packed(rows: Sequence[NDArray[Any]]) -> vectors.Vectors:
    if rows[0].ndim == 1:
        return columns.dense(np.stack(rows))
    if rows[0].dtype == np.float64:
        return columns.sparse([{int(term): float(weight) for term, weight in row} for row in rows])
    return columns.multi(rows)
