"""Conditions on payload fields that no index has: values go by their own JSON types.

Numbers are compared with numbers, whole or not; true and false are none. A text equals the same text; a range
of times holds for texts that are times. Objects, and lists in lists, satisfy no comparison.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...schema.payload_field import FieldType
from ..areas import Area, point_of
from ..canonical import INT64_MAX, INT64_MIN, MISSING, microseconds
from ..expression import And, AtLeast, Filter, Not, Or, leaves
from ..paths import reader
from ..values import PlainValue

Number = int | float


class Scanned(Filter):
    """A bound condition on a payload field without an index; equal ones hold for the same payloads."""

    __slots__ = ()
    key: str

    @abstractmethod
    def holds(self, found: Any) -> bool:
        """Whether it holds where ``paths.reader`` finds this in a payload."""

    @property
    def suggested(self) -> FieldType | None:
        """The type as which the field would be indexed for this condition; None where no index answers it."""
        return None


@dataclass(frozen=True, slots=True)
class EqualsOne(Scanned):
    """Holds where a value equals one of these; kept apart by type, as True == 1 in Python."""

    key: str
    texts: frozenset[str]
    numbers: frozenset[Number]
    bools: frozenset[bool]

    @classmethod
    def of(cls, key: str, values: Iterable[PlainValue]) -> EqualsOne:
        """Return the condition that a value equals one of ``values``."""
        kinds: dict[type, set[Any]] = {str: set(), int: set(), float: set(), bool: set()}
        for value in values:
            kinds[type(value)].add(value)
        numbers = frozenset(kinds[int] | kinds[float])
        return cls(key, frozenset(kinds[str]), numbers, frozenset(kinds[bool]))

    def holds(self, found: Any) -> bool:
        """Whether one of the values found is one of these."""
        return any(map(self.has, values_of(found)))

    def has(self, value: Any) -> bool:
        """Whether a value is one of these."""
        kind = type(value)
        if kind is str:
            return value in self.texts
        if kind is bool:
            return value in self.bools
        return (kind is int or kind is float) and value in self.numbers

    @property
    def suggested(self) -> FieldType:
        """The type of its values."""
        if self.bools and not self.texts and not self.numbers:
            return FieldType.BOOL
        return _numeric(self.numbers) if self.numbers and not self.texts else FieldType.KEYWORD


@dataclass(frozen=True, slots=True)
class OtherThan(Scanned):
    """Holds where a value is not null and ``excluded`` does not hold of it.

    ``plain``: the value is no object, and no list, either.
    """

    key: str
    excluded: EqualsOne
    plain: bool = False

    def holds(self, found: Any) -> bool:
        """Whether one of the values found is another one."""
        return any(map(self._has, values_of(found)))

    def _has(self, value: Any) -> bool:
        if value is None or (self.plain and isinstance(value, dict | list)):
            return False
        return not self.excluded.has(value)

    @property
    def suggested(self) -> FieldType:
        """The type of its values."""
        return self.excluded.suggested


@dataclass(frozen=True, slots=True)
class HasValues(Scanned):
    """Holds where there are so many values at one of the places of the field; None is no bound."""

    key: str
    least: int
    most: int | None

    def holds(self, found: Any) -> bool:
        """Whether so many were found."""
        return any(map(self.includes, map(size_of, places_of(found) or (None,))))

    @property
    def suggested(self) -> FieldType:
        """The type that most fields have."""
        return FieldType.KEYWORD

    def includes(self, count: int) -> bool:
        """Whether a number of values lies between the bounds."""
        return self.least <= count and (self.most is None or count <= self.most)


@dataclass(frozen=True, slots=True)
class HasElement(Scanned):
    """Holds where an object in the list satisfies an expression of conditions; no column answers it.

    ``indexed`` is that expression as indexes of the objects' fields answer it, None where they do not.
    """

    key: str
    clause: Filter
    indexed: Filter | None = None

    def holds(self, found: Any) -> bool:
        """Whether such an object is in what was found."""
        return any(
            isinstance(element, Mapping) and holds_in(self.clause, element)
            for value in places_of(found)
            if isinstance(value, list)
            for element in value
        )


@dataclass(frozen=True, slots=True)
class IsInside(Scanned):
    """Holds where a value is a point in an area."""

    key: str
    area: Area

    def holds(self, found: Any) -> bool:
        """Whether one of the values found is such a point."""
        points = map(point_of, values_of(found))
        return any(point is not None and self.area.contains(*point) for point in points)

    @property
    def suggested(self) -> FieldType:
        """Places."""
        return FieldType.GEO


@dataclass(frozen=True, slots=True)
class Between(Scanned):
    """Holds where a number lies between the bounds; None is no bound, open excludes it."""

    key: str
    lo: Number | None
    lo_open: bool
    hi: Number | None
    hi_open: bool

    def holds(self, found: Any) -> bool:
        """Whether one of the values found is a number between the bounds."""
        return any(map(self._has, values_of(found)))

    def _has(self, value: Any) -> bool:
        return (type(value) is int or type(value) is float) and self.includes(value)

    def includes(self, number: Number) -> bool:
        """Whether a number lies between the bounds."""
        if self.lo is not None and not (number > self.lo if self.lo_open else number >= self.lo):
            return False
        return self.hi is None or (number < self.hi if self.hi_open else number <= self.hi)

    @property
    def suggested(self) -> FieldType:
        """The type of its bounds."""
        return _numeric(bound for bound in (self.lo, self.hi) if bound is not None)


@dataclass(frozen=True, slots=True)
class DuringTimes(Scanned):
    """Holds where a text is a time between two, in microseconds from 1970, both included."""

    key: str
    first: int
    last: int

    def holds(self, found: Any) -> bool:
        """Whether one of the values found is such a text."""
        return any(map(self._has, values_of(found)))

    def _has(self, value: Any) -> bool:
        if type(value) is not str:
            return False
        moment = time_of(value)
        return moment is not None and self.first <= moment <= self.last

    @property
    def suggested(self) -> FieldType:
        """Times."""
        return FieldType.DATETIME


@dataclass(frozen=True, slots=True)
class HasNull(Scanned):
    """Holds where the field, or one of its values, is null."""

    key: str

    def holds(self, found: Any) -> bool:
        """Whether null is what was found, or a value in it."""
        return any(value is None for value in values_of(found))

    @property
    def suggested(self) -> FieldType:
        """The type that most fields have."""
        return FieldType.KEYWORD


@dataclass(frozen=True, slots=True)
class IsThere(Scanned):
    """Holds where the payload has the field."""

    key: str

    def holds(self, found: Any) -> bool:
        """Whether anything was found."""
        return found is not MISSING

    @property
    def suggested(self) -> FieldType:
        """The type that most fields have."""
        return FieldType.KEYWORD


def values_of(found: Any) -> tuple[Any, ...] | list[Any]:
    """Return the values of a field of which ``paths.reader`` found this."""
    if type(found) is list:
        return found
    if type(found) is tuple:
        return [item for value in found for item in values_of(value)]
    return () if found is MISSING else (found,)


def places_of(found: Any) -> tuple[Any, ...]:
    """Return what is at each of the places that a path leads to."""
    if type(found) is tuple:
        return found
    return () if found is MISSING else (found,)


def size_of(value: Any) -> int:
    """Return how many values stand at one place; null is none."""
    return len(value) if type(value) is list else int(value is not None)


def time_of(text: str) -> int | None:
    """Return the microseconds from 1970 to the time that a text is; None when it is no time."""
    try:
        return microseconds(text)
    except ValueError:
        return None


def scanned_in(expression: Filter) -> Iterator[Scanned]:
    """Yield the conditions of a bound expression that no index answers."""
    return (leaf for leaf in leaves(expression) if isinstance(leaf, Scanned))


def suggestions(condition: Scanned) -> Iterator[tuple[str, FieldType]]:
    """Yield fields that would be indexed for a condition, and as which type.

    An index of a field of elements says where it is worth to look at them.
    """
    if condition.suggested is not None:
        yield condition.key, condition.suggested
    if isinstance(condition, HasElement):
        clause = condition.clause
        for each in clause.clauses if isinstance(clause, And) else (clause,):
            if isinstance(each, Scanned) and not isinstance(each, OtherThan | HasValues | HasNull | IsThere):
                yield from ((f"{condition.key}.{key}", kind) for key, kind in suggestions(each))


def holds_in(expression: Filter, element: Mapping[str, Any]) -> bool:
    """Whether an expression of conditions holds for one object."""
    match expression:
        case And(clauses):
            return all(holds_in(clause, element) for clause in clauses)
        case Or(clauses):
            return any(holds_in(clause, element) for clause in clauses)
        case AtLeast(clauses, count):
            return sum(holds_in(clause, element) for clause in clauses) >= count
        case Not(clause):
            return not holds_in(clause, element)
        case Scanned():
            return expression.holds(reader(expression.key)(element))
    raise AssertionError(f"{type(expression).__name__} is no condition")


def _numeric(numbers: Iterable[Number]) -> FieldType:
    whole = all(number == int(number) and INT64_MIN <= number <= INT64_MAX for number in numbers)
    return FieldType.INTEGER if whole else FieldType.FLOAT
