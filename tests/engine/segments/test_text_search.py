"""Words that are looked up in a segment mean what they mean of each text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pyroaring import BitMap

from vicinal.engine.filters.conditions.scanned import EqualsOne, Scanned
from vicinal.engine.filters.conditions.text import HasPrefix, HasWords
from vicinal.engine.segments import text_search
from vicinal.engine.segments.growing.words import GrowingWords
from vicinal.engine.segments.sealed.postings import words as sealed_words
from vicinal.engine.segments.sealed.postings.words import Words, word_arrays
from vicinal.engine.segments.text_search import MAX_WORD_BYTES, known_word
from vicinal.storage.errors import CorruptionError

# In lower case a sigma at the end of a word is another letter.
SIGMA = "\u039f\u0394\u039f\u03a3"
LONG = ["é" * 70, "é" * 70 + "x", "y" * MAX_WORD_BYTES, "y" * (MAX_WORD_BYTES + 1)]
VOCABULARY = [*"abcdefghij", "ab", "abc", "一", "Straße", *LONG]


def texts(n: int, seed: int) -> tuple[list[str], np.ndarray]:
    random = np.random.default_rng(seed)
    # Low places are frequent.
    chosen = [random.geometric(0.2, random.integers(0, 9)) % len(VOCABULARY) for _ in range(n)]
    made = [random.choice([" ", ", ", "-"]).join(VOCABULARY[place] for place in each) for each in chosen]
    # Some rows have several texts, some none.
    return made, np.sort(random.integers(0, n, n)).astype(np.uint32)


def sealed(made: list[str], rows: np.ndarray) -> Words:
    arrays, sets = word_arrays(made, rows)
    return Words(lambda key: sets[key], *arrays.values())


def growing(made: list[str], rows: np.ndarray) -> GrowingWords:
    words = GrowingWords()
    for start in range(0, len(made), 7):
        words.extend(rows[start : start + 7], made[start : start + 7])
    return words


def asked(seed: int) -> list[HasWords]:
    random = np.random.default_rng(seed)
    made = []
    for _ in range(300):
        some = [VOCABULARY[place] for place in random.geometric(0.3, random.integers(0, 4)) % len(VOCABULARY)]
        how = random.integers(0, 3)
        some += ["unheard"] * (random.random() < 0.05)
        made.append(HasWords("p", tuple(map(str.lower, some)), bool(how == 1), bool(how == 2)))
    return made


@pytest.fixture(params=[1, 8, 10_000])
def cuts(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed_words, "_BITMAP_FROM", request.param)
    monkeypatch.setattr(sealed_words, "_SHORT_NUMBERS", 8 if request.param == 8 else 1 << 16)
    monkeypatch.setattr(text_search, "_TEXTS_AT_ONCE", 5)


@pytest.mark.usefixtures("cuts")
@pytest.mark.parametrize("n", [0, 1, 200])
def test_both_kinds_of_segments_agree_with_each_text(n: int) -> None:
    made, rows = texts(n, n)
    words, unsealed = sealed(made, rows), growing(made, rows)
    for condition in asked(n):
        expected = {row for text, row in zip(made, rows.tolist(), strict=True) if condition.accepts(text)}
        assert set(words.rows_of(condition)) == expected, condition
        for seen in (n, n // 2):
            assert set(unsealed.rows_of(condition, seen)) == {row for row in expected if row < seen}


@pytest.mark.usefixtures("cuts")
def test_what_is_read_of_whole_texts_leaves_out_none_that_is_meant() -> None:
    made, rows = texts(200, 3)
    made += ["e\u0301tude", "caf\u0065\u0301s", "cafe", f"{SIGMA}'\u0391", "one two", "one twofold"]
    rows = np.concatenate([rows, np.arange(200, 206, dtype=np.uint32)])
    n_rows = int(rows.max()) + 1
    words, unsealed = sealed(made, rows), growing(made, rows)
    conditions: list[Scanned] = [EqualsOne.of("p", [text, "a b"]) for text in made[::7]]
    conditions += [HasPrefix("p", text[:end]) for text in made[::3] for end in (0, 1, 2, 4, 7, len(text))]
    conditions += [HasPrefix("p", prefix) for prefix in ("e", "cafe", SIGMA, "one ", "one tw", "x!")]
    fewer = 0
    for condition in conditions:
        expected = {row for text, row in zip(made, rows.tolist(), strict=True) if condition.holds(text)}
        for found in words.rows_of(condition), unsealed.rows_of(condition, n_rows):
            assert expected <= set(found), condition
            fewer += len(found) < n_rows / 4
    assert fewer > len(conditions) / 2
    assert set(words.rows_of(HasPrefix("p", "one tw"))) == {204, 205}


def test_a_phrase_is_words_in_a_row() -> None:
    random = np.random.default_rng(5)
    for _ in range(300):
        text, phrase = (list(random.choice(["a", "b", "ab"], random.integers(least, 9))) for least in (0, 1))
        n = len(phrase)
        expected = any(text[at : at + n] == phrase for at in range(len(text)))
        assert HasWords("p", tuple(phrase), any=False, row=True).accepts(" ".join(text)) == expected
    # Words that repeat take no longer than others: two loops within each other would not end.
    assert not HasWords("p", ("a",) * 500_000 + ("b",), any=False, row=True).accepts("b" + " a" * 1_000_000)


def test_long_words_stay_different() -> None:
    known = list(map(known_word, LONG))
    assert len(set(known)) == len(LONG)
    assert all(len(word.encode()) <= MAX_WORD_BYTES for word in known)
    assert known[2] == LONG[2]


@pytest.mark.parametrize(
    "damage",
    [
        lambda arrays: arrays | {"end": arrays["end"][:-1]},
        lambda arrays: arrays | {"text_end": arrays["text_end"] + 1},
        lambda arrays: arrays | {"word": arrays["word"][:-1]},
        lambda arrays: arrays | {"row": arrays["row"][:-1]},
    ],
)
def test_arrays_that_do_not_fit_are_corruption(damage: Callable[[Any], dict[str, Any]]) -> None:
    arrays, _ = word_arrays(["a b", "b"], np.arange(2, dtype=np.uint32))
    with pytest.raises(CorruptionError, match="segment"):
        Words(lambda _: BitMap(), *damage(arrays).values())
