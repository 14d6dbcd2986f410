from __future__ import annotations

import enum
import re
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from naive_filter import FIELDS

from vicinal.engine.errors import InvalidArgument, LimitExceeded, UnindexedField
from vicinal.engine.filters.binding import bind
from vicinal.engine.filters.conditions.scanned import Scanned
from vicinal.engine.filters.expression import (
    TEXT_MATCHES,
    And,
    AnyOf,
    AtLeast,
    Except,
    Exists,
    Filter,
    HasId,
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
from vicinal.engine.filters.notations.qdrant_json import filter_from_json, filter_to_json
from vicinal.engine.schema.collection_schema import CollectionSchema
from vicinal.engine.schema.sparse_field import Sparse

SCHEMA = CollectionSchema({"words": Sparse()}, FIELDS)
A, B, C = F("genre") == "a", F("genre") == "b", F("genre") == "c"


class Genre(enum.StrEnum):
    A = "a"


def test_operators_build_nodes() -> None:
    assert (F("year") == 1990) == Match("year", 1990)
    assert (F("year") != 1990) == Not(Match("year", 1990))
    assert (F("year") < 1990) == Range("year", hi=1990, hi_open=True)
    assert (F("year") <= 1990) == Range("year", hi=1990)
    assert (F("year") > 1990) == Range("year", lo=1990, lo_open=True)
    assert (F("year") >= 1990) == Range("year", lo=1990)
    assert F("year").between(1, 2) == Range("year", 1, False, 2, False)
    assert F("year").is_in([1, 2]) == AnyOf("year", (1, 2))
    assert F("year").is_in(np.array([1, 2])) == AnyOf("year", (1, 2))
    assert F("year").any_except([1, 2]) == Except("year", (1, 2))
    assert F("year").values_count(gte=2) == ValuesCount("year", 2)
    assert F("year").values_count(lte=2) == ValuesCount("year", 0, 2)
    assert F("year").is_empty() == Not(ValuesCount("year", 1))
    assert at_least(2, [A, B, C]) == AtLeast((A, B, C), 2)
    assert F("cast[]").nested(A) == F("cast").nested(A) == Nested("cast", A)
    for how in TEXT_MATCHES:
        assert getattr(F("genre"), how)("a b") == TextMatch("genre", how, "a b")
    assert F("year").is_null() == IsNull("year")
    assert F("year").exists() == Exists("year")
    assert has_id([1, "a"]) == HasId((1, "a"))


def test_chains_stay_flat() -> None:
    assert And((A, B, C)) == (A & B & C)
    assert Or((A, B, C)) == (A | B | C)
    assert And((A, Or((B, C)))) == (A & (B | C))
    assert ~~A == A


def test_values_become_plain() -> None:
    value = (F("genre") == Genre.A).value
    assert (value, type(value)) == ("a", str)
    assert type((F("year") == np.int32(3)).value) is int
    assert type((F("score") == np.float32(0.5)).value) is float
    assert (F("added") >= datetime(2024, 5, 1)).lo == "2024-05-01T00:00:00+00:00"
    zone = timezone(timedelta(hours=2))
    assert (F("added") >= datetime(2024, 5, 1, tzinfo=zone)).lo == "2024-05-01T00:00:00+02:00"
    assert (F("added") >= date(2024, 5, 1)).lo == "2024-05-01"


def test_and_and_or_of_python_are_caught() -> None:
    with pytest.raises(InvalidArgument, match="combine filters by &"):
        bool(A)
    with pytest.raises(InvalidArgument, match="combine filters by &"):
        A and B  # noqa: B018  # the operator is what is tested
    with pytest.raises(InvalidArgument, match="between"):
        1 < F("year") < 3  # noqa: B015  # the comparison is what is tested


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: F("year") == None, "nulls are F('year').is_null()"),  # noqa: E711
        (lambda: F("year") < None, "nulls are F('year').is_null()"),
        (lambda: F("year").between(1, None), "is_null()"),
        (lambda: F("score") < float("nan"), "F('score') was compared with nan"),
        (lambda: F("score") < float("inf"), "was compared with inf"),
        (lambda: F("year") == [1], "was compared with [1] (list)"),
        (lambda: F("year") == F("score"), "was compared with F('score')"),
        (lambda: F("genre") == "\ud800", "not UTF-8"),
        (lambda: F("genre").is_in("abc"), "is_in on 'genre' was given 'abc'; pass a list"),
        (lambda: F("genre").is_in(3), "pass a list"),
        (lambda: F("genre").any_except("abc"), "any_except on 'genre' was given 'abc'; pass a list"),
        (lambda: F("genre").values_count(gte=1.5), "values of 'genre' were to be 1.5; expected a whole"),
        (lambda: at_least(0, [A]), "at least 0 clauses are to hold; expected a whole number from 1"),
        (lambda: at_least(1, ["x"]), "'x' stands where a filter should"),
        (lambda: F("genre").phrase(3), "phrase on 'genre' is given 3; expected text"),
        (lambda: F("at").geo_radius((0, 181), 1), "center's lon is 181; expected a number from -180 to 180"),
        (lambda: F("at").geo_radius((0, 0), -1), "radius is -1; expected a number of metres"),
        (lambda: F("at").geo_radius((0, 0), float("nan")), "radius is nan; expected a number of metres"),
        (lambda: F("at").geo_box((0, 0), 3), "bottom_right is 3; expected a latitude and a longitude"),
        (lambda: F("at").geo_box((0, True), (0, 0)), "top_left's lon is True"),
        (lambda: F("at").geo_polygon([(0, 0), (1, 1), (0, 0)]), "expected three"),
        (lambda: F("at").geo_polygon([(0, 0)] * 4), "expected three"),
        (lambda: F("cast").nested("x"), "'x' stands where a filter should"),
        (lambda: F("[0]"), "a name is 1 to 64"),
        (lambda: F("a[x]"), "brackets stand behind a key"),
        (lambda: F("a[0]b"), "brackets stand behind a key"),
        (lambda: F("a[-1]"), "brackets stand behind a key"),
        (lambda: F("a" + "[]" * 99), "a path has at most 128 characters"),
        (lambda: F("a b"), "a name is 1 to 64 characters"),
        (lambda: F("a..b"), "a dot stands between two keys"),
        (lambda: has_id("abc"), "has_id was given 'abc'; pass a list"),
        (lambda: has_id([1, -1]), "has_id row 1 is -1"),
        (lambda: has_id([True]), "has_id row 0 is True"),
        (lambda: A & 3, "3 stands where a filter should"),
        (lambda: 3 & A, "3 stands where a filter should"),
        (lambda: A | "x", "'x' stands where a filter should"),
        (lambda: not F("a"), "neither true nor false"),
        (lambda: F("a") and A, "neither true nor false"),
        (lambda: Not("x"), "'x' stands where a filter should"),
        (lambda: Or(()), "has_id([])"),
        (lambda: Range("year"), "a range on 'year' without a bound"),
    ],
)
def test_what_is_no_filter_is_refused(make: Any, message: str) -> None:
    with pytest.raises(InvalidArgument, match=re.escape(message)) as caught:
        make()
    assert caught.value.field is not None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: F("a") == "x" & F("b") > 1, "'x' stands where .* each comparison in parentheses"),
        (lambda: F("a") == F("b") & F("c"), r"F\('b'\) stands where .* parentheses"),
        (lambda: F("a") > 1 | A, "1 stands where .* parentheses"),
        (lambda: A & F("b") > 1, r"F\('b'\) stands where .* parentheses"),
        (lambda: ~F("a") == 1, r"F\('a'\) stands where .* parentheses"),
        (lambda: 1 < F("a") < 5, "neither true nor false .*between"),
        (lambda: "x" in F("a"), "neither true nor false .*is_in"),
    ],
)
def test_what_python_reads_otherwise_than_it_looks_says_so(make: Any, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message) as caught:
        make()
    assert caught.value.field == "filter"


