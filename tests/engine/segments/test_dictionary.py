"""Sorted texts of a payload field in a segment."""

from __future__ import annotations

import pytest

from vicinal.engine.segments.sealed.postings.dictionary import Dictionary, dictionary_arrays
from vicinal.storage.errors import CorruptionError


def test_a_text_that_is_no_utf_8_is_damage() -> None:
    data, ends = dictionary_arrays(["blue", "green", "red"])
    damaged = data.copy()
    damaged[5] ^= 128
    assert Dictionary(data, ends).accepted("green".__eq__).tolist() == [1]
    with pytest.raises(CorruptionError, match="not UTF-8"):
        Dictionary(damaged, ends).accepted("green".__eq__)
