"""What indexed payload fields hold, type by type. A part of ``DatabaseConformance``."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import numpy as np
import pytest
from naive_filter import holds

import vicinal
from vicinal import Dense, F
from vicinal.engine.api import CollectionApi, DatabaseApi

DIM = 8


def matrix(n: int) -> np.ndarray:
    return np.random.default_rng(n).standard_normal((n, DIM)).astype(np.float32)


def ids(collection: CollectionApi, expression: vicinal.Filter | str) -> list[object]:
    return sorted(point.id for point in collection.scroll(limit=100, filter=expression).points)


WORDS: list[dict[str, Any]] = [
    {"w": "drama"},
    {"w": ["drama", "melodrama"]},
    {"w": "Drama 100%"},
    {"w": "dr_ma"},
    {"w": ""},
    {"w": []},
    {"w": [None, "news"]},
    {"w": None},
    {},
    {"w": "x" * 300 + "drama"},
]
PLOTS: list[dict[str, Any]] = [
    {"p": "The lost city of gold, and the city's fall"},
    {"p": "Lost in the CITY of angels"},
    {"p": ["A lost dog", "city lights"]},
    {"p": "Once upon a time in the lost-city"},
    {"p": "東京物語: Tōkyō monogatari"},
    {"p": ["x" * 200, None, "x" * 199 + "y"]},
    {"p": "..."},
    {"p": []},
    {"p": None},
    {},
]
OF_PLOTS = [
    F("p").text("city lost"),
    F("p").text("LOST, lost!"),
    F("p").text("city unheard-of"),
    F("p").text(""),
    F("p").text_any("gold angels"),
    F("p").text_any(""),
    F("p").phrase("lost city"),
    F("p").phrase("the city"),
    F("p").phrase("dog city"),
    F("p").phrase("京 物"),
    F("p").text("x" * 200),
    F("p").phrase("x" * 199 + "Y"),
    F("p").text("x" * 198),
    ~F("p").text("lost"),
    F("p").is_empty(),
    F("p").is_null(),
    F("p").exists(),
    F("p").values_count(gte=2),
    (F("p").text("lost") | F("p").phrase("city lights")) & ~F("p").text("gold"),
]
READ_OF_PLOTS = {
    F("p").prefix("Once upo"): 1,
    F("p").prefix("Lost in "): 2,
    F("p") == "Lost in the CITY of angels": 1,
    F("p").is_in(["a lost dog", "city lights"]): 1,
    F("p").prefix(""): 7,
    F("p").any_except(["..."]): 10,
    F("p").like("%lost%"): 10,
}
PLACES: list[dict[str, Any]] = [
    {"at": {"lat": 52, "lon": 14}},
    {"at": {"lon": -180, "lat": 0}},
    {"at": [{"lat": 52, "lon": 13}, None, {"lat": -33, "lon": 151}]},
    {"at": {"lat": 90, "lon": 180, "name": "north"}},
    {"at": []},
    {"at": None},
    {},
]
OF_PLACES = [
    F("at").geo_radius((52, 13), 100_000),
    F("at").geo_radius((52, 13), 1),
    F("at").geo_radius((52, 13), 68_000),
    F("at").geo_radius((0, 180), 3e7),
    F("at").geo_box((60, 0), (50, 20)),
    F("at").geo_box((10, 170), (-40, -170)),
    F("at").geo_box((52, 13), (-33, 151)),
    F("at").geo_polygon([(50, 10), (50, 15), (55, 15), (55, 10)], holes=[[(51, 12), (51, 14), (52, 14)]]),
    ~F("at").geo_radius((52, 13), 100_000),
    F("at").is_empty(),
    F("at").values_count(gte=3),
    F("at").is_null(),
    F("at").exists(),
]
OF_KEYWORDS = [
    F("w").prefix("dra"),
    F("w").prefix("x" * 299),
    F("w").like("%dra%"),
    F("w").like("d%a"),
    F("w").like("dr_ma"),
    F("w").like(r"dr\_ma"),
    F("w").like(r"%100\%"),
    F("w").text("DRAMA"),
    F("w").any_except(["drama", ""]),
    F("w").any_except([]),
    F("w").is_empty(),
    ~F("w").is_empty(),
    F("w").values_count(gte=2),
    F("w").values_count(lte=0),
    F("w").values_count(gte=1, lte=1),
    F("w").is_null(),
    (F("w") == "drama") & F("w").like("m%"),
]


class FieldTypesConformance:
    """Filters on the types of indexed fields, of rows of which half are sealed."""

    def test_uuids_are_equal_in_any_spelling(self, db: DatabaseApi) -> None:
        one, other = UUID(int=1 << 64), UUID(int=255)
        payloads = [
            {"u": one},
            {"u": f"{{{str(one).upper()}}}"},
            {"u": [one.hex, other.urn]},
            {"u": None},
            {},
        ]
        points = db.create_collection("points", Dense(DIM), fields={"u": "uuid"})
        points.upsert(range(3), matrix(3), payloads[:3])
        points.flush()
        points.upsert([3, 4], matrix(2), payloads[3:])
        for spelling in one, str(one), one.hex, one.urn.upper().replace("URN:UUID", "urn:uuid"):
            assert ids(points, F("u") == spelling) == [0, 1, 2]
            assert ids(points, f"u = '{spelling}'") == [0, 1, 2]
            assert ids(points, F("u").any_except([spelling])) == [2]
        assert ids(points, F("u").is_in([other, UUID(int=2)])) == [2]
        assert ids(points, F("u").any_except([])) == [0, 1, 2]
        assert ids(points, F("u").is_null()) == [3]
        assert ids(points, F("u") != one) == [3, 4]
        # A payload keeps the text that was given.
        assert points.get([1])[0].payload == payloads[1]  # type: ignore[union-attr]  # it is there
        for refused in "6ba7b810", 7:
            with pytest.raises(vicinal.InvalidArgument, match=r"filter's value for 'u' is .*UUID as text"):
                points.count(filter=F("u") == refused)
            with pytest.raises(vicinal.InvalidArgument, match=r"row 1: field 'u' is .*UUID as text"):
                points.upsert([8, 9], matrix(2), [{}, {"u": refused}])
        with pytest.raises(vicinal.InvalidArgument, match="a range of 'u', a uuid field"):
            points.count(filter=F("u") >= one)
        with pytest.raises(vicinal.InvalidArgument, match="'u', of type uuid"):
            points.scroll(order_by="u")
        assert points.count() == 5
        points.drop_field("u")
        points.add_field("u", "uuid")
        assert ids(points, F("u") == one) == [0, 1, 2]

    @pytest.mark.parametrize("strict", [False, True])
    def test_keywords_are_looked_up_and_payloads_are_not_read(self, db: DatabaseApi, strict: bool) -> None:
        points = db.create_collection("points", Dense(DIM), fields={"w": "keyword"}, strict=strict)
        n = len(WORDS)
        points.upsert(range(n), matrix(n), WORDS)
        points.flush()
        points.upsert(range(n, 2 * n), matrix(n), WORDS)
        for expression in OF_KEYWORDS:
            found = [row for row in range(2 * n) if holds(expression, WORDS[row % n], row, {"w": "keyword"})]
            assert ids(points, expression) == found, str(expression)
            explained = points.explain(matrix(1)[0], filter=expression)
            assert (explained.payloads_read, explained.unindexed) == (0, {})
        assert ids(points, r"w LIKE '%\_%' OR w LIKE 'd__ma'") == [0, 1, 3, n, n + 1, n + 3]

    def test_words_are_looked_up_and_whole_texts_read_where_words_leave_them(self, db: DatabaseApi) -> None:
        points = db.create_collection("points", Dense(DIM), fields={"p": "text"})
        n = len(PLOTS)
        points.upsert(range(n), matrix(n), PLOTS)
        points.flush()
        points.upsert(range(n, 2 * n), matrix(n), PLOTS)
        for expression, read in {**dict.fromkeys(OF_PLOTS, 0), **READ_OF_PLOTS}.items():
            found = [row for row in range(2 * n) if holds(expression, PLOTS[row % n], row, {"p": "text"})]
            assert ids(points, expression) == found, str(expression)
            explained = points.explain(matrix(1)[0], filter=expression)
            assert explained.unindexed == {}
            assert explained.payloads_read <= 2 * read, str(expression)
        with pytest.raises(vicinal.InvalidArgument, match=r"row 0: field 'p' is 7 .*expected text"):
            points.upsert([99], matrix(1), [{"p": 7}])
        with pytest.raises(vicinal.InvalidArgument, match="a range of 'p', a text field"):
            points.count(filter=F("p") > "a")
        points.drop_field("p")
        points.add_field("p", "text")
        assert ids(points, F("p").phrase("lost city")) == [0, 3, n, n + 3]

    def test_a_strict_collection_reads_no_texts(self, db: DatabaseApi) -> None:
        strict = db.create_collection("strict", Dense(DIM), fields={"p": "text"}, strict=True)
        strict.upsert(range(len(PLOTS)), matrix(len(PLOTS)), PLOTS)
        assert ids(strict, F("p").phrase("lost city")) == [0, 3]
        for expression in READ_OF_PLOTS:
            with pytest.raises(vicinal.UnindexedField, match="of 'p', which no index answers"):
                strict.count(filter=expression)

    @pytest.mark.parametrize("strict", [False, True])
    def test_places_are_looked_up(self, db: DatabaseApi, strict: bool) -> None:
        points = db.create_collection("points", Dense(DIM), fields={"at": "geo"}, strict=strict)
        n = len(PLACES)
        points.upsert(range(n), matrix(n), PLACES)
        points.flush()
        points.upsert(range(n, 2 * n), matrix(n), PLACES)
        for expression in OF_PLACES:
            found = [row for row in range(2 * n) if holds(expression, PLACES[row % n], row, {"at": "geo"})]
            assert ids(points, expression) == found, str(expression)
            explained = points.explain(matrix(1)[0], filter=expression)
            assert (explained.payloads_read, explained.unindexed) == (0, {})
        for refused in {"lat": 91, "lon": 0}, {"lat": 1}, [1, 2], "POINT(1 2)":
            with pytest.raises(vicinal.InvalidArgument, match=r"'at' is .*; expected a place as {'lat'"):
                points.upsert([99], matrix(1), [{"at": refused}])
        with pytest.raises(vicinal.InvalidArgument, match=r"compares 'at', a geo field, .*geo_radius"):
            points.count(filter=F("at") == "52.5,13.4")
        points.drop_field("at")
        points.add_field("at", "geo")
        assert ids(points, OF_PLACES[0]) == [0, 2, n, n + 2]
