"""Filters as JSON, in the form Qdrant gives them.

::

    place      {"lat": 52.5, "lon": 13.4}          ring  {"points": [place ...]}
    filter     {"must": [filter ...], "should": [filter ...], "must_not": [filter ...],
                "min_should": {"conditions": [filter ...], "min_count": 2}}               or one condition
    condition  {"key": "year", "match": {"value": 1990}}      or {"any": [1990, 1991]}, {"except": [1990]}
               {"key": "plot", "match": {"text": "lost city"}}      or text_any, phrase, prefix
               {"key": "year", "range": {"gte": 1990, "lt": 2000}}                 gt, gte, lt, lte
               {"key": "tags", "values_count": {"gte": 2}}                         the same, whole numbers
               {"is_empty": {"key": "tags"}}                     missing, null or []
               {"key": "at", "geo_bounding_box": {"top_left": place, "bottom_right": place}}
               {"key": "at", "geo_radius": {"center": place, "radius": 1000.0}}         in metres
               {"key": "at", "geo_polygon": {"exterior": ring, "interiors": [ring ...]}}
               {"is_null": {"key": "year"}}    {"exists": {"key": "year"}}    {"has_id": [1, "a"]}
               {"has_vector": "plot"}
               {"nested": {"key": "cast", "filter": filter}}             one element satisfies all of it

An empty ``must``, ``should`` or ``must_not`` constrains nothing: ``{}`` and ``{"should": []}`` hold for every
point, as in Qdrant. Searching, counting and scrolling take them; a delete or an update of payloads by such a
filter is refused. Any other key is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ...errors import InvalidArgument
from ...schema.strict_json import checked_object
from ..areas import Area, Box, Circle, Corner, Polygon
from ..expression import (
    TEXT_MATCHES,
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
)
from ..field import F
from ..limits import FilterBudget

_GROUPS = ("must", "should", "must_not")
_STATES = {"is_null": F.is_null, "exists": F.exists, "is_empty": F.is_empty}
_BOUNDS = {"gt": ("lo", True), "gte": ("lo", False), "lt": ("hi", True), "lte": ("hi", False)}


def filter_to_json(expression: Filter) -> dict[str, Any]:
    """Return ``expression`` as a JSON object; :func:`filter_from_json` is its inverse.

    Raises
    ------
    InvalidArgument
        When it is no filter.
    LimitExceeded
        When it is nested too deeply or has too many parts.
    """
    if not isinstance(expression, Filter):
        raise InvalidArgument(
            f"expression is {expression!r:.80}; pass a filter, as F('n') > 1", field="expression"
        )
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
        case AtLeast(clauses, count):
            conditions = [_to_json(clause, budget, depth + 1) for clause in clauses]
            return {"min_should": {"conditions": conditions, "min_count": count}}
        case InArea(key, area):
            return {"key": key, **_area_to_json(area)}
        case TextMatch(key, how, text):
            return {"key": key, "match": {how: text}}
        case Nested(key, clause):
            return {"nested": {"key": key, "filter": _to_json(clause, budget, depth + 1)}}
        case Match(key, value):
            return {"key": key, "match": {"value": value}}
        case AnyOf(key, values):
            return {"key": key, "match": {"any": list(values)}}
        case Except(key, values):
            return {"key": key, "match": {"except": list(values)}}
        case ValuesCount(key, least, most):
            bounds = {"gte": least} if most is None else {"gte": least, "lte": most}
            return {"key": key, "values_count": bounds}
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


def _area_to_json(area: Area) -> dict[str, Any]:
    match area:
        case Box(top_left, bottom_right):
            corners = {"top_left": _place(top_left), "bottom_right": _place(bottom_right)}
            return {"geo_bounding_box": corners}
        case Circle(center, radius):
            return {"geo_radius": {"center": _place(center), "radius": radius}}
        case Polygon(corners, holes):
            exterior, *interiors = ({"points": list(map(_place, ring))} for ring in (corners, *holes))
            return {"geo_polygon": {"exterior": exterior, "interiors": interiors}}


def _place(corner: Corner) -> dict[str, float]:
    return {"lat": corner[0], "lon": corner[1]}


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
    if "nested" in record:
        inner = checked_object(record, "a filter", required=["nested"])["nested"]
        nested = checked_object(inner, "nested", required=["key", "filter"])
        return Nested(nested["key"], _from_json(nested["filter"], budget, depth + 1))
    for name, method in _STATES.items():
        if name in record:
            inner = checked_object(record, "a filter", required=[name])[name]
            return method(F(checked_object(inner, name, required=["key"])["key"]))
    return _group(checked_object(record, "a filter", optional=[*_GROUPS, "min_should"]), budget, depth)


def _group(record: Mapping[str, Any], budget: FilterBudget, depth: int) -> Filter:
    parts: dict[str, list[Filter]] = {}
    for name in _GROUPS:
        parts[name] = _filters(record.get(name, []), name, budget, depth)
    given = [name for name in _GROUPS if parts[name]]
    negated: list[Filter] = [Not(clause) for clause in parts["must_not"]]
    required = parts["must"]
    if "min_should" in record:
        required.append(_min_should(record["min_should"], budget, depth))
        if not given:
            return required[0]
    elif given == ["should"]:
        return Or(tuple(parts["should"]))
    elif given == ["must_not"] and len(negated) == 1:
        return negated[0]
    alternatives = [Or(tuple(parts["should"]))] if parts["should"] else []
    return And((*required, *alternatives, *negated))


def _min_should(record: Any, budget: FilterBudget, depth: int) -> Filter:
    known = checked_object(record, "min_should", required=["conditions", "min_count"])
    conditions = _filters(known["conditions"], "conditions", budget, depth)
    return AtLeast(tuple(conditions), known["min_count"])


def _filters(value: Any, name: str, budget: FilterBudget, depth: int) -> list[Filter]:
    # Qdrant takes a single condition in the place of a list of one.
    items = [value] if isinstance(value, Mapping) else value
    if not isinstance(items, list | tuple):
        raise InvalidArgument(f"{name} is {value!r:.80}; expected a list of filters", field="filter")
    return [_from_json(item, budget, depth + 1) for item in items]


def _condition(record: Mapping[str, Any]) -> Filter:
    known = checked_object(record, "a condition", required=["key"], optional=_READERS)
    given = [name for name in _READERS if name in known]
    if len(given) != 1:
        raise InvalidArgument(
            f"the condition on {known['key']!r} takes one of {', '.join(_READERS)}", field="filter"
        )
    return _READERS[given[0]](known["key"], known[given[0]])


def _match(key: str, record: Any) -> Filter:
    known = checked_object(record, "match", optional=_MATCHES)
    if len(known) != 1:
        raise InvalidArgument(f"match on {key!r} takes one of {', '.join(_MATCHES)}", field="filter")
    name, value = next(iter(known.items()))
    return _MATCHES[name](key, value)


def _text_match(how: str, key: str, text: Any) -> TextMatch:
    return TextMatch(key, how, text)


def _range(key: str, record: Any) -> Range:
    return Range(key, **_sides(key, "range", record))


def _geo_bounding_box(key: str, record: Any) -> InArea:
    known = checked_object(record, "geo_bounding_box", required=["top_left", "bottom_right"])
    return InArea(key, Box(_corner(known["top_left"]), _corner(known["bottom_right"])))


def _geo_radius(key: str, record: Any) -> InArea:
    known = checked_object(record, "geo_radius", required=["center", "radius"])
    return InArea(key, Circle(_corner(known["center"]), known["radius"]))


def _geo_polygon(key: str, record: Any) -> InArea:
    known = checked_object(record, "geo_polygon", required=["exterior"], optional=["interiors"])
    interiors = known.get("interiors") or []
    if not isinstance(interiors, list | tuple):
        raise InvalidArgument(f"interiors are {interiors!r:.80}; expected a list of rings", field="filter")
    return InArea(key, Polygon(_ring(known["exterior"]), tuple(map(_ring, interiors))))


def _ring(record: Any) -> tuple[Corner, ...]:
    points = checked_object(record, "a ring", required=["points"])["points"]
    if not isinstance(points, list | tuple):
        raise InvalidArgument(f"points are {points!r:.80}; expected a list of places", field="filter")
    return tuple(map(_corner, points))


def _corner(record: Any) -> Corner:
    known = checked_object(record, "a place", required=["lat", "lon"])
    return known["lat"], known["lon"]


def _values_count(key: str, record: Any) -> ValuesCount:
    sides = _sides(key, "values_count", record)
    least, most = sides.get("lo", 0), sides.get("hi")
    for bound in least, most:
        if bound is not None and type(bound) is not int:
            message = f"values_count on {key!r} has the bound {bound!r:.80}; expected a whole number"
            raise InvalidArgument(message, field="filter")
    least += sides.get("lo_open", False)
    return ValuesCount(key, least, None if most is None else most - sides.get("hi_open", False))


def _sides(key: str, name: str, record: Any) -> dict[str, Any]:
    """Return the bounds of a range as ``Range`` takes them."""
    sides: dict[str, Any] = {}
    for bound, value in checked_object(record, name, optional=list(_BOUNDS)).items():
        if value is None:
            continue
        side, is_open = _BOUNDS[bound]
        if side in sides:
            raise InvalidArgument(f"{name} on {key!r} has two bounds on one side; give one", field="filter")
        sides |= {side: value, f"{side}_open": is_open}
    return sides


_READERS: dict[str, Callable[[str, Any], Filter]] = {
    "match": _match,
    "range": _range,
    "values_count": _values_count,
    "geo_bounding_box": _geo_bounding_box,
    "geo_radius": _geo_radius,
    "geo_polygon": _geo_polygon,
}
_MATCHES: dict[str, Callable[[str, Any], Filter]] = {
    "value": Match,
    "any": AnyOf,
    "except": Except,
    **{how: partial(_text_match, how) for how in TEXT_MATCHES},
}
