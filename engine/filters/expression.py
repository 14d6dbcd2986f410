"""Filter expressions: which points a search, a count or a delete considers.

``(F("year") >= 1990) & ~F("genre").is_in(["news", "sport"])``

A field is missing from a payload, or null, or has a value, or a list of values. A comparison holds when
one of the values satisfies it; so it never holds where the field is missing, null or an empty list, and
``!=``, the negation of ``==``, does hold there.

A dotted path, ``F("maker.city")``, reads objects inside objects. Where a list of objects stands on the way,
the field has the values of all of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, NoReturn
from uuid import UUID

from ...storage.columns.point_id import checked_id
from ..error_translation import translated
from ..errors import InvalidArgument
from ..results.point import PointId
from ..schema.names import checked_name, checked_path
from .values import PlainValue, plain_value, refuse_none

_NO_TRUTH = (
    "a filter is neither true nor false by itself; combine filters by &, | and ~ (not and, or, not), each "
    "comparison in parentheses; a range is F('year').between(1990, 1999), a list F('year').is_in([...])"
)


class Filter:
    """An expression that holds for a point or does not. Combine expressions by ``&``, ``|`` and ``~``."""

    __slots__ = ()

    def __and__(self, other: Filter) -> Filter:
        return And((*_clauses(self, And), *_clauses(other, And)))

    def __or__(self, other: Filter) -> Filter:
        return Or((*_clauses(self, Or), *_clauses(other, Or)))

    def __rand__(self, other: object) -> NoReturn:
        raise _without_parentheses(other)

    __ror__ = __rand__

    def __invert__(self) -> Filter:
        return self.clause if isinstance(self, Not) else Not(self)

    def __bool__(self) -> NoReturn:
        raise InvalidArgument(_NO_TRUTH, field="filter")


@dataclass(frozen=True, slots=True)
class And(Filter):
    """Holds where every clause does; without clauses it holds everywhere."""

    clauses: tuple[Filter, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "clauses", _checked_clauses(self.clauses))


@dataclass(frozen=True, slots=True)
class Or(Filter):
    """Holds where one of its clauses does; it has at least one."""

    clauses: tuple[Filter, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "clauses", _checked_clauses(self.clauses))
        if not self.clauses:
            message = "an Or without clauses; a filter that no point satisfies is has_id([])"
            raise InvalidArgument(message, field="filter")


@dataclass(frozen=True, slots=True)
class Not(Filter):
    """Holds where its clause does not."""

    clause: Filter

    def __post_init__(self) -> None:
        _checked_clauses((self.clause,))


@dataclass(frozen=True, slots=True)
class Match(Filter):
    """Holds where the field, or one of its values, equals ``value``."""

    key: str
    value: PlainValue

    def __post_init__(self) -> None:
        checked_path(self.key, "a filtered field")
        object.__setattr__(self, "value", plain_value(self.value, self.key))


def _can_be_iterated(value: object) -> bool:
    # An array without dimensions is an Iterable to Python, until it is iterated.
    return isinstance(value, Iterable) and getattr(value, "shape", None) != ()


@dataclass(frozen=True, slots=True)
class AnyOf(Filter):
    """Holds where the field, or one of its values, equals one of ``values``; of none, nowhere."""

    key: str
    values: tuple[PlainValue, ...]

    def __post_init__(self) -> None:
        checked_path(self.key, "a filtered field")
        if isinstance(self.values, str | bytes | dict) or not _can_be_iterated(self.values):
            message = f"is_in on {self.key!r} was given {self.values!r:.80}; pass a list of values"
            raise InvalidArgument(message, field="filter")
        object.__setattr__(self, "values", tuple(plain_value(value, self.key) for value in self.values))


@dataclass(frozen=True, slots=True)
class Range(Filter):
    """Holds where a value of the field lies between ``lo`` and ``hi``; None is no bound, open excludes it."""

    key: str
    lo: PlainValue | None = None
    lo_open: bool = False
    hi: PlainValue | None = None
    hi_open: bool = False

    def __post_init__(self) -> None:
        checked_path(self.key, "a filtered field")
        if self.lo is None and self.hi is None:
            message = f"a range on {self.key!r} without a bound; F({self.key!r}).exists() asks for the field"
            raise InvalidArgument(message, field="filter")
        for name in ("lo", "hi"):
            bound = getattr(self, name)
            if bound is not None:
                object.__setattr__(self, name, plain_value(bound, self.key))


@dataclass(frozen=True, slots=True)
class IsNull(Filter):
    """Holds where the field, or one of its values, is null; not where it is missing."""

    key: str

    def __post_init__(self) -> None:
        checked_path(self.key, "a filtered field")


@dataclass(frozen=True, slots=True)
class Exists(Filter):
    """Holds where the payload has the field, be it null or an empty list."""

    key: str

    def __post_init__(self) -> None:
        checked_path(self.key, "a filtered field")


@dataclass(frozen=True, slots=True)
class HasId(Filter):
    """Holds for the points with these ids."""

    ids: tuple[PointId, ...]

    def __post_init__(self) -> None:
        if isinstance(self.ids, str | bytes | dict) or not _can_be_iterated(self.ids):
            message = f"has_id was given {self.ids!r:.80}; pass a list of ids"
            raise InvalidArgument(message, field="filter")
        with translated():
            ids = tuple(checked_id(value, row, "has_id") for row, value in enumerate(self.ids))
        object.__setattr__(self, "ids", ids)


@dataclass(frozen=True, slots=True)
class HasVector(Filter):
    """Holds for the points that have a vector in this field."""

    field: str

    def __post_init__(self) -> None:
        checked_name(self.field, "a vector field")


class F:
    """A payload field in a filter, by its dotted path.

    ``F("year") >= 1990``, ``F("genre") == "drama"``, ``F("genre").is_in(["drama", "noir"])``.
    """

    __slots__ = ("key",)
    __hash__ = None  # type: ignore[assignment]  # `==` builds a filter, so equality cannot serve a dict

    def __init__(self, key: str) -> None:
        self.key = checked_path(key, "a filtered field")

    def __repr__(self) -> str:
        return f"F({self.key!r})"

    def __bool__(self) -> NoReturn:
        raise InvalidArgument(_NO_TRUTH, field="filter")

    def __contains__(self, value: object) -> NoReturn:
        raise InvalidArgument(_NO_TRUTH, field="filter")

    def __and__(self, other: object) -> NoReturn:
        raise _without_parentheses(self)

    __or__ = __and__

    def __rand__(self, other: object) -> NoReturn:
        # Python reads F("a") == "x" & F("b") > 1 as F("a") == ("x" & F("b")) > 1.
        raise _without_parentheses(other)

    __ror__ = __rand__

    def __invert__(self) -> NoReturn:
        raise _without_parentheses(self)

    def __eq__(self, value: object) -> Match:  # type: ignore[override]  # a comparison builds a filter
        return Match(self.key, value)  # type: ignore[arg-type]  # Match checks its value

    def __ne__(self, value: object) -> Filter:  # type: ignore[override]  # a comparison builds a filter
        return Not(self == value)

    def __lt__(self, value: PlainValue | date) -> Range:
        return self._range(hi=value, hi_open=True)

    def __le__(self, value: PlainValue | date) -> Range:
        return self._range(hi=value)

    def __gt__(self, value: PlainValue | date) -> Range:
        return self._range(lo=value, lo_open=True)

    def __ge__(self, value: PlainValue | date) -> Range:
        return self._range(lo=value)

    def between(self, lo: PlainValue | date, hi: PlainValue | date) -> Range:
        """Return the filter for ``lo <= value <= hi``."""
        refuse_none(self.key, lo, hi)
        return self._range(lo=lo, hi=hi)

    def is_in(self, values: Iterable[PlainValue | date]) -> AnyOf:
        """Return the filter for a value that equals one of ``values``."""
        return AnyOf(self.key, values)  # type: ignore[arg-type]  # AnyOf makes a tuple of it

    def is_null(self) -> IsNull:
        """Return the filter for a null."""
        return IsNull(self.key)

    def exists(self) -> Exists:
        """Return the filter for a payload that has this field."""
        return Exists(self.key)

    def _range(self, **bounds: Any) -> Range:
        refuse_none(self.key, *bounds.values())
        return Range(self.key, **bounds)


def has_id(ids: Iterable[PointId | UUID]) -> HasId:
    """Return the filter for the points with these ids; of none, no point."""
    return HasId(ids)  # type: ignore[arg-type]  # HasId makes a tuple of it


def has_vector(field: str) -> HasVector:
    """Return the filter for the points that have a vector in a field."""
    return HasVector(field)


def _clauses(expression: Any, of: type[And] | type[Or]) -> tuple[Filter, ...]:
    # Joining like to like keeps a long chain of & one level deep.
    return expression.clauses if isinstance(expression, of) else (expression,)


def _without_parentheses(operand: object) -> InvalidArgument:
    return InvalidArgument(
        f"{operand!r:.80} stands where a filter should: &, | and ~ bind tighter than comparisons, so put "
        "each comparison in parentheses, (F('genre') == 'drama') & (F('year') >= 1990)",
        field="filter",
    )


def _checked_clauses(clauses: Any) -> tuple[Filter, ...]:
    for clause in clauses:
        if not isinstance(clause, Filter):
            raise _without_parentheses(clause)
    return tuple(clauses)
