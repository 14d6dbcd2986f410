"""Keys of segment files."""

from __future__ import annotations

from vicinal.storage.segments import keys


def test_a_damaged_key_has_a_name_to_be_told_by() -> None:
    assert keys.name_of(b"a" + b"field.\xa7.rows") == "field.\\xa7.rows"
