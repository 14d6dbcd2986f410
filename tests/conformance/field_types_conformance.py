"""What indexed payload fields hold, type by type. A part of ``DatabaseConformance``."""

from __future__ import annotations

from uuid import UUID

import numpy as np
import pytest

import vicinal
from vicinal import Dense, F
from vicinal.engine.api import CollectionApi, DatabaseApi

DIM = 8


def matrix(n: int) -> np.ndarray:
    return np.random.default_rng(n).standard_normal((n, DIM)).astype(np.float32)


def ids(collection: CollectionApi, expression: vicinal.Filter | str) -> list[object]:
    return sorted(point.id for point in collection.scroll(limit=100, filter=expression).points)


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
