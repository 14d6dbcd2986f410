"""The meaning of filters, one payload at a time, and random filters and payloads that exercise it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from vicinal.engine.filters.expression import And, AnyOf, Exists, Filter, HasId, IsNull, Match, Not, Or, Range

FIELDS = {
    "genre": "keyword",
    "maker.city": "keyword",
    "year": "integer",
    "score": "float",
    "seen": "bool",
    "added": "datetime",
}

_ABSENT = object()


def holds(expression: Filter, payload: dict[str, Any], point_id: int | str) -> bool:
    """Whether an unbound expression holds for one point."""
    match expression:
        case And(clauses):
            return all(holds(clause, payload, point_id) for clause in clauses)
        case Or(clauses):
            return any(holds(clause, payload, point_id) for clause in clauses)
        case Not(clause):
            return not holds(clause, payload, point_id)
        case HasId(ids):
            return point_id in ids
    assert isinstance(expression, Match | AnyOf | Range | IsNull | Exists)
    found = _find(payload, expression.key)
    if isinstance(expression, Exists):
        return found is not _ABSENT
    items = [] if found is _ABSENT else found if isinstance(found, list) else [found]
    if isinstance(expression, IsNull):
        return None in items
    values = [_plain(item, expression.key) for item in items if item is not None]
    match expression:
        case Match(key, value):
            return _plain(value, key) in values
        case AnyOf(key, wanted):
            return any(_plain(value, key) in values for value in wanted)
    return any(_within(value, expression) for value in values)


def _within(value: Any, expression: Range) -> bool:
    lo = None if expression.lo is None else _plain(expression.lo, expression.key)
    hi = None if expression.hi is None else _plain(expression.hi, expression.key)
    above = lo is None or (value > lo if expression.lo_open else value >= lo)
    below = hi is None or (value < hi if expression.hi_open else value <= hi)
    return above and below


def _plain(value: Any, key: str) -> Any:
    if FIELDS.get(key) != "datetime":
        return value
    moment = datetime.fromisoformat(value)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


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
}
_BOUNDS: dict[str, st.SearchStrategy[Any]] = {
    "integer": _VALUES["integer"] | st.floats(-4, 4) | st.sampled_from([10**30, -(10**30), 1e30]),
    "float": _VALUES["float"],
    "datetime": _VALUES["datetime"],
}


def _field_values(kind: str) -> st.SearchStrategy[Any]:
    value = _VALUES[kind]
    return value | st.none() | st.lists(value | st.none(), max_size=3)


_makers: st.SearchStrategy[Any] = st.recursive(
    st.just("a") | st.none() | st.fixed_dictionaries({}, optional={"city": _field_values("keyword")}),
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
    if draw(st.integers(0, 9)) == 0:
        payload["maker"] = draw(st.sampled_from([None, "a", {}, []]) | st.lists(_makers, max_size=3))
    return payload


@st.composite
def _leaves(draw: st.DrawFn) -> Filter:
    key = draw(st.sampled_from(sorted(FIELDS)))
    kind = FIELDS[key]
    shapes = ["match", "any", "null", "exists", "id"] + ["range"] * 2 * (kind in _BOUNDS)
    match draw(st.sampled_from(shapes)):
        case "match":
            return Match(key, draw(_VALUES[kind]))
        case "any":
            return AnyOf(key, tuple(draw(st.lists(_VALUES[kind], max_size=3))))
        case "null":
            return IsNull(key)
        case "exists":
            return Exists(key)
        case "id":
            return HasId(tuple(draw(st.lists(st.integers(0, 9) | st.sampled_from(["p1", "p3"]), max_size=4))))
    lo, hi = draw(st.tuples(_BOUNDS[kind], _BOUNDS[kind]))
    side = draw(st.sampled_from(["lo", "hi", "both"]))
    return Range(
        key,
        None if side == "hi" else lo,
        side != "hi" and draw(st.booleans()),
        None if side == "lo" else hi,
        side != "lo" and draw(st.booleans()),
    )


filters: st.SearchStrategy[Filter] = st.recursive(
    _leaves(),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda clauses: And(tuple(clauses)))
        | st.lists(inner, min_size=1, max_size=3).map(lambda clauses: Or(tuple(clauses)))
        | inner.map(Not)
    ),
    max_leaves=6,
)
"""Random expressions over :data:`FIELDS`."""
