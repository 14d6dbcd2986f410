"""Clauses are asked in the order of what they cost, however a filter is written, and late ones row by row."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from itertools import permutations
from operator import and_
from typing import Any

import numpy as np
import pytest
from postings_in_memory import PostingsInMemory
from pyroaring import BitMap

import vicinal
from vicinal import F
from vicinal.engine.filters.binding import bind
from vicinal.engine.filters.evaluation.bitsets import row_set
from vicinal.engine.filters.evaluation.scanning import ScanWork, passing
from vicinal.engine.filters.expression import Filter
from vicinal.engine.filters.notations.qdrant_json import filter_to_json
from vicinal.engine.schema.collection_schema import CollectionSchema
from vicinal.engine.schema.sparse_field import Sparse
from vicinal.engine.segments.filtering.filter_source import FilterSource
from vicinal.engine.segments.payload_columns import AskedPayloads, PayloadColumns
from vicinal.engine.segments.sealed.postings import ordered
from vicinal.engine.segments.sealed.postings.segment_postings import SegmentPostings
from vicinal.storage.columns.payloads import PayloadColumn

N = 6000
FIELDS = {"tag": "keyword", "year": "integer", "plot": "text", "at": "geo", "name": "keyword"}
SCHEMA = CollectionSchema({"words": Sparse()}, FIELDS)
random = np.random.default_rng(5)
YEARS = random.integers(0, 3000, N)
PLOTS = [" ".join(random.choice(["one", "two", "three"], 12)) for _ in range(N)]
ROWS: list[dict[str, Any]] = [
    {
        "tag": "rare" if row % 1000 == 7 else "often",
        "year": int(YEARS[row]),
        "plot": PLOTS[row],
        "at": {"lat": row % 80, "lon": row % 90},
        "name": f"name {row % 50}",
        "free": row % 2,
        "where": {"lat": row % 80, "lon": row % 90},
        "note": PLOTS[row],
        "list": [{"a": row % 3, "b": 1}],
    }
    for row in range(N)
]
PAYLOADS = PayloadColumn.from_rows(ROWS, N)


class Noted(SegmentPostings):
    """Postings that note for what all rows were found, and for what a few were looked up."""

    def __init__(self, file: PostingsInMemory) -> None:
        super().__init__(file, SCHEMA.fields, N)
        self.found: list[str] = []
        self.single: list[str] = []

    def equal(self, field: str, value: Any) -> BitMap:
        self.found.append(field)
        return super().equal(field, value)

    def range(self, field: str, lo: Any, lo_open: bool, hi: Any, hi_open: bool) -> BitMap:
        self.found.append(field)
        return super().range(field, lo, lo_open, hi, hi_open)

    def answer(self, condition: Any) -> BitMap:
        self.found.append(condition.key)
        return super().answer(condition)

    def bits(self, condition: Any) -> Any:
        words = super().bits(condition)
        if words is not None:
            self.found.append(condition.key)
        return words

    def looked_up(self, condition: Any, among: BitMap) -> BitMap | None:
        rows = super().looked_up(condition, among)
        if rows is not None:
            self.single.append(condition.key)
        return rows


@pytest.fixture(scope="module")
def file() -> Iterator[PostingsInMemory]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ordered, "BUCKETS_FROM", 300)
        yield PostingsInMemory(SCHEMA, PAYLOADS)


def source_of(postings: SegmentPostings, work: ScanWork) -> FilterSource:
    columns = PayloadColumns(PAYLOADS.each)
    payloads = AskedPayloads(columns, N, work, fixed=True)
    return FilterSource(postings, payloads, lambda _: BitMap(), lambda _: np.empty(0, np.int64))


def asked(expression: Filter, postings: SegmentPostings) -> tuple[BitMap, int]:
    """Return the rows and how many payloads were read for them."""
    work = ScanWork()
    rows = passing(bind(expression, SCHEMA), source_of(postings, work), N, BitMap(range(N)))
    return rows, work.payloads_read


# The rows of the first are six, of the second half, and the words of the third are in nearly all texts.
RARE, WIDE, PHRASE = F("tag") == "rare", F("year") >= 1500, F("plot").phrase("one two three")
NEAR, LIKE = F("at").geo_radius((0, 0), 6_000_000), F("name").like("%4%")


def test_where_nothing_is_left_nothing_else_is_found(file: PostingsInMemory) -> None:
    never = F("tag") == "never"
    for clauses in permutations([never, WIDE, PHRASE, NEAR, LIKE]):
        bound = bind(reduce(and_, clauses), SCHEMA)
        postings = Noted(file)
        assert not asked(reduce(and_, clauses), postings)[0]
        assert (postings.found, postings.single) == (["tag"], [])
        postings = Noted(file)
        rows = row_set(bound, source_of(postings, ScanWork()), N, None)
        assert rows is not None
        assert rows.count == 0
        assert (postings.found, postings.single) == (["tag"], [])


def test_the_order_in_which_clauses_are_written_is_nothing_to_what_is_read(file: PostingsInMemory) -> None:
    free, where = F("free") == 1, F("where").geo_box((60, 5), (50, 30))
    note, element = F("note").phrase("two one"), F("list").nested((F("a") == 1) & (F("b") == 1))
    expected: set[int] = set()
    for clauses in permutations([RARE, free, where, note, element, WIDE]):
        postings = Noted(file)
        rows, read = asked(reduce(and_, clauses), postings)
        left = [row for row in range(7, N, 1000) if YEARS[row] >= 1500]
        odd = [row for row in left if row % 2]
        expected.add(read)
        assert postings.found == ["tag"]
        assert postings.single == ["year"]
        # Every one of them for a comparison; for places, words and objects those that it leaves.
        assert len(left) <= read <= len(left) + 3 * len(odd)
        assert set(rows) <= set(odd)
    assert len(expected) == 1


def test_words_of_a_text_are_looked_up_before_a_payload_is_read(file: PostingsInMemory) -> None:
    for clauses in permutations([F("free") == 1, F("plot").prefix("one two three one")]):
        rows, read = asked(reduce(and_, clauses), Noted(file))
        begins = [row for row in range(N) if PLOTS[row].startswith("one two three one")]
        assert list(rows) == [row for row in begins if row % 2]
        # Texts without those words are not looked at for either.
        may = sum(set(plot.split()) >= {"one", "two", "three"} for plot in PLOTS)
        assert read <= 2 * may


def test_a_few_rows_are_looked_up_as_all_would_be_found(file: PostingsInMemory) -> None:
    phrases = [F("plot").phrase(text) for text in ("one two", "two two two", "three one one two", "one four")]
    for _ in range(300):
        lo, hi = sorted(random.integers(-5, 3005, 2).tolist())
        few = BitMap(random.choice(N, int(random.integers(0, (N >> 9) + 1)), replace=False).tolist())
        for expression in F("year").between(lo, hi), phrases[int(random.integers(0, 4))]:
            bound = bind(expression, SCHEMA)
            postings = SegmentPostings(file, SCHEMA.fields, N)
            found = postings.looked_up(bound, few)
            if found is not None:
                whole = asked(expression, SegmentPostings(file, SCHEMA.fields, N))[0]
                assert found == whole & few, expression


def test_the_three_notations_read_the_same() -> None:
    text = "phrase(note, 'two one') AND geo_box(\"where\", 60, 5, 50, 30) AND free = 1 AND tag = 'rare'"
    python = (
        F("note").phrase("two one")
        & F("where").geo_box((60, 5), (50, 30))
        & (F("free") == 1)
        & (F("tag") == "rare")
    )
    read = []
    with vicinal.open(":memory:") as db:
        # What was found for a filter is kept, in whichever notation it comes again.
        for name, each in ("text", text), ("python", python), ("json", filter_to_json(python)):
            points = db.create_collection(name, vicinal.Dense(2, index=vicinal.Flat()), fields=FIELDS)
            points.upsert(range(N), np.ones((N, 2), np.float32), ROWS)
            points.flush()
            explained = points.explain(np.ones(2, np.float32), filter=each)
            read.append(explained.payloads_read)
            assert points.explain(np.ones(2, np.float32), filter=python).payloads_read == 0
    # There are six of the tag, which are all looked at for the number, and some for the place and the words.
    assert 6 <= read[0] <= 18
    assert read == 3 * read[:1]
