"""Every key constructor: round trip, order, ranges, limits."""

from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from vicinal.storage.catalog import keys
from vicinal.storage.catalog.key_value_store import MAX_KEY_BYTES
from vicinal.storage.catalog.keys import KeyKind

numbers = st.integers(0, 2**32 - 1)
sequences = st.integers(0, 2**64 - 1)
parts = st.integers(0, 2**16 - 1)
uuids = st.uuids().map(str)
texts = st.text(min_size=1, max_size=60)

any_key = st.one_of(
    st.just(keys.meta()),
    st.builds(keys.collection, numbers),
    st.builds(keys.tenant, numbers, texts),
    st.builds(keys.log, numbers, sequences),
    st.builds(keys.tombstones, numbers, sequences, parts),
    st.builds(keys.manifest, numbers, uuids),
    st.builds(keys.state, numbers),
    st.builds(keys.calibration, numbers, uuids, texts),
    st.builds(keys.calibration_queries, numbers, texts),
    st.builds(keys.api_key, texts),
    st.builds(keys.alias, texts),
    st.builds(keys.vocabulary, numbers, sequences),
    st.builds(keys.token, numbers, sequences, texts),
    st.builds(keys.token_texts, numbers, sequences, numbers),
    st.builds(keys.query_weights, numbers, sequences),
    st.builds(keys.tenant_quota, numbers, texts),
    st.builds(keys.grant, numbers, numbers, st.one_of(sequences, texts)),
)


@given(number=numbers, seq=sequences, part=parts, uuid=uuids, text=texts)
def test_parsing_undoes_building(number: int, seq: int, part: int, uuid: str, text: str) -> None:
    assert keys.parse_collection(keys.collection(number)) == number
    assert keys.parse_collection(keys.state(number)) == number
    assert keys.parse_tenant(keys.tenant(number, text)) == (number, text)
    assert keys.parse_tenant(keys.tenant_quota(number, text)) == (number, text)
    for point_id in (seq, text):
        assert keys.parse_grant(keys.grant(number, part, point_id)) == (number, part, point_id)
    assert keys.parse_log(keys.log(number, seq)) == (number, seq)
    assert keys.parse_tombstones(keys.tombstones(number, seq, part)) == (number, seq, part)
    assert keys.parse_manifest(keys.manifest(number, uuid)) == (number, uuid)
    assert keys.parse_calibration(keys.calibration(number, uuid, text)) == (number, uuid, text)
    assert keys.parse_calibration_queries(keys.calibration_queries(number, text)) == (number, text)
    assert keys.parse_api_key(keys.api_key(text)) == text
    assert keys.parse_alias(keys.alias(text)) == text
    assert keys.parse_vocabulary(keys.vocabulary(number, seq)) == (number, seq)
    assert keys.parse_token(keys.token(number, seq, text)) == (number, seq, text)
    assert keys.parse_token_texts(keys.token_texts(number, seq, part)) == (number, seq, part)


@given(a=st.tuples(numbers, sequences, parts), b=st.tuples(numbers, sequences, parts))
def test_the_order_of_keys_is_the_order_of_numbers(a: tuple, b: tuple) -> None:
    assert (keys.tombstones(*a) < keys.tombstones(*b)) == (a < b)
    assert (keys.log(*a[:2]) < keys.log(*b[:2])) == (a[:2] < b[:2])
    assert (keys.state(a[0]) < keys.state(b[0])) == (a[0] < b[0])


@given(a=any_key, b=any_key)
def test_kinds_do_not_mix(a: bytes, b: bytes) -> None:
    assume(keys.kind(a) < keys.kind(b))
    assert a < b


@given(key=any_key)
def test_every_key_is_well_formed_and_short_enough(key: bytes) -> None:
    assert keys.well_formed(key)
    assert 1 <= len(key) <= MAX_KEY_BYTES
    start, stop = keys.every(keys.kind(key))
    assert start <= key < stop


