"""The databases whose bits are flipped: what is in them, and what they are asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import vicinal
from vicinal import F

ROWS = 2100
SPARE = 100
VECTORS = np.random.default_rng(0).standard_normal((ROWS + 3 * SPARE, 16)).astype(np.float32)
QUIET = vicinal.MergePolicySettings(quiet_seconds=1e9, tier_factor=1000)


class FlippedDatabase(NamedTuple):
    """How a sound database is made, and what it is asked, sound or not."""

    make: Callable[[Path], None]
    answers: Callable[[vicinal.Database], list[Any]]


def make_plain(folder: Path) -> None:
    """Make a database with an indexed segment, a small one, a log, tombstones and two collections."""
    with vicinal.open(folder, merge_policy=QUIET) as db:
        fields = {"word": "keyword", "year": "integer"}
        points = db.create_collection("points", vicinal.Dense(16), fields=fields)
        owned = db.create_collection("owned", vicinal.Dense(16), partitioned=True)
        for start, stop in ((0, ROWS), (ROWS, ROWS + 2 * SPARE)):
            points.upsert(
                range(start, stop), VECTORS[start:stop], [plain_payload(row) for row in range(start, stop)]
            )
            points.flush()
        for start in range(ROWS + 2 * SPARE, ROWS + 3 * SPARE, 25):
            rows = range(start, start + 25)
            points.upsert(rows, VECTORS[start : start + 25], [plain_payload(row) for row in rows])
            owned.upsert(rows, VECTORS[start : start + 25], tenant=f"tenant{start}")
        points.delete([3, ROWS + 7, ROWS + 2 * SPARE + 50])
        points.wait_indexed()


def plain_payload(row: int) -> dict[str, Any]:
    return {"word": f"w{row % 40}", "year": 1900 + row % 90, "note": "n" * (row % 30)}


def plain_answers(db: vicinal.Database) -> list[Any]:
    points, owned = db.collection("points"), db.collection("owned")
    found: list[Any] = [db.collections(), points.count(), owned.count(tenant=f"tenant{ROWS + 225}")]
    found += [points.count(filter=F("word") == f"w{i}") for i in range(0, 40, 9)]
    found.append(points.count(filter=F("year").between(1910, 1950)))
    for row in (700, ROWS + 20):
        for options in ({"exact": True}, {"recall": 0.95}, {"filter": F("word").is_in(["w1", "w2", "w20"])}):
            found.append(hits_of(points.search(VECTORS[row], k=5, **options)))
    found += points_of(points.get([0, 3, 999, ROWS + 1, ROWS + 290]))
    return found


def make_kinds(folder: Path) -> None:
    """Make a database of every kind of vector, index, payload field and id."""
    vectors = {
        "graph": vicinal.Dense(16),
        "lists": vicinal.Dense(16, index=vicinal.IvfPq(m=8)),
        "cells": vicinal.Dense(16, index=vicinal.Curator()),
        "postings": vicinal.Sparse(index=vicinal.Inverted()),
        "blocks": vicinal.Sparse(index=vicinal.Seismic()),
        "text": vicinal.Sparse(encoder=vicinal.Bm25("text")),
        "tokens": vicinal.Multi(8, index=vicinal.TokenLists()),
        "encoded": vicinal.Multi(8, index=vicinal.Muvera()),
    }
    fields = {
        "code": "keyword",
        "word": "keyword",
        "year": "integer",
        "score": "float",
        "day": "datetime",
        "place": "geo",
        "text": "text",
        "flag": "bool",
    }
    with vicinal.open(folder, merge_policy=QUIET) as db:
        points = db.create_collection("points", vectors, fields=fields)
        for rows in (range(ROWS), range(ROWS, ROWS + SPARE), range(ROWS + SPARE, ROWS + 2 * SPARE)):
            points.upsert(ids_of(rows), vectors_of(rows), [payload_of_kinds(row) for row in rows])
            if rows.start <= ROWS:
                points.flush()
        points.delete(ids_of([4, ROWS + 3, ROWS + SPARE + 6]))
        points.wait_indexed()


def ids_of(rows: Iterable[int]) -> list[int | str]:
    return [row if row % 3 else f"point-{row}" for row in rows]


def vectors_of(rows: Iterable[int]) -> dict[str, Any]:
    rows, sparse, tokens = list(rows), [], []
    for row in rows:
        rng = np.random.default_rng(row)
        entries = rng.choice(3000, 20, replace=False)
        sparse.append(dict(zip(entries.tolist(), (rng.random(20) + 0.1).tolist(), strict=True)))
        tokens.append(rng.standard_normal((4 + row % 3, 8)).astype(np.float32))
    dense = dict.fromkeys(("graph", "lists", "cells"), VECTORS[rows])
    return (
        dense | dict.fromkeys(("postings", "blocks"), sparse) | dict.fromkeys(("tokens", "encoded"), tokens)
    )


def payload_of_kinds(row: int) -> dict[str, Any]:
    words = np.random.default_rng(row).integers(0, 500, 12)
    return {
        # So long that its texts are no array that is verified whenever it is opened.
        "code": f"code-{row * 7919 % 100003:06d}-{'s' * (20 + row % 9)}",
        "word": f"w{row % 40}",
        "year": 1900 + row % 90,
        "score": row * 0.5,
        "day": f"20{row % 90 + 10}-01-0{row % 9 + 1}T00:00:00Z",
        "place": {"lat": row % 80, "lon": row % 170},
        "text": " ".join(f"term{word}" for word in words),
        "flag": bool(row % 2),
        "undeclared": row % 17,
    }


FILTERS_OF_KINDS: list[Any] = [
    "code LIKE '%-sss%'",
    "code LIKE 'code-00%'",
    "word != 'w3'",
    "year BETWEEN 1910 AND 1920",
    "year IS NULL",
    "score < 100",
    "day < '2030-01-01T00:00:00Z'",
    "flag = true",
    "undeclared = 3",
    {"must": [{"key": "place", "geo_radius": {"center": {"lat": 10, "lon": 20}, "radius": 2_000_000}}]},
    {"must": [{"key": "text", "match": {"text": "term3"}}]},
    {"must": [{"key": "text", "match": {"phrase": "term3 term7"}}]},
]


def answers_of_kinds(db: vicinal.Database) -> list[Any]:
    points = db.collection("points")
    found: list[Any] = [points.count(), points.info().points, str(points.min_max("year"))]
    found += [points.count(filter=condition) for condition in FILTERS_OF_KINDS]
    for field, (query,) in vectors_of([700]).items():
        for options in (
            {"recall": 0.95},
            {"exact": True},
            {"filter": F("word").is_in(["w1", "w2"])},
            {"filter": F("year") > 1985},
        ):
            found.append(hits_of(points.search(query, k=5, field=field, **options)))
        found.append(points.score(query, ids_of([3, 9, 1000]), field=field).tolist())
    found.append(hits_of(points.search("term3 term77", k=5, field="text")))
    found.append(str(points.search(VECTORS[700], k=3, field="graph", group_by="word")))
    found += [[(one.value, one.count) for one in points.facet(field)] for field in ("word", "code")]
    for options in ({"with_vectors": True}, {"order_by": "year"}, {"filter": F("word") == "w5"}):
        found += points_of(points.scroll(limit=50, **options).points)
    found += points_of(points.get(ids_of([0, 3, 4, 999, ROWS + 1, ROWS + SPARE + 10]), with_vectors=True))
    return found


def hits_of(hits: vicinal.Hits) -> list[Any]:
    return [(hit.id, hit.score, hit.payload) for hit in hits]


def points_of(points: Iterable[vicinal.Point | None]) -> list[Any]:
    return [point and (point.id, point.payload, str(point.vectors)) for point in points]


DATABASES = {
    "plain": FlippedDatabase(make_plain, plain_answers),
    "kinds": FlippedDatabase(make_kinds, answers_of_kinds),
}
