"""Filters over growing and sealed postings mean what they mean for one payload at a time.

``VICINAL_FILTERS`` sets how many random filters are tried (`make fuzz`); the default is the form for CI.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_filter import FIELDS, filters, holds, payloads
from numpy.typing import NDArray
from postings_in_memory import PostingsInMemory
from pyroaring import BitMap

from vicinal.engine.errors import InvalidArgument
from vicinal.engine.filters.binding import bind
from vicinal.engine.filters.evaluation import scanning
from vicinal.engine.filters.evaluation.bitsets import row_set
from vicinal.engine.filters.evaluation.scanning import ScanWork, passing
from vicinal.engine.filters.expression import Filter
from vicinal.engine.filters.field import F
from vicinal.engine.filters.notations.qdrant_json import filter_from_json, filter_to_json
from vicinal.engine.schema.collection_schema import CollectionSchema
from vicinal.engine.schema.sparse_field import Sparse
from vicinal.engine.segments import payload_columns
from vicinal.engine.segments.filtering.filter_source import FilterSource
from vicinal.engine.segments.growing.postings import GrowingPostings
from vicinal.engine.segments.payload_columns import AskedPayloads, PayloadColumns
from vicinal.engine.segments.sealed.postings import ordered, segment_postings
from vicinal.engine.segments.sealed.postings.build import build_postings
from vicinal.engine.segments.sealed.postings.segment_postings import SegmentPostings
from vicinal.indexes.rows.row_set import RowSet
from vicinal.storage.columns.payloads import PayloadColumn
from vicinal.storage.errors import CorruptionError

FILTERS = int(os.environ.get("VICINAL_FILTERS", "200"))
SCHEMA = CollectionSchema({"words": Sparse()}, FIELDS)


def source_of(postings: Any, ids: Sequence[int | str], columns: PayloadColumns | None = None) -> FilterSource:
    """Postings, the row of each id, and the payloads of fields without an index."""
    rows = {point_id: row for row, point_id in enumerate(ids)}
    payloads = AskedPayloads(columns or columns_of([]), len(ids), ScanWork(), fixed=False)

    def find(asked: Sequence[int | str]) -> NDArray[np.int64]:
        return np.array([rows.get(point_id, -1) for point_id in asked], np.int64)

    return FilterSource(postings, payloads, lambda _: BitMap(range(len(ids))), find)


def rows_found(bound: Filter, postings: Any, n: int) -> list[int]:
    return list(passing(bound, source_of(postings, []), n, BitMap(range(n))))


def columns_of(rows: list[dict[str, Any]]) -> PayloadColumns:
    return PayloadColumns(PayloadColumn.from_rows(rows, len(rows)).each)


def point_ids(n: int) -> list[int | str]:
    return [f"p{row}" if row % 2 else row for row in range(n)]


def growing(schema: CollectionSchema, rows: list[dict[str, Any]], step: int) -> GrowingPostings:
    postings = GrowingPostings(schema.fields)
    for first in range(0, len(rows), step):
        part = rows[first : first + step]
        postings.apply(first, postings.parse(PayloadColumn.from_rows(part, len(part))))
    return postings


def sealed(schema: CollectionSchema, rows: list[dict[str, Any]]) -> SegmentPostings:
    file = PostingsInMemory(schema, PayloadColumn.from_rows(rows, len(rows)))
    return SegmentPostings(file, schema.fields, len(rows))


def rows_searched(bound: Filter, postings: SegmentPostings, n: int) -> list[int]:
    found = row_set(bound, source_of(postings, []), n, None)
    assert found is not None
    rows: list[int] = found.rows.tolist()
    return rows


@settings(max_examples=FILTERS)
@given(st.lists(payloads(), max_size=10), filters, st.integers(1, 4), st.data())
def test_every_source_agrees_with_the_meaning(
    rows: list[dict[str, Any]], expression: Filter, step: int, data: st.DataObject
) -> None:
    ids = point_ids(len(rows))
    bound = bind(expression, SCHEMA)
    expected = [row for row, payload in enumerate(rows) if holds(expression, payload, ids[row])]
    among = BitMap(data.draw(st.sets(st.integers(0, len(rows) - 1)))) if rows else BitMap()
    columns, everything = columns_of(rows), BitMap(range(len(rows)))
    postings = growing(SCHEMA, rows, step)
    with pytest.MonkeyPatch.context() as patch:
        # Parts of every sort in a few rows: with a column, read one by one, not yet full.
        patch.setattr(payload_columns, "PART_ROWS", data.draw(st.integers(1, 4)))
        if data.draw(st.booleans()):
            # Every condition is looked up by row, and made of bits, as of many rows.
            patch.setattr(scanning, "FEW", 0)
            patch.setattr(segment_postings, "FEW", 64)
            patch.setattr(ordered, "BUCKETS_FROM", 1)
        for source in sealed(SCHEMA, rows), postings.reader(len(rows)):
            found = passing(bound, source_of(source, ids, columns), len(rows), among)
            assert list(found) == [row for row in expected if row in among]
            asked = source_of(source, ids, columns)
            assert list(passing(bound, asked, len(rows), everything)) == expected
            whole = row_set(bound, asked, len(rows), None)
            if whole is not None:
                assert whole.rows.tolist() == expected
                limited = row_set(bound, asked, len(rows), RowSet.from_bitmap(among, len(rows)))
                assert limited is not None
                assert limited.rows.tolist() == [row for row in expected if row in among]
        seen = data.draw(st.integers(0, len(rows)))
        reader = source_of(postings.reader(seen), ids[:seen], columns)
        found = passing(bound, reader, seen, BitMap(range(seen)))
        assert list(found) == [row for row in expected if row < seen]


@given(filters)
def test_a_filter_survives_json(expression: Filter) -> None:
    assert filter_from_json(json.loads(json.dumps(filter_to_json(expression)))) == expression


def test_wide_ranges_are_cut_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ordered, "BUCKETS_FROM", 300)
    random = np.random.default_rng(3)
    schema = CollectionSchema({"words": Sparse()}, {"year": "integer", "score": "float"})
    n = 1000
    years = random.integers(0, 60, n)
    scores = random.integers(0, 50, (n, 2)) / 16
    rows = [{"year": int(years[row]), "score": scores[row].tolist()} for row in range(n)]
    for row in np.flatnonzero(years == 7).tolist():
        del rows[row]["year"]
        years[row] = 1000
    postings = sealed(schema, rows)
    for lo, hi in random.integers(-2, 62, (200, 2)).tolist():
        expected = np.flatnonzero((years >= lo) & (years < hi)).tolist()
        bound = bind((F("year") >= lo) & (F("year") < hi), schema)
        assert rows_found(bound, postings, n) == expected
        assert rows_searched(bound, postings, n) == expected
        assert list(postings.range("year", lo, False, hi, True)) == expected
    unsealed = growing(schema, rows, 170).reader(n)
    for lo, hi in (random.integers(0, 100, (200, 2)) / 32).tolist():
        for source in postings, unsealed:
            expected = np.flatnonzero(((scores > lo) & (scores <= hi)).any(axis=1)).tolist()
            assert list(source.range("score", lo, True, hi, False)) == expected
            expected = np.flatnonzero(((scores >= lo) & (scores < hi)).any(axis=1)).tolist()
            assert list(source.range("score", lo, False, hi, True)) == expected
        found = rows_searched(bind(F("score").between(lo, hi), schema), postings, n)
        expected = np.flatnonzero(((scores >= lo) & (scores <= hi)).any(axis=1)).tolist()
        assert found == expected


def test_one_of_many_values_is_looked_up_at_once() -> None:
    schema = CollectionSchema({"words": Sparse()}, {"name": "keyword", "year": "integer", "key": "uuid"})
    n = 3000
    rows = [
        {"name": [f"n{row % 700}", "é"], "year": row % 900, "key": str(UUID(int=row % 800))}
        for row in range(n)
    ]
    postings = sealed(schema, rows)
    for first, step in ((0, 3), (5, 90), (690, 1)):
        numbers = range(first, first + 40 * step, step)
        for asked, modulus in (
            (F("name").is_in([f"n{number}" for number in numbers]), 700),
            (F("year").is_in(list(numbers)), 900),
            (F("key").is_in([UUID(int=number) for number in numbers]), 800),
        ):
            expected = [row for row in range(n) if row % modulus in numbers]
            bound = bind(asked, schema)
            assert rows_searched(bound, postings, n) == expected
            assert rows_found(bound, postings, n) == expected


def test_a_reader_never_sees_rows_that_are_being_applied() -> None:
    schema = CollectionSchema({"words": Sparse()}, {"year": "integer", "genre": "keyword", "seen": "bool"})
    postings = GrowingPostings(schema.fields)
    batch = [{"year": i, "genre": "ab"[i % 2], "seen": None if i % 3 else True} for i in range(50)]
    parsed = postings.parse(PayloadColumn.from_rows(batch, 50))
    length = 0
    failures: list[str] = []
    stop = threading.Event()

    def read() -> None:
        expressions = [F("genre") == "a", F("year") >= 25, F("seen").is_null(), F("seen") == True]  # noqa: E712
        bound = [bind(expression, schema) for expression in expressions]
        while not stop.is_set():
            seen = length
            counts = [seen // 2, seen // 2, seen // 50 * 33, seen // 50 * 17]
            found = [rows_found(expression, postings.reader(seen), seen) for expression in bound]
            if [len(rows) for rows in found] != counts or any(rows and max(rows) >= seen for rows in found):
                failures.append(f"{seen}: {found}")

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for first in range(0, 50 * 400, 50):
        postings.apply(first, parsed)
        length = first + 50
    stop.set()
    for reader in readers:
        reader.join()
    assert not failures


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ({"genre": 3}, r"payloads row 2: field 'genre' is 3 \(int\); expected text"),
        ({"genre": ["a", ["b"]]}, "field 'genre' is .*list"),
        ({"genre": {"name": "a"}}, "field 'genre' is .*dict"),
        ({"maker": {"city": 1}}, "field 'maker.city' is 1"),
        ({"maker": [{"city": "a"}, {"city": 1}]}, "field 'maker.city' is 1"),
        ({"maker.city": "a"}, r"row 2 has the key 'maker.city', .*{'maker': {'city': \.\.\.}}"),
        ({"year": True}, r"field 'year' is True \(bool\)"),
        ({"year": 1990.0}, r"field 'year' is 1990.0 \(float\); expected a whole number"),
        ({"year": "1990"}, r"field 'year' is '1990' \(str\)"),
        ({"year": 2**63}, "field 'year' is 9223372036854775808"),
        ({"score": "0.5"}, "field 'score' is '0.5'"),
        ({"score": False}, "field 'score' is False"),
        ({"seen": 1}, r"field 'seen' is 1 \(int\); expected true or false"),
        ({"added": 1714521600}, "field 'added' is 1714521600 .*; expected a time as ISO 8601 text"),
        ({"added": "yesterday"}, "field 'added' is 'yesterday', which is no time"),
        ({"uid": 7}, r"field 'uid' is 7 \(int\); expected a UUID as text"),
        ({"uid": "6ba7b810"}, "field 'uid' is '6ba7b810', which is no UUID; expected a UUID as text"),
    ],
)
def test_a_value_of_another_type_is_refused_and_nothing_is_changed(payload: Any, message: str) -> None:
    rows: list[dict[str, Any]] = [{"genre": "a"}, {"year": 1}, payload]
    column = PayloadColumn.from_rows(rows, 3)
    postings = GrowingPostings(SCHEMA.fields)
    with pytest.raises(InvalidArgument, match=message) as caught:
        postings.parse(column)
    assert caught.value.field == "payloads"
    assert not postings.reader(3).present("genre")
    # What an earlier version took is never a reason not to open a database.
    stored = postings.parse(column, stored=True)
    assert stored.fields["year"].values.tolist() == [1]  # type: ignore[union-attr]  # an array, of integers
    assert dict(build_postings(SCHEMA.fields, column)[1])["posting.year.value"].tolist() == [1]


def test_a_row_is_named_beyond_the_first_chunk() -> None:
    rows: list[dict[str, Any]] = [{"year": 1}] * 5000 + [{"year": "x"}]
    with pytest.raises(InvalidArgument, match="payloads row 5000: field 'year'"):
        GrowingPostings(SCHEMA.fields).parse(PayloadColumn.from_rows(rows, len(rows)))
    rows[-1] = {"year": [2, None]}
    reader = growing(SCHEMA, rows, 5001).reader(5001)
    assert list(reader.equal("year", 2)) == [5000]
    assert list(reader.null("year")) == [5000]
    assert len(reader.equal("year", 1)) == 5000


def test_damaged_postings_are_corruption() -> None:
    file = PostingsInMemory(SCHEMA, PayloadColumn.from_rows([{"genre": "a"}], 1))
    file.values = {key: value[:-1] for key, value in file.values.items()}
    postings = SegmentPostings(file, SCHEMA.fields, 1)
    with pytest.raises(CorruptionError, match="genre"):
        rows_found(bind(F("genre") == "a", SCHEMA), postings, 1)
    file.arrays["posting.uid.value"] = np.zeros((0, 8), np.uint8)
    with pytest.raises(CorruptionError, match="'uid' has uuids uint8"):
        SegmentPostings(file, SCHEMA.fields, 1)
    file.arrays["posting.year.row"] = np.zeros(3, np.uint32)
    with pytest.raises(CorruptionError, match="year"):
        SegmentPostings(file, SCHEMA.fields, 1)


def test_a_schema_without_indexed_fields() -> None:
    plain = CollectionSchema({"words": Sparse()})
    postings, arrays = build_postings(plain.fields, PayloadColumn.from_rows([{"a": 1}], 1))
    assert (list(postings), arrays) == ([], {})
    assert growing(plain, [{"a": 1}], 1).parse(PayloadColumn.from_rows(None, 0)).fields == {}
