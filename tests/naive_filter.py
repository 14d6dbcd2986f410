"""The meaning of filters, one payload at a time, and random filters and payloads that exercise it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from vicinal.engine.filters.areas import EARTH_RADIUS, Area, Box, Circle, Corner, Polygon
from vicinal.engine.filters.expression import (
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
from vicinal.engine.text.words import words

FIELDS = {
    "genre": "keyword",
    "maker.city": "keyword",
    "year": "integer",
    "score": "float",
    "seen": "bool",
    "added": "datetime",
    "uid": "uuid",
    "plot": "text",
    "at": "geo",
}

UNDECLARED = (
    "note",
    "maker.size",
    "note[]",
    "note[1]",
    "maker[].size",
    "maker[0].city",
    "maker[]",
    "maker.size[]",
)
"""Fields that no schema of a test indexes: their values may be anything."""

_ABSENT = object()


def holds(
    expression: Filter,
    payload: dict[str, Any],
    point_id: int | str,
    fields: Mapping[str, str] = FIELDS,
    vectors: Collection[str] = (),
) -> bool:
    """Whether an unbound expression holds for a point of a collection that indexes ``fields``.

    The point has a vector in each of the fields ``vectors``.
    """
    match expression:
        case And(clauses):
            return all(holds(clause, payload, point_id, fields, vectors) for clause in clauses)
        case Or(clauses):
            return any(holds(clause, payload, point_id, fields, vectors) for clause in clauses)
        case Not(clause):
            return not holds(clause, payload, point_id, fields, vectors)
        case AtLeast(clauses, count):
            return sum(holds(clause, payload, point_id, fields, vectors) for clause in clauses) >= count
        case HasId(ids):
            return point_id in ids
        case HasVector(field):
            return field in vectors
        case Nested(key, clause):
            lists = _places(payload, _steps(key)) if "[" in key else [_find(payload, key)]
            elements = [element for each in lists if isinstance(each, list) for element in each]
            return any(isinstance(each, dict) and holds(clause, each, "", {}) for each in elements)
    assert isinstance(
        expression, Match | AnyOf | Except | Range | IsNull | Exists | ValuesCount | TextMatch | InArea
    )
    if "[" in expression.key:
        return _holds_at(expression, _places(payload, _steps(expression.key)), fields)
    found = _find(payload, expression.key)
    if isinstance(expression, Exists):
        return found is not _ABSENT
    items = [] if found is _ABSENT else found if isinstance(found, list) else [found]
    if isinstance(expression, IsNull):
        return None in items
    if isinstance(expression, ValuesCount):
        count = 0 if found is None else len(items)
        return expression.least <= count and (expression.most is None or count <= expression.most)
    if isinstance(expression, InArea):
        points = [(item["lat"], item["lon"]) for item in items if isinstance(item, dict) and "lon" in item]
        return any(_lies_in(lat, lon, expression.area) for lat, lon in points)
    if isinstance(expression, TextMatch):
        return any(_reads(item, expression.how, expression.text) for item in items if isinstance(item, str))
    kind = fields.get(expression.key)
    if isinstance(expression, Except):
        return any(
            item is not None and not any(_equal(item, value, kind) for value in expression.values)
            for item in items
        )
    match expression:
        case Match(_, value):
            wanted: tuple[Any, ...] = (value,)
        case AnyOf(_, wanted):
            pass
        case Range():
            return any(_within(item, expression, kind) for item in items if item is not None)
    return any(_equal(item, value, kind) for item in items if item is not None for value in wanted)


def _lies_in(lat: int, lon: int, area: Area) -> bool:
    match area:
        case Box((top, left), (bottom, right)):
            wide = range(int(left) + 1, int(right if left <= right else right + 360))
            return bottom < lat < top and (lon in wide or lon + 360 in wide)
        case Circle(center, radius):
            chord = float(np.linalg.norm(_on_sphere(lat, lon) - _on_sphere(*center)))
            return 2 * EARTH_RADIUS * float(np.arcsin(min(1.0, chord / 2))) < radius
        case Polygon(corners, holes):
            return _winds(lat, lon, corners) == "inside" and all(
                _winds(lat, lon, hole) == "outside" for hole in holes
            )


def _on_sphere(lat: float, lon: float) -> NDArray[np.float64]:
    a, b = np.radians(lat), np.radians(lon)
    return np.array([np.cos(a) * np.cos(b), np.cos(a) * np.sin(b), np.sin(a)])


def _winds(lat: int, lon: int, ring: tuple[Corner, ...]) -> str:
    """Return where a point is by the parity of edges east of it; all numbers are whole, so exactly."""
    crossed = 0
    for (y0, x0), (y1, x1) in zip(ring, ring[1:] + ring[:1], strict=True):
        turn = (x1 - x0) * (lat - y0) - (y1 - y0) * (lon - x0)
        if turn == 0 and min(x0, x1) <= lon <= max(x0, x1) and min(y0, y1) <= lat <= max(y0, y1):
            return "edge"
        if (y0 > lat) != (y1 > lat):
            crossed += (turn > 0) == (y1 > y0)
    return "inside" if crossed % 2 else "outside"


def _reads(item: str, how: str, text: str) -> bool:
    if how == "prefix":
        return item[: len(text)] == text
    if how == "like":
        return _looks(item, text)
    there, asked = words(item), words(text)
    if how == "phrase":
        return bool(asked) and f" {' '.join(asked)} " in f" {' '.join(there)} "
    shared = set(asked) & set(there)
    return bool(shared) if how == "text_any" else bool(asked) and shared == set(asked)


@lru_cache(1 << 16)
def _looks(item: str, pattern: str) -> bool:
    if not pattern:
        return not item
    if pattern[0] == "%":
        return _looks(item, pattern[1:]) or (bool(item) and _looks(item[1:], pattern))
    if not item:
        return False
    if pattern[0] == "_":
        return _looks(item[1:], pattern[1:])
    first, rest = (
        (pattern[1], pattern[2:]) if pattern[0] == "\\" and len(pattern) > 1 else (pattern[0], pattern[1:])
    )
    return item[0] == first and _looks(item[1:], rest)


def _holds_at(expression: Any, places: list[Any], fields: Mapping[str, str]) -> bool:
    """Whether an expression about a path with brackets holds, of what stands at its places."""
    if isinstance(expression, Exists):
        return bool(places)
    # What a comparison says of one place it says of a field that has the value.
    same = replace(expression, key="at")
    return any(holds(same, {"at": place}, "", {}) for place in places) or (
        isinstance(expression, ValuesCount) and not places and holds(same, {}, "", {})
    )


def _steps(key: str) -> list[str]:
    return key.replace("[", ".[").split(".")


def _places(value: Any, steps: list[str]) -> list[Any]:
    if not steps:
        return [value]
    step, *rest = steps
    if step == "[]":
        return [place for item in value for place in _places(item, rest)] if isinstance(value, list) else []
    if step.startswith("["):
        at = int(step.strip("[]"))
        return _places(value[at], rest) if isinstance(value, list) and at < len(value) else []
    if isinstance(value, list):
        return [place for item in value for place in _places(item, steps) if isinstance(item, dict | list)]
    return _places(value[step], rest) if isinstance(value, dict) and step in value else []


def _equal(item: Any, value: Any, kind: str | None) -> bool:
    if kind == "datetime":
        return _moment(item) == _moment(value)
    if kind == "uuid":
        return UUID(item) == UUID(value)
    return _sort(item) == _sort(value) != "none" and item == value


def _within(item: Any, expression: Range, kind: str | None) -> bool:
    lo, hi = expression.lo, expression.hi
    bound = lo if hi is None else hi
    if _sort(item) != _sort(bound):
        return False
    if kind == "datetime" or isinstance(bound, str):
        item, lo, hi = _moment(item), *(None if one is None else _moment(one) for one in (lo, hi))
        if item is None:
            return False
    above = lo is None or (item > lo if expression.lo_open else item >= lo)
    below = hi is None or (item < hi if expression.hi_open else item <= hi)
    return above and below


def _sort(value: Any) -> str:
    """Name what a value is compared with: its own sort; nothing is compared with objects and lists."""
    if isinstance(value, bool | str):
        return type(value).__name__
    return "number" if isinstance(value, int | float) else "none"


def _moment(value: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def values_at(payload: dict[str, Any], key: str) -> list[Any]:
    """Return every value that a payload has in a field, by a path with or without brackets."""
    places = _places(payload, _steps(key)) if "[" in key else [_find(payload, key)]
    found = [place for place in places if place is not _ABSENT]
    return [item for place in found for item in (place if isinstance(place, list) else [place])]


def _find(value: Any, key: str) -> Any:
    if not key:
        return value
    part, _, rest = key.partition(".")
    if isinstance(value, dict):
        return _find(value[part], rest) if part in value else _ABSENT
    if not isinstance(value, list):
        return _ABSENT
    found = [item for item in (_find(element, key) for element in value) if item is not _ABSENT]
    joined = [item for each in found for item in (each if isinstance(each, list) else [each])]
    return joined if found else _ABSENT


_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "keyword": st.sampled_from(["", "a", "b", "é", "x" * 255, "x" * 256, "é" * 200]),
    "integer": st.integers(-3, 3) | st.sampled_from([-(2**63), 2**63 - 1]),
    "float": st.sampled_from([-1.5, -0.0, 0.0, 0.5, 1e300]) | st.integers(-2, 2),
    "bool": st.booleans(),
    "datetime": st.sampled_from(
        [
            "2024-05-01",
            "2024-05-01T00:00:00Z",
            "2024-05-01T02:00:00+02:00",
            "2024-05-01T00:00:00.000001",
            "0001-01-01T00:00:00+14:00",
            "9999-12-31T23:59:59-14:00",
        ]
    ),
    "geo": st.deferred(lambda: _points),
    "text": st.deferred(lambda: _TEXTS),
    "uuid": st.sampled_from(
        [
            "00000000-0000-0000-0000-000000000000",
            "01000000-0000-0000-0000-000000000000",
            "{FFFFFFFF-ffff-ffff-ffff-ffffffffffff}",
            "ffffffffffffffffffffffffffffffff",
            "urn:uuid:6ba7b810-9dad-11d1-80b4-00c04fd430c8",
            "6BA7B810-9DAD-11D1-80B4-00C04FD430C8",
        ]
    ),
}
_NUMBERS = st.integers(-2, 2) | st.sampled_from(
    [-0.0, 1.0, 1.5, 1e300, 2**53, 2**53 + 1, 2.0**53, 2**63 - 1, 2**63, 2.0**63, 2**64 - 1, -(2**63)]
)
_PIECES = st.sampled_from(["a", "A", "b", "ab", "é", "e\u0301", "東京", "_", " ", ", ", "-", "1"])
_TEXTS = st.lists(_PIECES, max_size=6).map("".join)
_PATTERNS = st.lists(_PIECES | st.sampled_from(["%", "%", "_", "\\"]), max_size=6).map("".join)
_ANY_VALUE: st.SearchStrategy[Any] = (
    _TEXTS
    | _NUMBERS
    | st.booleans()
    | _VALUES["datetime"]
    | st.sampled_from(["", "1", "true", "a", "é" * 200])
)
_WIDE_NUMBERS = _NUMBERS | st.sampled_from([10**400, -(10**400), 1e308, 2**64, -(2**63) - 1, 0.5])
_BOUNDS: dict[str, st.SearchStrategy[Any]] = {
    "integer": _VALUES["integer"] | st.floats(-4, 4) | st.sampled_from([10**30, -(10**30), 1e30]),
    "float": _VALUES["float"],
    "datetime": _VALUES["datetime"],
}


def _field_values(kind: str) -> st.SearchStrategy[Any]:
    value = _VALUES[kind]
    return value | st.none() | st.lists(value | st.none(), max_size=3)


_points = st.fixed_dictionaries({"lat": st.integers(-4, 4), "lon": st.integers(-4, 4)})
_anything: st.SearchStrategy[Any] = (
    _ANY_VALUE
    | st.none()
    | st.lists(_ANY_VALUE | st.none() | (st.sampled_from([[1], {"a": 1}]) | _points), max_size=3)
)
_members = st.fixed_dictionaries({}, optional={"city": _field_values("keyword"), "size": _anything})
_makers: st.SearchStrategy[Any] = st.recursive(
    st.just("a") | st.none() | _members,
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=2,
)


@st.composite
def payloads(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a payload in which every field may be missing, null, a value or a list."""
    payload: dict[str, Any] = {}
    for key, kind in FIELDS.items():
        if draw(st.booleans()):
            *parents, last = key.split(".")
            inner = payload
            for parent in parents:
                inner = inner.setdefault(parent, {})
            inner[last] = draw(_field_values(kind))
    if draw(st.booleans()):
        payload["note"] = draw(
            _anything | st.sampled_from([{}, {"a": 1}, {"lat": 1}, {"lat": 91, "lon": 0}]) | _points
        )
    if draw(st.booleans()):
        payload.setdefault("maker", {})["size"] = draw(_anything)
    if draw(st.integers(0, 3)) == 0:
        payload["maker"] = draw(st.sampled_from([None, "a", {}, []]) | st.lists(_makers, max_size=3))
    return payload


