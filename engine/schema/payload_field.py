"""The types of payload fields that are indexed."""

from __future__ import annotations

from enum import StrEnum


class FieldType(StrEnum):
    """What an indexed payload field holds. A field may hold a list of such values, or null, or be missing.

    ``KEYWORD`` is text compared whole, ``INTEGER`` a signed 64-bit number, ``FLOAT`` a finite number
    (integers are taken), ``BOOL`` true or false (not a number), ``DATETIME`` an ISO 8601 text, in UTC where
    it names no zone, kept to the microsecond. ``UUID`` is 128 bits as text, in any spelling that Python's
    ``uuid`` module takes; spellings of the same one are equal. ``TEXT`` is text that is searched by its
    words, ``GEO`` an object with the numbers ``lat`` and ``lon`` in degrees.
    """

    KEYWORD = "keyword"
    INTEGER = "integer"
    FLOAT = "float"
    BOOL = "bool"
    DATETIME = "datetime"
    UUID = "uuid"
    TEXT = "text"
    GEO = "geo"

    @property
    def ordered(self) -> bool:
        """Whether a range can be asked of it."""
        return self in (FieldType.INTEGER, FieldType.FLOAT, FieldType.DATETIME)

    @property
    def valued(self) -> bool:
        """Whether an index has its values, each whole."""
        return self.ordered or self in (FieldType.KEYWORD, FieldType.BOOL, FieldType.UUID)
