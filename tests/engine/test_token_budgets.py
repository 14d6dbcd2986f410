"""Searches by the first tokens of queries and of points, in segments with indexes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import vicinal
from vicinal import F, Multi, Muvera, TokenLists
from vicinal.engine.results.explanation import PlanKind
from vicinal.indexes.muvera import muvera
from vicinal.indexes.rows.element import Element
from vicinal.indexes.token_lists import token_lists
from vicinal.testing import oracle
from vicinal.testing.random_rows import random_tokens

N, DIM = 400, 16
ROWS = random_tokens(N, DIM, 12, Element.FLOAT32, 1, fewest=1)
# Tokens behind the first two are one of those again, a little otherwise.
POSITION = np.arange(len(ROWS.tokens)) - np.repeat(ROWS.offsets[:-1], np.diff(ROWS.offsets))
ROWS.tokens[:] = 0.3 * ROWS.tokens + ROWS.tokens[np.arange(len(POSITION)) - POSITION + POSITION % 2]
QUERIES = random_tokens(8, DIM, 9, Element.FLOAT32, 2, fewest=1)


@pytest.mark.parametrize(
    ("index", "least"),
    [(TokenLists(n_lists=8), 4), (TokenLists(n_lists=8, tokens=2), 2), (Muvera(repetitions=4, tokens=4), 4)],
)
def test_an_index_answers_what_it_was_built_for(
    index: vicinal.IndexSpec, least: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for spec in (token_lists, muvera):
        monkeypatch.setattr(spec, "_MIN_ROWS", 1)
    texts = vicinal.open(tmp_path / "db").create_collection(
        "texts", Multi(DIM, element="float32", index=index), fields={"half": "integer"}
    )
    texts.upsert(range(N), (ROWS.tokens, ROWS.offsets), [{"half": i % 2} for i in range(N)])
    texts.merge()
    batch, odd = (QUERIES.tokens, QUERIES.offsets), np.arange(1, N, 2)
    for asked, stored in ((None, 1), (3, 2), (2, 4), (5, 7), (2, None)):
        table = oracle.maxsim_scores(ROWS.first(stored or 99), QUERIES.first(asked or 99))
        for filter, among in ((None, None), (F("half") == 1, odd)):
            said = {"filter": filter, "tokens": (asked, stored), "effort": {"candidates": 150}}
            told = texts.explain(batch, k=5, **said)
            by_encodings = isinstance(index, Muvera)
            indexed = (stored is None or stored >= least) and not (by_encodings and asked is not None)
            assert told.segments[0].kind is (PlanKind.INDEX_SEARCH if indexed else PlanKind.EXACT_SCAN)
            ids = np.stack([hits.ids for hits in told.hits]).astype(np.int64)
            scores = np.stack([hits.scores for hits in told.hits])
            np.testing.assert_allclose(scores, np.take_along_axis(table, ids, 1), rtol=1e-4, atol=1e-4)
            _, truth = oracle.top(table, 5, True, among)
            assert oracle.recall(scores, truth, True, 1e-4) > 0.8
            # Nothing is promised of so few tokens of a query, and where no effort is given rows are scanned.
            if asked is not None:
                promised = texts.explain(batch, k=5, recall=0.5, filter=filter, tokens=(asked, stored))
                assert promised.segments[0].kind is PlanKind.EXACT_SCAN
            exact = texts.search(batch, k=5, exact=True, tokens=(asked, stored), filter=filter)
            np.testing.assert_allclose([hits.scores for hits in exact], truth, rtol=1e-4, atol=1e-4)
    # Points that are written later are scanned.
    texts.upsert(range(N, N + 2), [ROWS.tokens[:9], ROWS.tokens[:2]])
    found = texts.search(ROWS.tokens[:3] * 9, k=2, tokens=(2, 2), exact=True)
    assert {N, N + 1} & set(found.ids.tolist())
