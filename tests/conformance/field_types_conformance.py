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