@st.composite
def _leaves(draw: st.DrawFn) -> Filter:
    key = draw(st.sampled_from([*sorted(FIELDS), *UNDECLARED]))
    if key in UNDECLARED:
        return draw(_undeclared_leaves(key))
    kind = FIELDS[key]
    shapes = ["match", "any", "except", "null", "exists", "count", "id", "text"] + ["range"] * 2 * (
        kind in _BOUNDS
    )
    if kind == "geo":
        shapes = ["null", "exists", "count", "id", "text", *["area"] * 4]
    match draw(st.sampled_from(shapes)):
        case "match":
            return Match(key, draw(_VALUES[kind]))
        case "any":
            return AnyOf(key, tuple(draw(st.lists(_VALUES[kind], max_size=3))))
        case "except":
            return Except(key, tuple(draw(st.lists(_VALUES[kind], max_size=3))))
        case "null":
            return IsNull(key)
        case "exists":
            return Exists(key)
        case "count":
            return draw(_counts(key))
        case "text":
            return draw(_text_matches(key))
        case "area":
            return InArea(key, draw(_areas))
        case "id":
            return HasId(tuple(draw(st.lists(st.integers(0, 9) | st.sampled_from(["p1", "p3"]), max_size=4))))
    return draw(_ranges(key, _BOUNDS[kind]))