@given(
    key=st.one_of(st.binary(max_size=40), any_key.map(lambda key: key + b"\0"), any_key.map(lambda k: k[:-1]))
)
def test_other_bytes_are_only_keys_when_rebuilding_gives_them_back(key: bytes) -> None:
    if keys.well_formed(key):
        kind = keys.kind(key)
        start, stop = keys.every(kind)
        assert start <= key < stop
        if kind in (KeyKind.COLLECTION, KeyKind.STATE):
            assert len(key) == 5


@given(key=any_key, number=numbers)
def test_a_collections_range_holds_its_keys_and_no_others(key: bytes, number: int) -> None:
    assume(keys.kind(key) not in (KeyKind.META, KeyKind.API_KEY, KeyKind.ALIAS))
    for candidate in (number, keys.parse_collection(key)):
        start, stop = keys.every_of_collection(keys.kind(key), candidate)
        assert (start <= key < stop) == (keys.parse_collection(key) == candidate)


@given(number=numbers, seq=sequences, other=sequences, part=parts)
def test_ranges_by_sequence_number(number: int, seq: int, other: int, part: int) -> None:
    log = keys.log(number, other)
    start, stop = keys.log_from(number, seq)
    assert (start <= log < stop) == (other >= seq)
    start, stop = keys.log_below(number, seq)
    assert (start <= log < stop) == (other < seq)
    dead = keys.tombstones(number, other, part)
    start, stop = keys.tombstones_from(number, seq)
    assert (start <= dead < stop) == (other >= seq)
    start, stop = keys.tombstones_at(number, seq)
    assert (start <= dead < stop) == (other == seq)


@given(number=numbers, uuid=uuids, other=uuids, field=texts)
def test_a_segments_calibrations_are_one_range(number: int, uuid: str, other: str, field: str) -> None:
    start, stop = keys.every_calibration(number, uuid)
    assert (start <= keys.calibration(number, other, field) < stop) == (uuid == other)


@given(number=numbers, vocabulary=sequences, other=sequences, text=texts, id=numbers)
def test_a_vocabularys_tokens_are_one_range(
    number: int, vocabulary: int, other: int, text: str, id: int
) -> None:
    for key in (
        keys.vocabulary(number, other),
        keys.token(number, other, text),
        keys.token_texts(number, other, id),
        keys.query_weights(number, other),
    ):
        start, stop = keys.every_of_vocabulary(keys.kind(key), number, vocabulary)
        assert (start <= key < stop) == (vocabulary == other)


def test_the_last_collection_has_ranges_too() -> None:
    number = 2**32 - 1
    start, stop = keys.every_of_collection(KeyKind.LOG, number)
    assert start <= keys.log(number, 2**64 - 1) < stop
    assert stop <= keys.tombstones(0, 0)


def test_text_is_1_to_255_bytes() -> None:
    assert keys.well_formed(keys.tenant(1, "é" * 127))
    longest = keys.calibration(2**32 - 1, str(UUID(int=2**128 - 1)), "x" * 255)
    assert len(longest) == 276
    for text in ("", "x" * 256, "é" * 128):
        for build in (lambda t: keys.tenant(1, t), lambda t: keys.calibration_queries(1, t), keys.api_key):
            with pytest.raises(ValueError, match="1 to 255 bytes"):
                build(text)


def test_numbers_and_uuids_out_of_range_are_refused() -> None:
    for build in (
        lambda: keys.collection(-1),
        lambda: keys.collection(2**32),
        lambda: keys.log(0, 2**64),
        lambda: keys.log(0, -1),
        lambda: keys.tombstones(0, 0, 2**16),
        lambda: keys.manifest(0, "not a uuid"),
        lambda: keys.manifest(0, "{12345678-1234-5678-1234-567812345678}"),
        lambda: keys.tenant(1, "\ud800"),
    ):
        with pytest.raises(ValueError):  # noqa: PT011 - the messages differ, and the type is the contract
            build()
