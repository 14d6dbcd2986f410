"""The text of a key and its record."""

from __future__ import annotations

import datetime
import hashlib
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vicinal import Corruption, InvalidArgument
from vicinal.server.service.access.api_key import ApiKey, new_key, parse_key
from vicinal.server.service.access.principal import Principal, Right

NOW = datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)


def make(**changes: Any) -> tuple[str, str, ApiKey]:
    return new_key(**({"name": "search", "rights": "read", "created": NOW} | changes))


def test_a_text_names_its_key_and_proves_it() -> None:
    identifier, text, record = make()
    assert re.fullmatch(r"vicinal_[0-9a-f]{12}_[A-Za-z0-9_-]{43}", text)
    parsed = parse_key(text)
    assert parsed is not None
    assert parsed[0] == identifier
    assert record.sha256 == hashlib.sha256(parsed[1].encode()).hexdigest()


def test_no_two_keys_are_alike() -> None:
    made = [make() for _ in range(200)]
    assert len({identifier for identifier, _, _ in made}) == 200
    assert len({record.sha256 for _, _, record in made}) == 200


def test_the_record_has_no_secret() -> None:
    _, text, record = make(tenants=("anna",))
    assert text.split("_", 2)[2] not in repr(record.to_record())


@pytest.mark.parametrize(
    "extra", [{}, {"tenants": ("b", "a", "b"), "collections": ("c",), "expires": NOW + DAY}]
)
def test_records_come_back(extra: dict[str, Any]) -> None:
    identifier, _, record = make(rights="write", **extra)
    assert ApiKey.from_record(identifier, record.to_record()) == record
    principal = record.principal(identifier)
    bound = None if not extra else frozenset({"a", "b"})
    assert principal == Principal(
        identifier, "search", bound, frozenset({"c"}) if extra else None, Right.WRITE
    )


@pytest.mark.parametrize(
    "change",
    [
        {"networks": ["10.0.0.0/8"]},
        {"rights": "root"},
        {"tenants": "anna"},
        {"tenants": [1]},
        {"sha256": None},
        {"created": "yesterday"},
        {"expires": "2031-01-01T00:00:00"},
        {"revoked": 7},
    ],
)
def test_a_record_that_is_not_understood_is_no_key(change: dict[str, Any]) -> None:
    _, _, record = make()
    with pytest.raises(Corruption, match="0123456789ab"):
        ApiKey.from_record("0123456789ab", record.to_record() | change)


def test_a_record_without_a_member_is_no_key() -> None:
    record = make()[2].to_record()
    del record["tenants"]
    with pytest.raises(Corruption):
        ApiKey.from_record("0123456789ab", record)


def test_states() -> None:
    _, _, record = make(expires=NOW + DAY)
    assert record.state(NOW) == "valid"
    assert record.state(NOW + DAY) == "expired"
    revoked = ApiKey.from_record("id", record.to_record() | {"revoked": NOW.isoformat()})
    assert revoked.state(NOW) == revoked.state(NOW + DAY) == "revoked"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"rights": "all"}, "rights"),
        ({"rights": "READ"}, "rights"),
        ({"name": ""}, "a key"),
        ({"name": "x" * 65}, "a key"),
        ({"tenants": ("",)}, "tenant"),
        ({"tenants": ("x" * 256,)}, "tenant"),
        ({"tenants": ("\udc80",)}, "tenant"),
        ({"collections": ("a/b",)}, "a collection"),
        ({"expires": NOW}, "expires"),
        ({"expires": NOW - DAY}, "expires"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        make(**changes)
    assert refused.value.field == field


def test_other_texts_are_no_keys() -> None:
    _, text, _ = make()
    for other in [
        "",
        text[:-1],
        text + "A",
        text.upper(),
        " " + text,
        text + "\n",
        text.replace("vicinal", "qdrant"),
    ]:
        assert parse_key(other) is None


@given(st.text())
def test_any_text_is_parsed_or_not_without_an_error(text: str) -> None:
    assert parse_key(text) is None