def test_fields_without_index_are_named() -> None:
    strict = CollectionSchema({"words": Sparse()}, FIELDS, strict=True)
    with pytest.raises(UnindexedField) as caught:
        bind(A & ~(F("author") == "x"), strict)
    message = str(caught.value)
    assert "'author', which is not indexed; indexed fields: 'genre' (keyword)" in message
    assert "add_field('author', 'keyword')" in message
    for expression in F("x").is_null(), F("x").exists(), F("x").is_in([]), F("x") > 3:
        with pytest.raises(UnindexedField):
            bind(expression, strict)
    for expression in F("genre").values_count(gte=1), F("genre").any_except(["a"]), F("genre").text("a"):
        assert isinstance(bind(expression, strict), Scanned)
    for expression in F("x").values_count(gte=1), F("x").any_except(["a"]), F("x").text("a"):
        with pytest.raises(UnindexedField, match="'x', which"):
            bind(expression, strict)
    for expression in F("year").text("a"), F("genre").geo_radius((0, 0), 1):
        with pytest.raises(UnindexedField, match=r"of '(year|genre)', which no index answers"):
            bind(expression, strict)
    for expression in F("cast").nested(A), F("genre[]") == "a":
        with pytest.raises(UnindexedField, match=r"single elements of .*, which no index answers"):
            bind(expression, strict)
    assert bind(F("year").any_except([1.0, 1]), strict) == Except("year", (1,))
    assert bind(F("seen").any_except([True]), strict) == AnyOf("seen", (False,))
    with pytest.raises(UnindexedField, match="indexed fields: none"):
        bind(A, CollectionSchema({"words": Sparse()}, strict=True))


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (F("genre") == 3, "value for 'genre' is 3 (int); expected text"),
        (F("year") == "1990", "value for 'year' is '1990' (str)"),
        (F("year") == 1990.5, "value for 'year' is 1990.5 (float); expected a whole number"),
        (F("year") == True, "value for 'year' is True (bool)"),  # noqa: E712
        (F("year").is_in([1, "x"]), "value for 'year' is 'x'"),
        (F("year") > "x", "value for 'year' is 'x'"),
        (F("year") > True, "value for 'year' is True"),
        (F("score") > 10**400, "expected a finite number"),
        (F("seen") == 1, "expected true or false"),
        (F("genre") > "a", "a range of 'genre', a keyword field; ranges are of integer, float and datetime"),
        (F("seen") > 0, "a range of 'seen', a bool field"),
        (F("added") > 5, "value for 'added' is 5 (int); expected a time"),
        (F("added") > "soon", "value for 'added' is 'soon', which is no time"),
    ],
)
def test_values_of_another_type_are_refused(expression: Filter, message: str) -> None:
    with pytest.raises(InvalidArgument, match=re.escape(message)):
        bind(expression, SCHEMA)


