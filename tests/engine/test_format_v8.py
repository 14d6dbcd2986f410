"""A database whose segment has postings of the objects in lists opens, and no payload is read for them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fixtures.make_format_v8 import FIELDS, N, payload
from kept_format import kept_films
from naive_filter import holds

import vicinal
from vicinal import F

CAST = F("cast")
ASKED = [
    CAST.nested((F("name") == "name 3") & (F("age") < 40)),
    CAST.nested((F("age") == 7) & F("name").is_null()),
    CAST.nested(~(F("seen") == True) & (F("score") >= 2)),  # noqa: E712
    CAST.nested((F("born") < "2050-01-05") & F("bio").phrase("city 2")),
    CAST.nested(F("at").geo_box((30, 0), (0, 60)) | F("uid").is_empty()),
    CAST.nested(F("name").any_except(["name 1", "name 2"]) & F("age").values_count(gte=1)),
]


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Iterator[vicinal.Collection]:
    with kept_films("format_v8", tmp_path_factory.mktemp("format_v8") / "db") as films:
        yield films


@pytest.mark.parametrize("expression", ASKED, ids=str)
def test_filters_read_the_stored_postings(films: vicinal.Collection, expression: vicinal.Filter) -> None:
    expected = {i for i in range(N) if holds(expression, payload(i), i, {})}
    assert 0 < len(expected) < N
    explained = films.explain([1, 0], k=N, filter=expression)
    assert set(explained.hits.ids) == expected
    assert explained.payloads_read == 0


def test_there_is_an_owner_of_each_object(films: vicinal.Collection) -> None:
    (view,) = films._state.snapshot.views
    owners = view.segment.file.array("posting.cast[].owner")
    assert owners.tolist() == sorted(i for i in range(N) for _ in payload(i)["cast"])
    names = view.segment.file.names()
    assert {f"posting.cast[].{path.removeprefix('cast.')}.sized" for path in FIELDS} <= {*names}
