"""Terms are the stems of words, counted."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import Stemmer
from hypothesis import given
from hypothesis import strategies as st

from vicinal.engine.text.analyzer import analyzer, languages
from vicinal.engine.text.words import words
from vicinal.storage.catalog.vocabulary import MAX_TOKEN_BYTES

TEXTS = st.lists(st.lists(st.text(max_size=30) | st.sampled_from(["red shoes", "running Shoe"]), max_size=3))


@given(TEXTS, st.sampled_from([None, "english", "german", "turkish"]))
def test_terms_are_counted(texts: list[list[str]], language: str | None) -> None:
    found = analyzer(language).counted(texts)
    stem = (lambda word: word) if language is None else Stemmer.Stemmer(language).stemWord
    assert len(found) == len(texts)
    for row, parts in enumerate(texts):
        expected = Counter((stem(word) or word) for part in parts for word in words(part))
        assert found.row(row) == expected
    assert len(set(found.tokens)) == len(found.tokens)


def test_long_terms_are_cut() -> None:
    long = "ü" * 400
    (term,) = analyzer(None).counted([[long]]).tokens
    assert term == "ü" * (MAX_TOKEN_BYTES // 2)
    assert analyzer("english").counted([["x" * 300]]).tokens == ["x" * MAX_TOKEN_BYTES]


def test_languages_have_stemmers() -> None:
    assert {"english", "german", "french", "hindi"} <= set(languages())
    for language in languages():
        assert len(analyzer(language).counted([["abc def abc"]]).tokens) == 2


def test_threads_get_the_same_terms() -> None:
    texts = [[" ".join(f"w{i * n}ing" for i in range(200))] for n in range(40)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda text: analyzer("english").counted([text]).row(0), texts * 5))
    stem = Stemmer.Stemmer("english").stemWord
    assert found == [Counter(map(stem, words(text))) for (text,) in texts] * 5
