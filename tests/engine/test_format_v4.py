"""A database with sparse fields of every sort opens, and answers as it was written."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conformance.keyword_conformance import bm25_scores
from fixtures.make_format_v4 import (
    DROPPED,
    N_LOGGED,
    N_SEALED,
    QUERY_WEIGHTS,
    SIZE,
    WEIGHTS,
    text,
    vectors,
)
from kept_format import kept_films

import vicinal
from vicinal.storage.verify.folder_check import check_folder

FIXTURE = Path(__file__).parents[1] / "fixtures" / "format_v4"
LIVE = sorted(set(range(N_SEALED + N_LOGGED)) - DROPPED)
Row = dict[Any, float]


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Iterator[vicinal.Collection]:
    with kept_films("format_v4", tmp_path_factory.mktemp("format_v4") / "db") as films:
        yield films


def product(query: Row, row: Row) -> float:
    return sum(weight * row.get(term, 0.0) for term, weight in query.items())


def agrees(films: vicinal.Collection, query: Any, expected: dict[int, float], field: str) -> None:
    """Assert that all points have their scores, by id and by search of the index, and that those are best."""
    scored = films.score(query, LIVE, field=field)
    np.testing.assert_allclose(scored, [expected.get(i, math.nan) for i in LIVE], rtol=1e-5, atol=1e-6)
    done = films.explain(query, 60, field=field)
    assert {plan.segment == "growing": plan.kind for plan in done.segments}[False] == "index_search"
    best = sorted(expected.values(), reverse=True)[: len(done.hits)]
    np.testing.assert_allclose(done.hits.scores, best, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        done.hits.scores, [expected[hit.id] for hit in done.hits], rtol=1e-5, atol=1e-6
    )
    assert len(done.hits) == min(60, len(expected))


def test_points_are_those_that_were_written(films: vicinal.Collection) -> None:
    for i, point in enumerate(films.get(range(N_SEALED + N_LOGGED), with_vectors=True)):
        if i in DROPPED:
            assert point is None
            continue
        assert point is not None
        assert point.payload == {"text": text(i)}
        expected = vectors(i)
        assert point.vectors.pop("words", None) == (expected["words"] if i % 5 else None)
        assert point.vectors["marks"].tolist() == expected["marks"]
        assert sum(point.vectors["body"].values()) == len(text(i).split())
        for name in ("angles", "blocks"):
            indices, values = point.vectors[name]
            assert dict(zip(indices.tolist(), values.tolist(), strict=True)) == expected[name]


def test_tokens_are_weighted_by_the_table_and_by_live_frequencies(films: vicinal.Collection) -> None:
    rows = {i: vectors(i)["words"] for i in LIVE if i % 5}
    tokens = ["w1", "w4", "w1", "w9", "unheard"]
    counts = {token: sum(token in row for row in rows.values()) for token in QUERY_WEIGHTS}
    query = {
        token: weight * math.log(1 + (len(rows) - counts[token] + 0.5) / (counts[token] + 0.5))
        for token, weight in QUERY_WEIGHTS.items()
    }
    agrees(films, tokens, {i: product(query, row) for i, row in rows.items()}, "words")


def test_angles(films: vicinal.Collection) -> None:
    query = {3: 1.0, 21: -0.5, 2**32 - 1: 0.25}
    lengths = {i: math.sqrt(sum(value**2 for value in vectors(i)["angles"].values())) for i in LIVE}
    length = math.sqrt(sum(value**2 for value in query.values()))
    expected = {i: product(query, vectors(i)["angles"]) / lengths[i] / length for i in LIVE}
    agrees(films, query, expected, "angles")


def test_sets_count_by_bucket(films: vicinal.Collection) -> None:
    query = [0, 3, 19, 25, 38]
    expected = {i: sum(WEIGHTS[j // SIZE] for j in {*query} & {*vectors(i)["marks"]}) for i in LIVE}
    agrees(films, query, expected, "marks")


def test_words_are_searched_by_bm25(films: vicinal.Collection) -> None:
    query = "red shoe3s of the sky"
    scores = bm25_scores({i: text(i) for i in LIVE}, query, k1=1.5, b=0.5)
    hits = films.search(query, 60, field="body")
    assert films.explain(query, 60, field="body").segments[0].kind == "index_search"
    np.testing.assert_allclose(hits.scores, sorted(scores.values(), reverse=True)[:60], atol=1e-4)
    np.testing.assert_allclose(hits.scores, [scores[hit.id] for hit in hits], atol=1e-4)


def test_blocks_are_visited_and_hits_scored_exactly(films: vicinal.Collection) -> None:
    query = {4: 1.0, 9: 0.75, 22: 1.5, 26: 0.5}
    expected = {i: product(query, vectors(i)["blocks"]) for i in LIVE}
    best = sorted(expected.values(), reverse=True)[:20]
    np.testing.assert_allclose(films.search(query, 20, field="blocks", exact=True).scores, best)
    effort = {"query_cut": 4, "heap_factor": 0.5}
    done = films.explain(query, 20, field="blocks", effort=effort)
    assert dict(done.segments[0].knobs) == effort
    np.testing.assert_allclose(done.hits.scores, [expected[hit.id] for hit in done.hits])
    assert np.isin(done.hits.scores, best).mean() >= 0.95


def test_a_copy_is_written_to(tmp_path: Path) -> None:
    shutil.copytree(FIXTURE, tmp_path / "db")
    with vicinal.open(tmp_path / "db") as db:
        films = db.collection("films")
        films.upsert([9_000], {"words": [{"w1": 50.0, "new": 1.0}]}, [{"text": "Novel"}])
        films.merge()
        assert films.search(["w1"], 1, field="words")[0].id == 9_000
        assert list(films.search("novel", field="body").ids) == [9_000]
        hit = films.search({"new": 1.0}, 1, field="words", with_vectors=["words"])[0]
        assert hit.vectors["words"] == {"w1": 50.0, "new": 1.0}
    assert check_folder(tmp_path / "db") == []
