"""Every adapter whose engine is installed scores as the formula says, before and after texts are replaced."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bench_adapter import adapter

from vicinal.bench.datasets import DatasetError
from vicinal.bench.datasets.texts import open_texts
from vicinal.bench.harness.keyword_truth import keyword_scores
from vicinal.bench.keyword_peers import KEYWORD_PEERS, KeywordPeer, find_keyword_peers
from vicinal.bench.keyword_peers.peer import K1, B, Text
from vicinal.bench.keyword_peers.vicinal import VicinalPeer
from vicinal.bench.measure.kinds.keyword import largest_difference
from vicinal.bench.peers import UnknownPeerError

# In stems, of which the engines are given the same.
DOCUMENTS = ["red shoe", "red red boot made of leather", "a boot", "shoe of leather and more leather", "tree"]
QUERIES = ["red shoe", "leather", "boot boot", "nothing known"]
K = 3


def texts(written: list[str]) -> list[Text]:
    return [Text(one, one.split()) for one in written]


def truth(documents: list[Text]) -> list[np.ndarray]:
    queries = [text.terms for text in texts(QUERIES)]
    return keyword_scores([text.terms for text in documents], queries, K, k1=K1, b=B)


def found(name: str) -> KeywordPeer:
    return adapter(name, VicinalPeer, find_keyword_peers)


@pytest.mark.parametrize("name", ["vicinal", *KEYWORD_PEERS])
def test_scores_are_those_of_the_formula(name: str, tmp_path: Path) -> None:
    peer = found(name)
    assert peer.name == name
    documents = texts(DOCUMENTS)
    searcher = peer.build(documents, tmp_path)
    asked = [searcher.asked(query) for query in texts(QUERIES)]
    scores = [searcher.scores(searcher.search(one, K)) for one in asked]
    assert largest_difference(scores, truth(documents)) < 1e-5
    searcher.search_all(asked, K)
    changed = dict(zip([0, 3], texts(["green tree", "red leather tree"]), strict=True))
    searcher = searcher.replaced(changed)
    documents = [changed.get(row, text) for row, text in enumerate(documents)]
    scores = [searcher.scores(searcher.search(searcher.asked(one), K)) for one in texts(QUERIES)]
    assert [len(one) for one in scores] == [len(one) for one in truth(documents)]
    # As Lucene, tantivy counts what was replaced until its segments are merged.
    assert name == "tantivy" or largest_difference(scores, truth(documents)) < 1e-5
    searcher.close()


def test_the_formula_by_hand() -> None:
    (scores,) = keyword_scores([["a", "a", "b"], ["b"], []], [["a"]], 5, k1=1.2, b=0.75)
    idf = np.log(1 + (2 - 1 + 0.5) / (1 + 0.5))
    assert scores == pytest.approx([idf * 2 / (2 + 1.2 * (0.25 + 0.75 * 3 / 2))])


def test_a_missing_score_is_a_difference() -> None:
    full, short = np.array([3.0, 1.0]), np.array([3.0])
    assert largest_difference([full], [full]) == 0.0
    assert largest_difference([short], [full]) == largest_difference([full], [short]) == 1.0


def test_an_engine_that_nobody_knows_is_refused() -> None:
    with pytest.raises(UnknownPeerError, match="elsewhere"):
        find_keyword_peers(["elsewhere"])


def test_texts_are_read(tmp_path: Path) -> None:
    sample = open_texts("sample")
    assert (len(sample.texts), len(sample.queries)) == (5_000, 200)
    assert sample.describe()["rows"] == 5_000
    with pytest.raises(DatasetError, match="no texts at"):
        open_texts(str(tmp_path))
    for name in ("docs.jsonl.gz", "queries.jsonl.gz"):
        (tmp_path / name).write_bytes(b"no archive")
    with pytest.raises(DatasetError, match="no lines of texts"):
        open_texts(str(tmp_path))
