from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vicinal.engine.filters.canonical import MISSING, canonical, extract, flat_key, microseconds
from vicinal.engine.schema.payload_field import FieldType

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def test_extract_follows_dots_into_objects() -> None:
    payload = {"a": {"b": {"c": 1}, "n": None}, "list": [1, "b"], "a.b": 2}
    assert extract(payload, "a.b.c") == 1
    assert extract(payload, "a.n") is None
    for path in "x", "a.x", "a.b.c.d", "list.b", "a.n.x":
        assert extract(payload, path) is MISSING
    assert repr(MISSING) == "MISSING"


def test_extract_takes_the_values_of_every_object_of_a_list() -> None:
    payload = {"a": [{"b": 1}, {"b": [2, None]}, {"c": 3}, "b", [{"b": [{"c": 4}]}], {"b": []}]}
    assert extract(payload, "a.b") == [1, 2, None, {"c": 4}]
    assert extract(payload, "a.c") == [3]
    assert extract(payload, "a.b.c") == [4]
    assert extract({"a": [{"b": []}]}, "a.b") == []
    assert extract({"a": []}, "a.b") is MISSING


@pytest.mark.parametrize(
    ("payload", "path", "key"),
    [
        ({"a.b": 7}, "a.b", "a.b"),
        ({"a": {"b": 1}, "a.b": 7}, "a.b", "a.b"),
        ({"a.b": {"c": 7}}, "a.b.c", "a.b"),
        ({"a": {"b.c": 7}}, "a.b.c", "b.c"),
        ({"a": [{"b": 1}, {"b.c": 7}]}, "a.b.c", "b.c"),
        ({"a.b.c": None}, "a.b.c", "a.b.c"),
        ({"a.b": 7}, "a.b.c", None),
        ({"a.b": 7, "a": {"c": 1}}, "a.c", None),
        ({"a": {"b": {"c": 1}}}, "a.b.c", None),
        ({"a.b": 7}, "a", None),
    ],
)
def test_a_path_spelled_as_a_key_with_dots(payload: dict[str, object], path: str, key: str | None) -> None:
    assert flat_key(payload, path) == key


@given(st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-7, minutes=-30))])))
def test_microseconds_are_exact(moment: datetime) -> None:
    count = microseconds(moment)
    assert timedelta(microseconds=count) == moment - EPOCH
    assert microseconds(moment.isoformat()) == count


def test_a_time_without_a_zone_is_in_utc() -> None:
    assert microseconds(datetime(1970, 1, 1, 0, 0, 1)) == 1_000_000
    assert microseconds("1970-01-01") == microseconds(date(1970, 1, 1)) == 0
    assert microseconds("1970-01-01T01:00:00+01:00") == microseconds("1970-01-01T00:00:00Z") == 0
    assert microseconds("1969-12-31T23:59:59.999999") == -1


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (FieldType.KEYWORD, "a", "a"),
        (FieldType.INTEGER, -(2**63), -(2**63)),
        (FieldType.FLOAT, 3, 3.0),
        (FieldType.FLOAT, 2**64 - 1, float(2**64 - 1)),
        (FieldType.BOOL, True, True),
        (FieldType.DATETIME, "1970-01-02", 86_400_000_000),
        (FieldType.UUID, "{00000000-0000-0000-0000-0000000000FF}", 255),
    ],
)
def test_canonical_values(kind: FieldType, value: object, expected: object) -> None:
    found = canonical(value, kind)
    assert found == expected
    assert type(found) is type(expected)