@st.composite
def _undeclared_leaves(draw: st.DrawFn, key: str) -> Filter:
    match draw(
        st.sampled_from(
            ["match", "any", "except", "null", "exists", "count", "numbers", "times", "text", "area"]
        )
    ):
        case "match":
            return Match(key, draw(_ANY_VALUE))
        case "any":
            return AnyOf(key, tuple(draw(st.lists(_ANY_VALUE, max_size=4))))
        case "except":
            return Except(key, tuple(draw(st.lists(_ANY_VALUE, max_size=4))))
        case "null":
            return IsNull(key)
        case "exists":
            return Exists(key)
        case "count":
            return draw(_counts(key))
        case "text":
            return draw(_text_matches(key))
        case "area":
            return InArea(key, draw(_areas))
        case "numbers":
            return draw(_ranges(key, _WIDE_NUMBERS))
    return draw(_ranges(key, _VALUES["datetime"]))


def _words(key: str) -> st.SearchStrategy[Filter]:
    some = st.lists(_VALUES["keyword"], max_size=3).map(tuple)
    which = st.just(key)
    return (
        st.builds(Match, which, _VALUES["keyword"])
        | st.builds(AnyOf, which, some)
        | st.builds(Except, which, some)
    )


def _open_length(ring: list[Corner]) -> int:
    """Return how many corners a ring has that does not say the first once more at its end."""
    length = len(ring)
    while length > 1 and ring[0] == ring[length - 1]:
        length -= 1
    return length


