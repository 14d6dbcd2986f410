"""Filters as strings: what they mean, and where they are wrong."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from naive_filter import filters

import vicinal
from vicinal.engine.errors import InvalidArgument, LimitExceeded
from vicinal.engine.filters.areas import Box, Circle, Polygon
from vicinal.engine.filters.expression import (
    And,
    AnyOf,
    AtLeast,
    Except,
    Exists,
    Filter,
    HasId,
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
from vicinal.engine.filters.field import F, at_least, has_id, has_vector
from vicinal.engine.filters.notations.strings import MAX_LENGTH, filter_from_string

A, B, C = F("a") == 1, F("b") == 2, F("c") == 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "year >= 1990 AND genre IN ('a','b') AND NOT plot IS NULL",
            And((F("year") >= 1990, F("genre").is_in(["a", "b"]), ~F("plot").is_null())),
        ),
        ("a = 1 OR b = 2 AND c = 3", A | (B & C)),
        ("(a = 1 or b = 2) and c = 3", (A | B) & C),
        ("NOT a = 1 AND b = 2", ~A & B),
        ("not (a = 1 and b = 2)", ~(A & B)),
        ("a == 1", A),
        ("a != 1", ~A),
        ("a<>1", ~A),
        ("a<1", F("a") < 1),
        ("a <= -1.5e3", F("a") <= -1500.0),
        ("a>.5", F("a") > 0.5),
        ("added >= '2024-05-01T00:00:00Z'", F("added") >= "2024-05-01T00:00:00Z"),
        ("seen = TRUE or seen = false", (F("seen") == True) | (F("seen") == False)),  # noqa: E712
        ("name = 'it''s'", F("name") == "it's"),
        ("name = 'AND'", F("name") == "AND"),
        ("a BETWEEN 1 AND 2 AND b = 2", F("a").between(1, 2) & B),
        ("a not between 1 and 2", ~F("a").between(1, 2)),
        ("a NOT IN (1)", ~F("a").is_in([1])),
        ("a in [1, 2]", F("a").is_in([1, 2])),
        ("name LIKE 'x%'", F("name").prefix("x")),
        ("name LIKE '%x%'", F("name").like("%x%")),
        ("name LIKE 'a_c%'", F("name").like("a_c%")),
        (r"name NOT LIKE '100\%%'", ~F("name").like(r"100\%%")),
        ("name NOT LIKE '%'", ~F("name").prefix("")),
        ("name LIKE 'x'", F("name") == "x"),
        ("a IS NOT NULL", ~F("a").is_null()),
        ("a IS EMPTY", F("a").is_empty()),
        ("a IS NOT EMPTY", ~F("a").is_empty()),
        ("a IS MISSING", ~F("a").exists()),
        ("a is not missing", F("a").exists()),
        ("maker.city = 'x' AND cast[].name = 'y' AND cast[0].a-b = 'z'",
         (F("maker.city") == "x") & (F("cast[].name") == "y") & (F("cast[0].a-b") == "z")),
        ('"in" = 1 AND "2nd" = 2', (F("in") == 1) & (F("2nd") == 2)),
        ("array_contains(tags, 'a')", F("tags") == "a"),
        ("values_count(tags) >= 2", F("tags").values_count(gte=2)),
        ("values_count(tags) != 2", ~F("tags").values_count(gte=2, lte=2)),
        ("VALUES_COUNT(tags) < 2", F("tags").values_count(lte=1)),
        ("any_except(tags, 'a', 'b')", F("tags").any_except(["a", "b"])),
        ("exists(a) AND has_id(1, 'x') AND has_vector('plot')",
         F("a").exists() & has_id([1, "x"]) & has_vector("plot")),
        ("at_least(2, a = 1, b = 2, c = 3)", at_least(2, [A, B, C])),
        ("nested(cast, a = 1 AND NOT b = 2)", F("cast").nested(A & ~B)),
        ("text(plot, 'lost city')", F("plot").text("lost city")),
        ("text_any(plot, 'x') OR phrase(plot, 'y') OR prefix(plot, 'z')",
         F("plot").text_any("x") | F("plot").phrase("y") | F("plot").prefix("z")),
        ("geo_radius(at, 52.5, 13, 1000) OR geo_box(at, 50, -1.5, 40, 1)",
         F("at").geo_radius((52.5, 13), 1000) | F("at").geo_box((50, -1.5), (40, 1))),
        ("geo_polygon(at, 0, 0, 0, 9, 9, 9)", F("at").geo_polygon([(0, 0), (0, 9), (9, 9), (0, 0)])),
        (" a\n=\t1\n", A),
    ],
)  # fmt: skip
def test_strings_mean_what_they_say(text: str, expected: Filter) -> None:
    assert filter_from_string(text) == expected


@pytest.mark.parametrize(
    ("text", "message", "at"),
    [
        ("", "has its end where a path, a function, NOT or ( is expected", 0),
        ("year >= 1990 AND AND x = 1", "has 'AND' where a path", 17),
        ("year >= ", "has its end where a value: 'text', a number, TRUE or FALSE is expected", 8),
        ("year >= x", "has 'x' where a value", 8),
        ("year 1990", "has '1990' where a comparison, IN, BETWEEN, LIKE or IS is expected", 5),
        ("year = NULL", "has 'NULL' where a value", 7),
        ("year = 1 x = 2", "has 'x' where AND, OR or the end is expected", 9),
        ("(year = 1", "has its end where ) is expected", 9),
        ("year = 1)", "has ')' where AND, OR or the end", 8),
        ("year IN 1", "has '1' where ( is expected", 8),
        ("year IN ()", "has ')' where a value", 9),
        ("year IN (1]", "has ']' where ) is expected", 10),
        ("year IS 1", "has '1' where NULL, EMPTY or MISSING is expected", 8),
        ("year BETWEEN 1 OR 2", "has 'OR' where AND is expected", 15),
        ("name LIKE 3", "where a text in '...', in which % is any characters and _ is one", 10),
        ("name = 'x", 'has "\'" where a value', 7),
        ("a & b", "has '&' where a comparison", 2),
        ("upper(a) = 1", "has 'upper' where one of the functions any_except, array_contains, at_least", 0),
        ("values_count(a) = 1.5", "has '1.5' where a whole number is expected", 18),
        ("values_count(a)", "has its end where a comparison is expected", 15),
        ("at_least(0, a = 1)", "at least 0 clauses are to hold", 0),
        ("text(a, 3)", "has '3' where a text in '...' is expected", 8),
        ("geo_radius(at, 91, 0, 1)", "center's lat is 91; expected a number from -90 to 90", 0),
        ("geo_polygon(at, 0, 0, 0, 9, 9)", "a corner is [9]; expected a latitude and a longitude", 0),
        ("a..b = 1", "a dot stands between two keys", 0),
        ("x = 1 AND a = 1e999", "was compared with inf", 10),
        ("a = " + "1" * 1001, "where a value", 4),
        ("2nd = 1", "has '2' where a path", 0),
    ],
)
def test_errors_show_the_place(text: str, message: str, at: int) -> None:
    with pytest.raises(InvalidArgument, match=re.escape(message)) as caught:
        filter_from_string(text)
    said, shown, caret = str(caught.value).rsplit("\n", 2)
    assert said.endswith(f"at character {at + 1}:")
    assert text[at : at + 5] == shown[len(caret) - 1 :][:5]
    assert caught.value.field == "filter"


def test_the_place_in_a_long_string_is_shown_without_the_rest() -> None:
    text = " AND ".join(["a = 1"] * 1000) + " AND\nb ? 2" + " AND a = 1" * 1000
    with pytest.raises(InvalidArgument, match=r"has '\?'") as caught:
        filter_from_string(text)
    _, shown, caret = str(caught.value).rsplit("\n", 2)
    assert shown[len(caret) - 1] == "?"
    assert len(shown) < 110


def test_strings_have_limits() -> None:
    for text in "(" * 50 + "a = 1" + ")" * 50, "NOT " * 10_000 + "a = 1", "a = 1 " + " " * MAX_LENGTH:
        with pytest.raises(LimitExceeded):
            filter_from_string(text)
    assert filter_from_string("(" * 16 + "a = 1" + ")" * 16) == A


@given(filters)
def test_what_is_written_is_read(expression: Filter) -> None:
    expression = expressible(expression)
    assert filter_from_string(written(expression)) == expression


def test_strings_are_taken_wherever_filters_are() -> None:
    with vicinal.open(":memory:") as db:
        points = db.create_collection("points", vicinal.Dense(2))
        points.upsert(range(4), [[1, 0]] * 4, [{"n": i} for i in range(4)])
        assert points.count(filter="n >= 2") == 2
        assert sorted(points.search([1, 0], filter="n < 2").ids) == [0, 1]
        assert [point.id for point in points.scroll(filter="n = 3").points] == [3]
        assert points.upsert([3], [[1, 0]], [{"n": 9}], only_if="n < 3").points == 0
        points.update_payload({"n": 7}, filter="n = 3")
        assert points.delete(filter="n = 7") == 1


def expressible(expression: Filter) -> Filter:
    """Return an expression without what strings do not say: nothing, one of one, a range with an open end."""
    match expression:
        case And(clauses) | Or(clauses) if len(clauses) == 1:
            return expressible(clauses[0])
        case And(()):
            return HasId((0,))
        case And(clauses):
            return And(tuple(map(expressible, clauses)))
        case Or(clauses):
            return Or(tuple(map(expressible, clauses)))
        case AtLeast(clauses, count):
            return AtLeast(tuple(map(expressible, clauses)) or (HasId((0,)),), count)
        case Not(clause):
            # Written twice, it is not there.
            return ~expressible(clause)
        case Nested(key, clause):
            return Nested(key, expressible(clause))
        case HasId(()):
            return HasId((0,))
        case AnyOf(key, ()) | Except(key, ()):
            return replace(expression, values=(1,))
        case Range(key, lo, lo_open, hi, hi_open) if None not in (lo, hi) and (lo_open or hi_open):
            return And((Range(key, lo, lo_open), Range(key, hi=hi, hi_open=hi_open)))
        case InArea(key, Polygon(corners, _)):
            return InArea(key, Polygon(corners))
        case TextMatch(key, "like", pattern) if not set(pattern.removesuffix("%")) & set("%_\\"):
            begins = pattern.removesuffix("%")
            return Match(key, begins) if begins == pattern else TextMatch(key, "prefix", begins)
        case ValuesCount(key, least, None):
            return ValuesCount(key, least)
        case ValuesCount(key, _, most):
            return ValuesCount(key, 0, most)
    return expression


def written(expression: Filter) -> str:
    """Return the string of an expression."""
    match expression:
        case And(clauses):
            return f"({' AND '.join(map(written, clauses))})"
        case Or(clauses):
            return f"({' OR '.join(map(written, clauses))})"
        case AtLeast(clauses, count):
            return f"at_least({count}, {', '.join(map(written, clauses))})"
        case Not(clause):
            return f"NOT {written(clause)}"
        case Nested(key, clause):
            return f"nested({key}, {written(clause)})"
        case HasId(ids):
            return f"has_id({', '.join(map(literal, ids))})"
        case Match(key, value):
            return f"{key} = {literal(value)}"
        case AnyOf(key, values):
            return f"{key} IN ({', '.join(map(literal, values))})"
        case Except(key, values):
            return f"any_except({key}, {', '.join(map(literal, values))})"
        case Range(key, None, _, hi, hi_open):
            return f"{key} {'<' if hi_open else '<='} {literal(hi)}"
        case Range(key, lo, lo_open, None, _):
            return f"{key} {'>' if lo_open else '>='} {literal(lo)}"
        case Range(key, lo, _, hi, _):
            return f"{key} BETWEEN {literal(lo)} AND {literal(hi)}"
        case TextMatch(key, "like", pattern):
            return f"{key} LIKE {literal(pattern)}"
        case TextMatch(key, how, text):
            return f"{how}({key}, {literal(text)})"
        case ValuesCount(key, least, None):
            return f"values_count({key}) >= {least}"
        case ValuesCount(key, _, most):
            return f"values_count({key}) <= {most}"
        case IsNull(key):
            return f"{key} IS NULL"
        case InArea(key, Box(corner, other)):
            return f"geo_box({key}, {corner[0]}, {corner[1]}, {other[0]}, {other[1]})"
        case InArea(key, Circle(center, radius)):
            return f"geo_radius({key}, {center[0]}, {center[1]}, {radius})"
        case InArea(key, Polygon(corners)):
            return f"geo_polygon({key}, {', '.join(str(degree) for corner in corners for degree in corner)})"
    assert isinstance(expression, Exists)
    return f"{expression.key} IS NOT MISSING"


def literal(value: object) -> str:
    """Return a value as a string says it."""
    if isinstance(value, bool):
        return str(value).upper()
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else repr(value)
