"""Binding a filter to a schema: values are of the types of indexed fields, or go by their own types."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from ..errors import InvalidArgument, UnindexedField
from ..schema.collection_schema import CollectionSchema
from ..schema.names import MAX_NAME
from ..schema.payload_field import FieldType
from .canonical import INT64_MAX, INT64_MIN, canonical
from .conditions.scanned import (
    Between,
    DuringTimes,
    EqualsOne,
    HasElement,
    HasNull,
    HasValues,
    IsInside,
    IsThere,
    OtherThan,
)
from .conditions.text import HasWords, text_condition
from .expression import (
    And,
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
    Or,
    Range,
    TextMatch,
    ValuesCount,
    key_of,
    leaves,
)
from .limits import FilterBudget
from .values import PlainValue

_WHOLE_FLOATS: Final = 2**53


def bind(expression: Filter, schema: CollectionSchema) -> Filter:
    """Return ``expression`` with every value in canonical form (see ``canonical``).

    Bounds of integer and datetime ranges become closed integers of 64 bits, and what it says of a payload
    field without an index one of ``conditions``. What is returned goes to ``scanning.passing``; it is not to
    be bound again.

    Raises
    ------
    UnindexedField
        When it names a payload field that the schema, being strict, does not index.
    InvalidArgument
        When a value does not fit the type of its field, or there is no such vector field.
    LimitExceeded
        When it is nested too deeply or has too many parts.
    """
    return _bind(expression, schema, FilterBudget(), 1)


def _bind(expression: Filter, schema: CollectionSchema, budget: FilterBudget, depth: int) -> Filter:
    budget.spend(depth)
    match expression:
        case And(clauses):
            return And(tuple(_bind(clause, schema, budget, depth + 1) for clause in clauses))
        case Or(clauses):
            return Or(tuple(_bind(clause, schema, budget, depth + 1) for clause in clauses))
        case Not(clause):
            return Not(_bind(clause, schema, budget, depth + 1))
        case AtLeast(clauses, count):
            return AtLeast(tuple(_bind(clause, schema, budget, depth + 1) for clause in clauses), count)
        case Match(key, value):
            return _bound_match(expression, (value,), schema)
        case AnyOf(key, values):
            return _bound_match(expression, values, schema)
        case Except(key, values):
            return _bound_except(key, values, schema)
        case ValuesCount(key, least, most):
            _kind(key, schema)
            return HasValues(key, least, most)
        case TextMatch(key):
            condition = text_condition(expression)
            kind = _kind(key, schema)
            if kind is not FieldType.KEYWORD and (
                kind is not FieldType.TEXT or not isinstance(condition, HasWords)
            ):
                _refuse_unanswered(key, "characters or words of texts", schema)
            return condition
        case InArea(key, area):
            if _kind(key, schema) is not FieldType.GEO:
                _refuse_unanswered(key, "places", schema)
            return IsInside(key, area)
        case Nested():
            return _bound_nested(expression, schema, budget, depth)
        case Range():
            kind = _kind(expression.key, schema)
            return _scanned_range(expression) if kind is None else _bound_range(expression, kind)
        case IsNull(key):
            return HasNull(key) if _kind(key, schema) is None else expression
        case Exists(key):
            return IsThere(key) if _kind(key, schema) is None else expression
        case HasId():
            return expression
        case HasVector(field):
            if field not in schema.vectors:
                message = f"the filter names the vector field {field!r}; there are {sorted(schema.vectors)}"
                raise InvalidArgument(message, field="filter")
            return expression
    raise AssertionError(f"{type(expression).__name__} is no filter")


def _kind(key: str, schema: CollectionSchema) -> FieldType | None:
    if "[" in key:
        _refuse_unanswered(key, "single elements", schema)
    kind = schema.fields.get(key)
    if kind is None and schema.strict:
        known = ", ".join(f"{name!r} ({kind.value})" for name, kind in schema.fields.items()) or "none"
        raise UnindexedField(
            f"the filter names the payload field {key!r}, which is not indexed; indexed fields: {known}. The "
            f"collection is strict: index it with add_field({key!r}, 'keyword') or the type that fits",
            field="filter",
        )
    return kind


def _refuse_unanswered(key: str, what: str, schema: CollectionSchema) -> None:
    """Raise UnindexedField when a strict collection is asked what no index of a field answers."""
    if schema.strict:
        raise UnindexedField(
            f"the filter asks for {what} of {key!r}, which no index answers; the collection is "
            "strict and reads no payloads for a filter",
            field="filter",
        )


def _bound_match(
    expression: Match | AnyOf, values: tuple[PlainValue, ...], schema: CollectionSchema
) -> Filter:
    key, kind = expression.key, _kind(expression.key, schema)
    if kind is None:
        return EqualsOne.of(key, values)
    bound = tuple(dict.fromkeys(_bound_value(key, value, kind) for value in values))
    if kind is FieldType.TEXT:
        _refuse_unanswered(key, "whole texts", schema)
        return EqualsOne.of(key, bound)
    return Match(key, bound[0]) if isinstance(expression, Match) else AnyOf(key, bound)


def _bound_except(key: str, values: tuple[PlainValue, ...], schema: CollectionSchema) -> Filter:
    kind = _kind(key, schema)
    if kind is None:
        return OtherThan(key, EqualsOne.of(key, values))
    bound = tuple(dict.fromkeys(_bound_value(key, value, kind) for value in values))
    if kind.ordered or kind is FieldType.UUID:
        return Except(key, bound)
    if kind is FieldType.BOOL:
        return AnyOf(key, tuple(value for value in (True, False) if value not in bound))
    if kind is not FieldType.KEYWORD:
        _refuse_unanswered(key, "values except some", schema)
    return OtherThan(key, EqualsOne.of(key, bound))


def _bound_nested(expression: Nested, schema: CollectionSchema, budget: FilterBudget, depth: int) -> Filter:
    key, clause = expression.key, expression.clause
    indexed = _bound_by_index(key, clause, schema)
    if indexed is None:
        _refuse_unanswered(key, "single elements", schema)
    within = _bind(clause, CollectionSchema(schema.vectors), budget, depth + 1)
    if any(isinstance(leaf, HasId | HasVector) for leaf in leaves(within)):
        message = f"the filter asks for the id or a vector of an element of {key!r}; elements have neither"
        raise InvalidArgument(message, field="filter")
    # Where an element satisfies all, the elements together satisfy each: an index answers that, and fewer
    # payloads are read.
    before = [
        _bind(replace(each, key=path), schema, FilterBudget(), 1)
        for each in (clause.clauses if isinstance(clause, And) else (clause,))
        if isinstance(each, Match | AnyOf | Range | TextMatch | InArea)
        and len(path := f"{key}.{each.key}") <= MAX_NAME
        and path in schema.fields
    ]
    return And((*before, HasElement(key, within, indexed)))


def _bound_by_index(key: str, clause: Filter, schema: CollectionSchema) -> Filter | None:
    """Return what elements are asked for as indexes of their fields answer it; None where they do not.

    Of an element it means the same with and without an index, so that a segment without one may answer too.
    """
    start = f"{key}."
    fields = {path[len(start) :]: kind for path, kind in schema.fields.items() if path.startswith(start)}
    if not fields:
        return None
    if schema.strict:
        # What is refused is told by its whole path.
        for leaf in leaves(clause):
            if not isinstance(leaf, HasId | HasVector | Nested):
                whole: Any = leaf
                _bind(replace(whole, key=start + key_of(leaf)), schema, FilterBudget(), 1)
    if not all(_means_the_same(leaf, fields) for leaf in leaves(clause)):
        return None
    try:
        return _bind(clause, CollectionSchema(schema.vectors, fields), FilterBudget(), 1)
    except InvalidArgument:
        # A value of another type, which no element has.
        return None


def _means_the_same(leaf: Filter, fields: Mapping[str, FieldType]) -> bool:
    """Return whether an index answers a condition exactly, and as values that go by their own types do."""
    if isinstance(leaf, HasId | HasVector | Nested) or key_of(leaf) not in fields:
        return False
    kind = fields[key_of(leaf)]
    match leaf:
        case Match(_, value):
            return _is_alike(value, kind)
        case AnyOf(_, values) | Except(_, values):
            return all(_is_alike(value, kind) for value in values)
        case Range(_, lo, _, hi, _):
            return kind is FieldType.DATETIME or all(
                bound is None or _is_alike(bound, kind) for bound in (lo, hi)
            )
        case TextMatch():
            words_alone = isinstance(text_condition(leaf), HasWords)
            return kind is FieldType.KEYWORD or (kind is FieldType.TEXT and words_alone)
        case InArea():
            return kind is FieldType.GEO
    return True


def _is_alike(value: PlainValue, kind: FieldType) -> bool:
    # A time and a UUID have several spellings; beyond 2**53 whole numbers are no floats.
    if kind is FieldType.FLOAT:
        return not isinstance(value, str) and abs(value) < _WHOLE_FLOATS
    return kind in (FieldType.KEYWORD, FieldType.BOOL, FieldType.INTEGER)


def _scanned_range(expression: Range) -> Filter:
    key, bounds = expression.key, [bound for bound in (expression.lo, expression.hi) if bound is not None]
    if all(isinstance(bound, str) for bound in bounds):
        return _times(expression)
    if any(isinstance(bound, str | bool) for bound in bounds):
        told = " to ".join(f"{bound!r:.80} ({type(bound).__name__})" for bound in bounds)
        raise InvalidArgument(
            f"the filter asks for a range of {key!r}, which is not indexed, by {told}; a range is of numbers "
            "or of times as ISO 8601 text, and of one sort",
            field="filter",
        )
    lo, hi = _plain_number(expression.lo), _plain_number(expression.hi)
    return Between(key, lo, expression.lo_open, hi, expression.hi_open)


def _plain_number(bound: PlainValue | None) -> int | float | None:
    assert not isinstance(bound, str)
    return bound


def _times(expression: Range) -> Filter:
    closed = _bound_range(expression, FieldType.DATETIME)
    if not isinstance(closed, Range):
        return EqualsOne.of(expression.key, ())
    assert isinstance(closed.lo, int)
    assert isinstance(closed.hi, int)
    return DuringTimes(expression.key, closed.lo, closed.hi)


def _bound_value(key: str, value: PlainValue, kind: FieldType) -> PlainValue:
    # Clients in languages with one number type send 1990 as 1990.0.
    if kind is FieldType.INTEGER and isinstance(value, float) and value.is_integer():
        value = int(value)
    if kind is FieldType.GEO:
        raise InvalidArgument(
            f"the filter compares {key!r}, a geo field, with {value!r:.80}; places are asked for by geo_box, "
            "geo_radius and geo_polygon",
            field="filter",
        )
    try:
        bound = canonical(value, kind)
    except ValueError as error:
        raise _refused(key, error) from error
    assert not isinstance(bound, tuple)
    return bound


def _bound_range(expression: Range, kind: FieldType) -> Filter:
    key, lo, hi = expression.key, expression.lo, expression.hi
    if not kind.ordered:
        raise InvalidArgument(
            f"the filter asks for a range of {key!r}, a {kind.value} field; ranges are of integer, float and "
            "datetime fields, others take == and is_in",
            field="filter",
        )
    if kind is FieldType.FLOAT:
        low = None if lo is None else _bound_value(key, lo, kind)
        high = None if hi is None else _bound_value(key, hi, kind)
        return Range(key, low, expression.lo_open, high, expression.hi_open)
    first = INT64_MIN if lo is None else _first_integer(key, lo, expression.lo_open, kind)
    last = INT64_MAX if hi is None else _last_integer(key, hi, expression.hi_open, kind)
    if first > last or first > INT64_MAX or last < INT64_MIN:
        return AnyOf(key, ())
    return Range(key, max(first, INT64_MIN), False, min(last, INT64_MAX), False)


def _first_integer(key: str, bound: PlainValue, is_open: bool, kind: FieldType) -> int:
    number = _number(key, bound, kind)
    return math.floor(number) + 1 if is_open else math.ceil(number)


def _last_integer(key: str, bound: PlainValue, is_open: bool, kind: FieldType) -> int:
    number = _number(key, bound, kind)
    return math.ceil(number) - 1 if is_open else math.floor(number)


def _number(key: str, bound: PlainValue, kind: FieldType) -> int | float:
    if kind is FieldType.INTEGER and isinstance(bound, int | float) and not isinstance(bound, bool):
        return bound
    try:
        value = canonical(bound, kind)
    except ValueError as error:
        raise _refused(key, error) from error
    assert isinstance(value, int)
    return value


def _refused(key: str, error: ValueError) -> InvalidArgument:
    return InvalidArgument(f"the filter's value for {key!r} {error}", field="filter")