_degrees = st.integers(-3, 3)
_corners = st.tuples(_degrees, _degrees)
_rings = st.lists(_corners, min_size=3, max_size=5).filter(lambda ring: _open_length(ring) >= 3)
_areas: st.SearchStrategy[Area] = st.one_of(
    st.builds(Box, _corners, _corners),
    st.builds(Circle, _corners, st.sampled_from([0, 1.2e5, 2e5, 5e5, 3e7])),
    st.builds(Polygon, _rings.map(tuple), st.lists(_rings.map(tuple), max_size=1).map(tuple)),
)


def _text_matches(key: str) -> st.SearchStrategy[Filter]:
    how = st.sampled_from(TEXT_MATCHES)
    return st.builds(TextMatch, st.just(key), how, _TEXTS) | st.builds(
        TextMatch, st.just(key), st.just("like"), _PATTERNS
    )


def _counts(key: str) -> st.SearchStrategy[Filter]:
    bounds = st.integers(-1, 4) | st.just(10**30)
    return st.builds(ValuesCount, st.just(key), bounds, st.none() | bounds)


@st.composite
def _ranges(draw: st.DrawFn, key: str, bounds: st.SearchStrategy[Any]) -> Range:
    lo, hi = draw(st.tuples(bounds, bounds))
    side = draw(st.sampled_from(["lo", "hi", "both"]))
    return Range(
        key,
        None if side == "hi" else lo,
        side != "hi" and draw(st.booleans()),
        None if side == "lo" else hi,
        side != "lo" and draw(st.booleans()),
    )


_of_elements = st.recursive(
    _words("city") | st.sampled_from(["size", "size[]"]).flatmap(_undeclared_leaves),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda clauses: And(tuple(clauses)))
        | st.lists(inner, min_size=1, max_size=2).map(lambda clauses: Or(tuple(clauses)))
        | st.builds(AtLeast, st.lists(inner, max_size=3).map(tuple), st.integers(1, 2))
        | inner.map(Not)
    ),
    max_leaves=3,
)
filters: st.SearchStrategy[Filter] = st.recursive(
    _leaves() | st.builds(Nested, st.sampled_from(["maker", "note", "maker[].size"]), _of_elements),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda clauses: And(tuple(clauses)))
        | st.lists(inner, min_size=1, max_size=3).map(lambda clauses: Or(tuple(clauses)))
        | st.builds(AtLeast, st.lists(inner, max_size=5).map(tuple), st.integers(1, 5))
        | inner.map(Not)
    ),
    max_leaves=6,
)
"""Random expressions over :data:`FIELDS` and :data:`UNDECLARED`."""
