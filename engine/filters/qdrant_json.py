"""Filters as JSON, in the form Qdrant gives them.

::

    filter     {"must": [filter ...], "should": [filter ...], "must_not": [filter ...]}   or one condition
    condition  {"key": "year", "match": {"value": 1990}}       or {"any": [1990, 1991]}
               {"key": "year", "range": {"gte": 1990, "lt": 2000}}                 gt, gte, lt, lte
               {"is_null": {"key": "year"}}    {"exists": {"key": "year"}}    {"has_id": [1, "a"]}
               {"has_vector": "plot"}

An empty ``must``, ``should`` or ``must_not`` constrains nothing: ``{}`` and ``{"should": []}`` hold for every
point, as in Qdrant. Searching, counting and scrolling take them; a delete or an update of payloads by such a
filter is refused. Any other key is an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import InvalidArgument
from ..schema.strict_json import checked_object
from .expression import And, AnyOf, Exists, Filter, HasId, HasVector, IsNull, Match, Not, Or, Range
from .limits import FilterBudget

_GROUPS = ("must", "should", "must_not")
_BOUNDS = {"gt": ("lo", True), "gte": ("lo", False), "lt": ("hi", True), "lte": ("hi", False)}


def filter_to_json(expression: Filter) -> dict[str, Any]:
    """Return ``expression`` as a JSON object; :func:`filter_from_json` is its inverse.

    Raises
    ------
    LimitExceeded
        When it is nested too deeply or has too many parts.
    """
    return _to_json(expression, FilterBudget(), 1)


def filter_from_json(record: Any) -> Filter:
    """Return the expression that a JSON object describes.

    Raises
    ------
    InvalidArgument
        When a key is unknown or missing, or a value is not one that a filter compares with.
    LimitExceeded
        When it is nested too deeply or has too many parts.
    """
    return _from_json(record, FilterBudget(), 1)


def _to_json(expression: Filter, budget: FilterBudget, depth: int) -> dict[str, Any]:
    budget.spend(depth)
    match expression:
        case And(clauses):
            return {"must": [_to_json(clause, budget, depth + 1) for clause in clauses]}
        case Or(clauses):
            return {"should": [_to_json(clause, budget, depth + 1) for clause in clauses]}
        case Not(clause):
            return {"must_not": [_to_json(clause, budget, depth + 1)]}
        case Match(key, value):
            return {"key": key, "match": {"value": value}}
        case AnyOf(key, values):
            return {"key": key, "match": {"any": list(values)}}
        case Range():
            return {"key": expression.key, "range": _range_to_json(expression)}
        case IsNull(key):
            return {"is_null": {"key": key}}
        case Exists(key):
            return {"exists": {"key": key}}
        case HasId(ids):
            return {"has_id": list(ids)}
        case HasVector(field):
            return {"has_vector": field}
    raise AssertionError(f"{type(expression).__name__} is no filter")


def _range_to_json(expression: Range) -> dict[str, Any]:
    bounds: dict[str, Any] = {}
    if expression.lo is not None:
        bounds["gt" if expression.lo_open else "gte"] = expression.lo
    if expression.hi is not None:
        bounds["lt" if expression.hi_open else "lte"] = expression.hi
    return bounds


def _from_json(record: Any, budget: FilterBudget, depth: int) -> Filter:
    budget.spend(depth)
    if not isinstance(record, Mapping):
        raise InvalidArgument(f"a filter is {record!r:.80}; expected an object", field="filter")
    if "key" in record:
        return _condition(record)
    if "has_id" in record:
        ids = checked_object(record, "a filter", required=["has_id"])["has_id"]
        if not isinstance(ids, list | tuple):
            raise InvalidArgument(f"has_id is {ids!r:.80}; expected a list of ids", field="filter")
        return HasId(tuple(ids))
    if "has_vector" in record:
        return HasVector(checked_object(record, "a filter", required=["has_vector"])["has_vector"])
    for name, node in (("is_null", IsNull), ("exists", Exists)):
        if name in record:
            inner = checked_object(record, "a filter", required=[name])[name]
            return node(checked_object(inner, name, required=["key"])["key"])
    return _group(checked_object(record, "a filter", optional=_GROUPS), budget, depth)


def _group(record: Mapping[str, Any], budget: FilterBudget, depth: int) -> Filter:
    parts: dict[str, list[Filter]] = {}
    for name in _GROUPS:
        value = record.get(name, [])
        # Qdrant takes a single condition in the place of a list of one.
        items = [value] if isinstance(value, Mapping) else value
        if not isinstance(items, list | tuple):
            raise InvalidArgument(f"{name} is {value!r:.80}; expected a list of filters", field="filter")
        parts[name] = [_from_json(item, budget, depth + 1) for item in items]
    given = [name for name in _GROUPS if parts[name]]
    negated: list[Filter] = [Not(clause) for clause in parts["must_not"]]
    if given == ["should"]:
        return Or(tuple(parts["should"]))
    if given == ["must_not"] and len(negated) == 1:
        return negated[0]
    alternatives = [Or(tuple(parts["should"]))] if parts["should"] else []
    return And((*parts["must"], *alternatives, *negated))


def _condition(record: Mapping[str, Any]) -> Filter:
    known = checked_object(record, "a condition", required=["key"], optional=["match", "range"])
    if ("match" in known) == ("range" in known):
        raise InvalidArgument(
            f"the condition on {known['key']!r} takes one of match and range", field="filter"
        )
    if "range" in known:
        return _range(known["key"], known["range"])
    match = checked_object(known["match"], "match", optional=["value", "any"])
    if len(match) != 1:
        raise InvalidArgument(f"match on {known['key']!r} takes one of value and any", field="filter")
    if "value" in match:
        return Match(known["key"], match["value"])
    return AnyOf(known["key"], match["any"])


def _range(key: str, record: Any) -> Range:
    bounds: dict[str, Any] = {}
    for name, value in checked_object(record, "range", optional=list(_BOUNDS)).items():
        if value is None:
            continue
        side, is_open = _BOUNDS[name]
        if side in bounds:
            raise InvalidArgument(f"range on {key!r} has two bounds on one side; give one", field="filter")
        bounds |= {side: value, f"{side}_open": is_open}
    return Range(key, **bounds)