def test_binding_brings_values_to_the_form_they_are_indexed_in() -> None:
    assert bind(F("year") == 1990.0, SCHEMA) == Match("year", 1990)
    assert bind(F("year") > 1989.5, SCHEMA) == Range("year", 1990, False, 2**63 - 1, False)
    assert bind(F("year") < 10**30, SCHEMA) == Range("year", -(2**63), False, 2**63 - 1, False)
    assert bind(F("year") > 10**30, SCHEMA) == AnyOf("year", ())
    assert bind(F("year").between(3, 2), SCHEMA) == AnyOf("year", ())
    assert bind(F("added") == datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC), SCHEMA) == Match("added", 1_000_000)
    assert bind(F("added").is_in(["1970-01-01", "1970-01-01T00:00:00Z"]), SCHEMA) == AnyOf("added", (0,))


def test_an_element_has_neither_id_nor_vector() -> None:
    for clause in has_id([1]), A & ~has_vector("words"):
        with pytest.raises(InvalidArgument, match="elements have neither"):
            bind(F("cast").nested(clause), SCHEMA)


def test_filters_have_limits() -> None:
    deep: Filter = A
    for level in range(15):
        deep = Not(deep) if level % 2 else And((deep,))
    assert bind(deep, SCHEMA) == deep
    assert filter_from_json(filter_to_json(deep)) == deep
    deeper = And((deep,))
    wide = Or((A,) * 1024)
    for expression, message in (deeper, "more than 16 deep"), (wide, "more than 1024 parts"):
        with pytest.raises(LimitExceeded, match=message):
            bind(expression, SCHEMA)
        with pytest.raises(LimitExceeded, match=message):
            filter_to_json(expression)
    record: Any = {"must": []}
    for _ in range(5000):
        record = {"must": [record]}
    with pytest.raises(LimitExceeded, match="more than 16 deep"):
        filter_from_json(record)
    F("genre").like("%" + "a_" * 511 + "%")
    with pytest.raises(LimitExceeded, match="the pattern on 'genre' has 1,025 characters; at most 1,024"):
        F("genre").like("%" * 1025)
    with pytest.raises(LimitExceeded, match="more than 1024 parts"):
        filter_from_json({"must": [{"must": []}] * 1024})


