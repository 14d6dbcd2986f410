"""A database with indexed fields of every type opens, and filters answer as it was written."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from fixtures.make_format_v6 import DROPPED, FIELDS, LONG, N_LOGGED, N_SEALED, payload
from kept_format import kept_films
from naive_filter import holds

import vicinal
from vicinal import F
from vicinal.storage.verify.folder_check import check_folder

FIXTURE = Path(__file__).parents[1] / "fixtures" / "format_v6"
LIVE = {i: payload(i) for i in range(N_SEALED + N_LOGGED) if i not in DROPPED}
ASKED = [
    F("genre") == "drama",
    F("genre").prefix("x" * 280),
    F("genre").like("g%_ 3"),
    F("genre").any_except(["drama", "genre 1"]),
    F("genre").is_empty(),
    F("id") == UUID(int=8),
    F("id").any_except([str(UUID(int=8))]),
    F("id").values_count(gte=2),
    F("plot").text("the city 13"),
    F("plot").text("the very"),
    F("plot").phrase("very very gold"),
    F("plot").text_any("7 unheard"),
    F("plot").text(LONG),
    F("plot").prefix("the lost city 1 "),
    F("at").geo_radius((0, 0), 1e6),
    F("at").geo_box((90, -180), (10, 45)),
    F("at").geo_polygon([(0, 0), (0, 50), (50, 50)]),
    F("at").is_null(),
    F("year").between(1950, 1960),
    F("score") >= 400.5,
    F("seen") == True,  # noqa: E712
    F("added") < "2024-01-05",
    (F("seen") != True) & F("plot").phrase("city 3") & ~F("genre").is_null(),  # noqa: E712
]


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Iterator[vicinal.Collection]:
    with kept_films("format_v6", tmp_path_factory.mktemp("format_v6") / "db") as films:
        yield films


@pytest.mark.parametrize("expression", ASKED, ids=str)
def test_filters_read_the_stored_postings(films: vicinal.Collection, expression: vicinal.Filter) -> None:
    expected = {i for i, row in LIVE.items() if holds(expression, row, i, FIELDS)}
    found = films.scroll(limit=10_000, filter=expression).points
    assert {point.id for point in found} == expected
    assert 0 < len(expected) < len(LIVE)


def test_payloads_are_not_read_but_for_whole_texts(films: vicinal.Collection) -> None:
    for expression in ASKED:
        read = films.explain([1, 0], filter=expression).payloads_read
        assert (read > 0) == (expression == F("plot").prefix("the lost city 1 "))


def test_a_copy_is_written_to(tmp_path: Path) -> None:
    shutil.copytree(FIXTURE, tmp_path / "db")
    with vicinal.open(tmp_path / "db") as db:
        films = db.collection("films")
        films.upsert([9_000], [[1, 0]], [{"plot": "a lost dog", "at": {"lat": 1, "lon": 1}}])
        films.merge()
        assert films.count(filter=F("plot").phrase("lost dog") & F("at").geo_radius((1, 1), 1)) == 1
    assert check_folder(tmp_path / "db") == []
