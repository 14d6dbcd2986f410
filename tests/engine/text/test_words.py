"""Texts of any script are cut into words that are found again."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vicinal.engine.text.words import words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("Red SHOES, size 3.14: snake_case!", ["red", "shoes", "size", "3", "14", "snake_case"]),
        ("l'homme n'est", ["l", "homme", "n", "est"]),
        ("an — “em dash” and café\u2026", ["an", "em", "dash", "and", "café"]),
        ("Straße ΛΌΓΟΣ Привет", ["straße", "λόγος", "привет"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("کتاب می‌خواهم", ["کتاب", "می\u200cخواهم"]),  # noqa: RUF001
        ("東京タワー and ｆｕｌｌ", ["東", "京", "タ", "ワ", "ー", "and", "full"]),  # noqa: RUF001
        ("한국어 텍스트", ["한국어", "텍스트"]),
        ("🙂\ufe0f ok \u0301", ["ok"]),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@given(st.text())
def test_composed_and_decomposed_texts_have_the_same_words(text: str) -> None:
    assert words(unicodedata.normalize("NFD", text)) == words(unicodedata.normalize("NFC", text))


@given(st.text(st.characters(max_codepoint=0x1FFF), max_size=30))
def test_no_letter_is_lost_and_words_stand_for_themselves(text: str) -> None:
    found = words(text)
    letters = [c for c in unicodedata.normalize("NFKC", text).lower() if c.isalnum() or c == "_"]
    assert [c for word in found for c in word if c.isalnum() or c == "_"] == letters
    for word in found:
        assert words(word) == [word]


def test_every_mark_joins_a_word() -> None:
    """Blocks of marks that a release of Python adds beyond those looked at would part words."""
    for point in range(sys.maxunicode + 1):
        mark = chr(point)
        if unicodedata.category(mark)[0] == "M":
            assert len(words(f"a{mark}b")) == 1, hex(point)
