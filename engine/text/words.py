"""Cutting texts into words, in whatever script they are written."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# Scripts without spaces, of which each character is a word by Unicode's rules for the cutting of text.
_ALONE = re.compile(
    "[\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]"
)
# Outside of these there is neither one of those nor a mark.
_PECULIAR = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u0591-\u1dff\u200c\u200d\u20d0-\u20ff\u2ce0-\uabff\ud7b0-\uffff"
    "\U00010000-\U0001efff\U00020000-\U000effff]"
)
_MARKS = range(0x300, 0x1F000)
# These join the parts of a word and are no letters.
_JOINERS = "\u200c\u200d\U000e0100-\U000e01ef"
_PLAIN = re.compile(r"\w+")


def words(text: str) -> list[str]:
    """Return the words of a text in lower case: runs of letters, digits, their marks and underscores.

    Compatible forms are one: half-width and full-width letters, composed and decomposed accents. A Chinese
    character or a Japanese kana is a word of its own; scripts without spaces besides are not cut.
    """
    if text.isascii():
        return _PLAIN.findall(text.lower())
    text = unicodedata.normalize("NFKC", text).lower()
    if _PECULIAR.search(text):
        return _marked().findall(_ALONE.sub(r" \g<0> ", text))
    return _PLAIN.findall(text)


@lru_cache(1)
def _marked() -> re.Pattern[str]:
    # What `re` takes for a part of a word leaves out the marks that vowels are in many scripts.
    marks = "".join(chr(point) for point in _MARKS if unicodedata.category(chr(point))[0] == "M")
    return re.compile(rf"\w+(?:[{marks}{_JOINERS}]+\w*)*")