def test_json_in_the_form_of_qdrant() -> None:
    record = {
        "must": [{"key": "genre", "match": {"value": "a"}}, {"key": "year", "range": {"gte": 1, "lt": 3}}],
        "should": [{"is_null": {"key": "seen"}}, {"exists": {"key": "score"}}],
        "must_not": [{"has_id": [1, "a"]}, {"key": "year", "match": {"any": [1, 2]}}],
    }
    assert filter_from_json(record) == And(
        (
            A,
            Range("year", 1, False, 3, True),
            Or((IsNull("seen"), Exists("score"))),
            Not(HasId((1, "a"))),
            Not(AnyOf("year", (1, 2))),
        )
    )
    everything = And(())
    for empty in {}, {"must": []}, {"should": []}, {"must_not": []}:
        assert filter_from_json(empty) == everything
    assert filter_from_json({"must": record["must"][0]}) == And((A,))
    assert filter_from_json({"must": [{"should": [record["must"][0]]}]}) == And((Or((A,)),))
    nested = {"nested": {"key": "cast[]", "filter": {"must": [record["must"][0]]}}}
    assert filter_from_json(nested) == Nested("cast", And((A,)))
    assert filter_from_json({"key": "genre", "match": {"phrase": "a b"}}) == F("genre").phrase("a b")
    two = {"conditions": [record["must"][0], {"is_empty": {"key": "seen"}}], "min_count": 2}
    enough = AtLeast((A, F("seen").is_empty()), 2)
    assert filter_from_json({"min_should": two}) == enough
    assert filter_from_json({"must": record["must"][0], "min_should": two}) == And((A, enough))
    assert filter_from_json({"key": "genre", "match": {"except": ["a"]}}) == Except("genre", ("a",))
    counted = {"key": "genre", "values_count": {"gt": 1, "lt": 4}}
    assert filter_from_json(counted) == ValuesCount("genre", 2, 3)
    nulls = {"key": "year", "range": {"gte": 1, "lte": None}}
    assert filter_from_json(nulls) == Range("year", 1)


@pytest.mark.parametrize(
    "record",
    [
        None,
        [],
        "x",
        {"musst": []},
        {"must": 3},
        {"must": [3]},
        {"must": [], "min_should": 1},
        {"key": "year"},
        {"key": "year", "match": {"value": 1}, "range": {"gt": 1}},
        {"key": "year", "match": {"value": 1}, "must": []},
        {"key": "year", "match": {}},
        {"key": "year", "match": {"value": 1, "any": [1]}},
        {"key": "year", "match": {"text": 3}},
        {"key": "year", "match": {"value": None}},
        {"key": "year", "match": {"any": "abc"}},
        {"key": "year", "match": 3},
        {"key": "year", "range": {}},
        {"key": "year", "range": {"gt": 1, "gte": 1}},
        {"key": "year", "range": {"from": 1}},
        {"key": "year", "geo": {}},
        {"min_should": {"conditions": [], "min_count": 0}},
        {"min_should": {"conditions": 3, "min_count": 1}},
        {"min_should": {"conditions": []}},
        {"key": "year", "values_count": {"gte": 1.5}},
        {"key": "year", "values_count": {"gt": 1, "gte": 1}},
        {"key": "year", "match": {"except": "abc"}},
        {"is_empty": {}},
        {"key": "at", "geo_radius": {"center": {"lat": 1}, "radius": 1}},
        {"key": "at", "geo_radius": {"center": [1, 2], "radius": 1}},
        {"key": "at", "geo_polygon": {"exterior": [[1, 2]]}},
        {"key": "at", "geo_polygon": {"exterior": {"points": 3}}},
        {"key": "at", "geo_bounding_box": {"top_left": {"lat": "1", "lon": 1}}},
        {"nested": {"key": "cast"}},
        {"nested": {"key": "cast", "filter": {"x": 1}}},
        {"nested": {"key": "cast", "filter": {}}, "must": []},
        {"key": 3, "match": {"value": 1}},
        {"is_null": "year"},
        {"is_null": {"key": "year", "x": 1}},
        {"is_null": {"key": "year"}, "must": []},
        {"exists": {}},
        {"has_id": 3},
        {"has_id": [-1]},
        {"has_id": [1], "x": 1},
    ],
)
def test_json_is_read_strictly(record: Any) -> None:
    with pytest.raises(InvalidArgument):
        filter_from_json(record)
