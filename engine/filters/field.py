"""How filters are written in Python: fields that are compared, and what is no field."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, NoReturn
from uuid import UUID

from ..errors import InvalidArgument
from ..results.point import PointId
from .areas import Box, Circle, Corner, Polygon
from .expression import (
    NO_TRUTH,
    AnyOf,
    AtLeast,
    Except,
    Exists,
    Filter,
    HasId,
    HasVector,
    InArea,
    IsNull,
    Match,
    Nested,
    Not,
    Range,
    TextMatch,
    ValuesCount,
    without_parentheses,
)
from .paths import checked_filter_path
from .values import PlainValue, refuse_none


class F:
    """A payload field in a filter, by its dotted path.

    ``F("year") >= 1990``, ``F("genre") == "drama"``, ``F("genre").is_in(["drama", "noir"])``.
    """

    __slots__ = ("key",)
    __hash__ = None  # type: ignore[assignment]  # `==` builds a filter, so equality cannot serve a dict

    def __init__(self, key: str) -> None:
        self.key = checked_filter_path(key)

    def __repr__(self) -> str:
        return f"F({self.key!r})"

    def __bool__(self) -> NoReturn:
        raise InvalidArgument(NO_TRUTH, field="filter")

    def __contains__(self, value: object) -> NoReturn:
        raise InvalidArgument(NO_TRUTH, field="filter")

    def __and__(self, other: object) -> NoReturn:
        raise without_parentheses(self)

    __or__ = __and__

    def __rand__(self, other: object) -> NoReturn:
        # Python reads F("a") == "x" & F("b") > 1 as F("a") == ("x" & F("b")) > 1.
        raise without_parentheses(other)

    __ror__ = __rand__

    def __invert__(self) -> NoReturn:
        raise without_parentheses(self)

    def __eq__(self, value: object) -> Match:  # type: ignore[override]  # a comparison builds a filter
        return Match(self.key, value)  # type: ignore[arg-type]  # Match checks its value

    def __ne__(self, value: object) -> Filter:  # type: ignore[override]  # a comparison builds a filter
        return Not(self == value)

    def __lt__(self, value: PlainValue | date | UUID) -> Range:
        return self._range(hi=value, hi_open=True)

    def __le__(self, value: PlainValue | date | UUID) -> Range:
        return self._range(hi=value)

    def __gt__(self, value: PlainValue | date | UUID) -> Range:
        return self._range(lo=value, lo_open=True)

    def __ge__(self, value: PlainValue | date | UUID) -> Range:
        return self._range(lo=value)

    def between(self, lo: PlainValue | date | UUID, hi: PlainValue | date | UUID) -> Range:
        """Return the filter for ``lo <= value <= hi``."""
        refuse_none(self.key, lo, hi)
        return self._range(lo=lo, hi=hi)

    def is_in(self, values: Iterable[PlainValue | date | UUID]) -> AnyOf:
        """Return the filter for a value that equals one of ``values``."""
        return AnyOf(self.key, values)  # type: ignore[arg-type]  # AnyOf makes a tuple of it

    def any_except(self, values: Iterable[PlainValue | date | UUID]) -> Except:
        """Return the filter for a value, not null, that equals none of ``values``."""
        return Except(self.key, values)  # type: ignore[arg-type]  # Except makes a tuple of it

    def text(self, text: str) -> TextMatch:
        """Return the filter for a text that has all the words of ``text``, in any order."""
        return TextMatch(self.key, "text", text)

    def text_any(self, text: str) -> TextMatch:
        """Return the filter for a text that has a word of ``text``."""
        return TextMatch(self.key, "text_any", text)

    def phrase(self, text: str) -> TextMatch:
        """Return the filter for a text that has the words of ``text`` in a row."""
        return TextMatch(self.key, "phrase", text)

    def prefix(self, text: str) -> TextMatch:
        """Return the filter for a text that begins with ``text``, in the same case."""
        return TextMatch(self.key, "prefix", text)

    def like(self, pattern: str) -> TextMatch:
        """Return the filter for a text that looks so, by the rules of SQL's ``LIKE``; a backslash escapes."""
        return TextMatch(self.key, "like", pattern)

    def geo_box(self, top_left: Corner, bottom_right: Corner) -> InArea:
        """Return the filter for a point between two corners, each a latitude and a longitude."""
        return InArea(self.key, Box(top_left, bottom_right))

    def geo_radius(self, center: Corner, radius: float) -> InArea:
        """Return the filter for a point within ``radius`` metres of a latitude and a longitude."""
        return InArea(self.key, Circle(center, radius))

    def geo_polygon(self, corners: Iterable[Corner], holes: Iterable[Iterable[Corner]] = ()) -> InArea:
        """Return the filter for a point in a ring of corners, and in none of the rings ``holes``."""
        return InArea(self.key, Polygon(tuple(corners), tuple(map(tuple, holes))))

    def nested(self, clause: Filter) -> Nested:
        """Return the filter for a list of which one element, an object, satisfies all of ``clause``."""
        return Nested(self.key, clause)

    def is_null(self) -> IsNull:
        """Return the filter for a null."""
        return IsNull(self.key)

    def is_empty(self) -> Filter:
        """Return the filter for a field that is missing, null or an empty list."""
        return ~self.values_count(gte=1)

    def values_count(self, *, gte: int = 0, lte: int | None = None) -> ValuesCount:
        """Return the filter for a list of ``gte`` to ``lte`` values; missing and null have none."""
        return ValuesCount(self.key, gte, lte)

    def exists(self) -> Exists:
        """Return the filter for a payload that has this field."""
        return Exists(self.key)

    def _range(self, **bounds: Any) -> Range:
        refuse_none(self.key, *bounds.values())
        return Range(self.key, **bounds)


def has_id(ids: Iterable[PointId | UUID]) -> HasId:
    """Return the filter for the points with these ids; of none, no point."""
    return HasId(ids)  # type: ignore[arg-type]  # HasId makes a tuple of it


def at_least(count: int, filters: Iterable[Filter]) -> AtLeast:
    """Return the filter for the points for which ``count`` or more of ``filters`` hold."""
    return AtLeast(filters, count)  # type: ignore[arg-type]  # AtLeast makes a tuple of them


def has_vector(field: str) -> HasVector:
    """Return the filter for the points that have a vector in a field."""
    return HasVector(field)
