"""A database whose segment says of each row in which bucket of values it is opens, and ranges are exact."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fixtures.make_format_v7 import FIELDS, N, payload
from kept_format import kept_films
from naive_filter import holds

import vicinal
from vicinal import F

ASKED = [
    F("year").between(1950, 2100),
    F("year") == 1914,
    F("year").is_in(range(1900, 2200, 3)),
    F("score") > 3.5,
    F("score") < 60,
    F("added") < "2050-01-05",
    F("marks").between(10, 20),
    (F("year") >= 2000) & ~(F("score") < 9) & (F("marks") <= 45),
]


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Iterator[vicinal.Collection]:
    with kept_films("format_v7", tmp_path_factory.mktemp("format_v7") / "db") as films:
        yield films


def test_there_are_buckets(films: vicinal.Collection) -> None:
    films.count()
    (view,) = films._state.snapshot.views
    names = view.segment.file.names()
    assert {name for name in names if name.endswith(".bucket")} == {
        f"posting.{field}.bucket" for field in FIELDS if field != "marks"
    }


@pytest.mark.parametrize("expression", ASKED, ids=str)
def test_filters_read_the_stored_postings(films: vicinal.Collection, expression: vicinal.Filter) -> None:
    expected = {i for i in range(N) if holds(expression, payload(i), i, FIELDS)}
    assert 0 < len(expected) < N
    assert {point.id for point in films.scroll(limit=N, filter=expression).points} == expected
    assert {hit.id for hit in films.search([1, 0], k=N, filter=expression)} == expected
