"""Filter expressions: which points a search, a count or a delete considers.

``(F("year") >= 1990) & ~F("genre").is_in(["news", "sport"])``

A field is missing from a payload, or null, or has a value, or a list of values. A comparison holds when
one of the values satisfies it; so it never holds where the field is missing, null or an empty list, and
``!=``, the negation of ``==``, does hold there.

A dotted path, ``F("maker.city")``, reads objects inside objects. Where a list of objects stands on the way,
the field has the values of all of them. ``F("cast[0].name")`` reads one element, ``F("cast[].name")`` each.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from ...storage.columns.point_id import checked_id
from ..error_translation import translated
from ..errors import InvalidArgument, LimitExceeded
from ..results.point import PointId
from ..schema.names import checked_name
from .areas import Area
from .limits import MAX_PATTERN
from .paths import checked_filter_path
from .values import PlainValue, can_be_iterated, plain_value

NO_TRUTH = (
    "a filter is neither true nor false by itself; combine filters by &, | and ~ (not and, or, not), each "
    "comparison in parentheses; a range is F('year').between(1990, 1999), a list F('year').is_in([...])"
)


class Filter:
    """An expression that holds for a point or does not. Combine expressions by ``&``, ``|`` and ``~``."""

    # What `bound` keeps; no part of what is compared or pickled.
    __slots__ = ("_bound",)

    _bound: tuple[object, Filter]

    def __and__(self, other: Filter) -> Filter:
        return And((*_clauses(self, And), *_clauses(other, And)))

    def __or__(self, other: Filter) -> Filter:
        return Or((*_clauses(self, Or), *_clauses(other, Or)))

    def __rand__(self, other: object) -> NoReturn:
        raise without_parentheses(other)

    __ror__ = __rand__

    def __invert__(self) -> Filter:
        return self.clause if isinstance(self, Not) else Not(self)

    def __bool__(self) -> NoReturn:
        raise InvalidArgument(NO_TRUTH, field="filter")


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
class AtLeast(Filter):
    """Holds where at least ``count`` of its clauses do."""

    clauses: tuple[Filter, ...]
    count: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "clauses", _checked_clauses(self.clauses))
        if type(self.count) is not int or self.count < 1:
            message = f"at least {self.count!r:.80} clauses are to hold; expected a whole number from 1"
            raise InvalidArgument(message, field="filter")


@dataclass(frozen=True, slots=True)
class Match(Filter):
    """Holds where the field, or one of its values, equals ``value``."""

    key: str
    value: PlainValue

    def __post_init__(self) -> None:
        checked_filter_path(self.key)
        object.__setattr__(self, "value", plain_value(self.value, self.key))


@dataclass(frozen=True, slots=True)
class AnyOf(Filter):
    """Holds where the field, or one of its values, equals one of ``values``; of none, nowhere."""

    key: str
    values: tuple[PlainValue, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", _plain_values("is_in", self.key, self.values))


@dataclass(frozen=True, slots=True)
class Except(Filter):
    """Holds where the field, or one of its values, is neither null nor one of ``values``."""

    key: str
    values: tuple[PlainValue, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", _plain_values("any_except", self.key, self.values))


def _plain_values(method: str, key: str, values: Any) -> tuple[PlainValue, ...]:
    checked_filter_path(key)
    if isinstance(values, str | bytes | dict) or not can_be_iterated(values):
        message = f"{method} on {key!r} was given {values!r:.80}; pass a list of values"
        raise InvalidArgument(message, field="filter")
    return tuple(plain_value(value, key) for value in values)


@dataclass(frozen=True, slots=True)
class Range(Filter):
    """Holds where a value of the field lies between ``lo`` and ``hi``; None is no bound, open excludes it."""

    key: str
    lo: PlainValue | None = None
    lo_open: bool = False
    hi: PlainValue | None = None
    hi_open: bool = False

    def __post_init__(self) -> None:
        checked_filter_path(self.key)
        if self.lo is None and self.hi is None:
            message = f"a range on {self.key!r} without a bound; F({self.key!r}).exists() asks for the field"
            raise InvalidArgument(message, field="filter")
        for name in ("lo", "hi"):
            bound = getattr(self, name)
            if bound is not None:
                object.__setattr__(self, name, plain_value(bound, self.key))


TEXT_MATCHES = ("text", "text_any", "phrase", "prefix", "like")
"""What a text is asked for: all words, any of them, the words in a row, how it begins, how it looks."""


@dataclass(frozen=True, slots=True)
class TextMatch(Filter):
    """Holds where a text of the field has the words of ``text``, or begins with it; see ``TEXT_MATCHES``.

    Words are cut as for keyword search, in lower case and without stemming. How a text looks
    is said as in SQL: ``%`` is any characters, ``_`` is one, and behind a backslash each is itself.
    """

    key: str
    how: str
    text: str

    def __post_init__(self) -> None:
        checked_filter_path(self.key)
        text = plain_value(self.text, self.key)
        if self.how not in TEXT_MATCHES or not isinstance(text, str):
            message = f"{self.how} on {self.key!r} is given {self.text!r:.80}; expected text"
            raise InvalidArgument(message, field="filter")
        if self.how == "like" and len(text) > MAX_PATTERN:
            raise LimitExceeded(
                f"the pattern on {self.key!r} has {len(text):,} characters; at most "
                f"{MAX_PATTERN:,} are compared with each text",
                field="filter",
            )
        object.__setattr__(self, "text", text)


@dataclass(frozen=True, slots=True)
class InArea(Filter):
    """Holds where the field, or one of its values, is a point of the earth in an area; see ``areas``."""

    key: str
    area: Area

    def __post_init__(self) -> None:
        checked_filter_path(self.key)


@dataclass(frozen=True, slots=True)
class IsNull(Filter):
    """Holds where the field, or one of its values, is null; not where it is missing."""

    key: str

    def __post_init__(self) -> None:
        checked_filter_path(self.key)


@dataclass(frozen=True, slots=True)
class Exists(Filter):
    """Holds where the payload has the field, be it null or an empty list."""

    key: str

    def __post_init__(self) -> None:
        checked_filter_path(self.key)


@dataclass(frozen=True, slots=True)
class ValuesCount(Filter):
    """Holds where the field has from ``least`` to ``most`` values, None being no bound.

    A list has as many as there are in it, nulls too; a missing field and null have none.
    """

    key: str
    least: int = 0
    most: int | None = None

    def __post_init__(self) -> None:
        checked_filter_path(self.key)
        for bound in self.least, self.most:
            if bound is not None and type(bound) is not int:
                message = f"values of {self.key!r} were to be {bound!r:.80}; expected a whole number"
                raise InvalidArgument(message, field="filter")


@dataclass(frozen=True, slots=True)
class Nested(Filter):
    """Holds where the field is a list of which one element, an object, satisfies the whole ``clause``.

    Paths in ``clause`` begin at the element.
    """

    key: str
    clause: Filter

    def __post_init__(self) -> None:
        # The elements of a list are what is asked of, with brackets and without.
        object.__setattr__(self, "key", checked_filter_path(self.key).removesuffix("[]"))
        _checked_clauses((self.clause,))


@dataclass(frozen=True, slots=True)
class HasId(Filter):
    """Holds for the points with these ids."""

    ids: tuple[PointId, ...]

    def __post_init__(self) -> None:
        if isinstance(self.ids, str | bytes | dict) or not can_be_iterated(self.ids):
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


def key_of(condition: Any) -> str:
    """Return the payload field that a condition is about."""
    assert not isinstance(condition, HasId | HasVector)
    key: str = condition.key
    return key


def leaves(expression: Filter) -> Iterator[Filter]:
    """Yield the conditions that an expression combines."""
    match expression:
        case And(clauses) | Or(clauses) | AtLeast(clauses):
            for clause in clauses:
                yield from leaves(clause)
        case Not(clause):
            yield from leaves(clause)
        case _:
            yield expression


def _clauses(expression: Any, of: type[And] | type[Or]) -> tuple[Filter, ...]:
    # Joining like to like keeps a long chain of & one level deep.
    return expression.clauses if isinstance(expression, of) else (expression,)


def without_parentheses(operand: object) -> InvalidArgument:
    return InvalidArgument(
        f"{operand!r:.80} stands where a filter should: &, | and ~ bind tighter than comparisons, so put "
        "each comparison in parentheses, (F('genre') == 'drama') & (F('year') >= 1990)",
        field="filter",
    )


def _checked_clauses(clauses: Any) -> tuple[Filter, ...]:
    if not can_be_iterated(clauses):
        raise InvalidArgument(f"filters are {clauses!r:.80}; pass a list of filters", field="filter")
    checked = tuple(clauses)
    for clause in checked:
        if not isinstance(clause, Filter):
            raise without_parentheses(clause)
    return checked
