"""Sets of every kind are what their names say, written and asked as collections take them."""

from __future__ import annotations

import numpy as np
import pytest
from small_dataset import BASE

import vicinal
from vicinal.bench.unkind.sets import SETS
from vicinal.bench.unkind.sparse_sets import SPARSE_SETS, make_sparse_set
from vicinal.bench.unkind.subjects import ALL_SETS, make_subject
from vicinal.bench.unkind.token_sets import TOKEN_SETS, make_token_set
from vicinal.indexes.exact.flat import Flat


@pytest.mark.parametrize("name", SPARSE_SETS)
def test_sparse_sets_are_made_alike(name: str) -> None:
    made, again, other = (make_sparse_set(name, 600, 20, seed) for seed in (1, 1, 2))
    assert 588 <= len(made.documents) <= 600
    assert len(made.queries) == 20
    assert made.content_hash == again.content_hash != other.content_hash


@pytest.mark.parametrize("name", TOKEN_SETS)
def test_token_sets_are_made_alike(name: str) -> None:
    made, again, other = (make_token_set(name, 600, 20, seed) for seed in (1, 1, 2))
    assert 588 <= made.rows <= 600
    assert len(made.queries) == 20
    assert made.content_hash == again.content_hash != other.content_hash


def test_copies_and_crowds_share_their_terms() -> None:
    for name, most in (("sparse-copies-12", 12), ("sparse-nearly-12", 12), ("sparse-topics-95", 40)):
        documents = make_sparse_set(name, 600, 20, 0).documents
        terms = [documents.row(number)[0].tobytes() for number in range(len(documents))]
        weights = [documents.row(number)[1].tobytes() for number in range(len(documents))]
        counts = [terms.count(one) for one in terms]
        assert max(counts) >= most
        assert (len({*weights}) == len({*terms})) == (name == "sparse-copies-12")
    assert counts.count(1) == 30


def test_copies_of_texts_are_equal_or_nearly() -> None:
    exact, nearly = (
        make_token_set(name, 600, 20, 0).documents.tokens.reshape(600, -1).astype(np.float32)
        for name in ("token-copies-12", "token-nearly-12")
    )
    assert {*np.unique(exact, axis=0, return_counts=True)[1].tolist()} == {12}
    assert len(np.unique(nearly, axis=0)) == 600
    away = np.sort(np.linalg.norm(nearly - nearly[0], axis=1))
    assert away[11] < 0.1 * away[12]


@pytest.mark.parametrize("name", ["texts", "int8", "binary", "sparse-topics-95", "token-topics-95"])
def test_an_exact_search_of_a_subject_has_a_recall_of_one(name: str) -> None:
    subject = make_subject(name, BASE, 500, 10, 0, 10)
    with vicinal.open(":memory:") as database:
        field = subject.field(Flat())
        collection = database.create_collection("c", vectors={"v": field})
        for start in (0, 300):
            stop = min(start + 300, subject.rows)
            collection.upsert(
                np.arange(start, stop, dtype=np.uint64), vectors={"v": subject.part(start, stop)}
            )
        found = collection.search(subject.queries, k=5).ids
    assert (subject.recall(found, 5) == 1).all()
    assert (subject.recall(np.zeros_like(found), 5) < 1).all()


def test_all_sets_have_names_of_their_own() -> None:
    assert len({*ALL_SETS}) == len(SETS) + len(SPARSE_SETS) + len(TOKEN_SETS)
