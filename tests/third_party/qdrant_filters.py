"""Random payloads, and random filters on them in the JSON of Qdrant."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from random import Random
from typing import Any

Json = dict[str, Any]

WORDS = ("ape", "bee", "cat", "dog", "elk", "fox", "gnu", "hen")
TEXTS = (
    "tags",
    "maker.city",
    "maker",
    "none",
    "tags[]",
    "cast[].name",
    "cast[0].name",
    "grid[]",
    "grid[1][0]",
)
WORDINGS = ("text", "text_any", "phrase", "prefix")
KEYS = (*TEXTS, "year", "score", "seen", "added")


class FilterMaker:
    """Makes payloads and filters that are about them, the same for the same seed.

    Keys go through lists only by brackets, and numbers are compared with those of their own type: by other
    filters vicinal finds more than Qdrant does.
    """

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def payload(self) -> Json:
        """Return a payload in which every field may be missing, null, a value or a list."""
        found = {
            "tags": self._field(self._word),
            "year": self._field(lambda: self._random.randint(1990, 1999)),
            "score": self._field(self._random.random),
            "seen": self._field(lambda: self._random.random() < 0.5),
            "added": self._field(self._time),
            "at": self._field(self._place),
            "plot": self._field(self._text),
            "maker": {"city": self._field(self._word)},
            "cast": self._list(lambda: {"name": self._field(self._word), "age": self._random.randint(1, 9)}),
            "grid": self._list(lambda: self._field(self._word)),
        }
        return {key: found[key] for key in found if self._random.random() < 0.8}

    def filter(self, depth: int = 3) -> Json:
        """Return a filter of up to ``depth`` levels."""
        sort = self._random.choice(
            ["must", "should", "must_not", "must should", "must must_not", "min_should"]
        )
        if sort == "min_should":
            count = self._random.randint(1, 4)
            conditions = self._clauses(self._random.randint(count, 2 * count), depth)
            return {"min_should": {"conditions": conditions, "min_count": count}}
        return {group: self._clauses(self._random.randint(1, 2), depth) for group in sort.split()}

    def _clauses(self, count: int, depth: int) -> list[Json]:
        return [
            self.filter(depth - 1) if depth > 1 and self._random.random() < 0.2 else self._condition()
            for _ in range(count)
        ]

    def _condition(self) -> Json:
        made: Json = self._random.choice(self._conditions)()
        return made

    @property
    def _conditions(self) -> list[Callable[[], Json]]:
        return [
            lambda: {"has_id": self._random.sample(range(100), 10)},
            lambda: {"has_vector": "plot"},
            lambda: {"key": "plot", "match": {self._random.choice(WORDINGS): self._text()}},
            lambda: {"key": "plot", "match": {self._random.choice(["text", "prefix"]): self._word()}},
            lambda: {"key": self._random.choice(["at", "at[]", "at[0]", "plot"]), **self._area()},
            lambda: {"nested": {"key": "cast", "filter": self._of_element()}},
            lambda: {"is_null": {"key": self._key()}},
            lambda: {"is_empty": {"key": self._key()}},
            lambda: {"key": self._key(), "values_count": self._bounds(self._random.sample(range(5), 2))},
            lambda: {"key": self._random.choice(TEXTS), "match": self._match()},
            lambda: {"key": "year", "match": {"any": [self._random.randint(1990, 1999) for _ in range(3)]}},
            lambda: {"key": "year", "match": {"except": [self._random.randint(1990, 1999)]}},
            lambda: {"key": "seen", "match": {"value": self._random.random() < 0.5}},
            lambda: {"key": "year", "range": self._bounds(self._random.sample(range(1989, 2000), 2))},
            lambda: {"key": "score", "range": self._bounds([self._random.random(), self._random.random()])},
            lambda: {"key": "added", "range": self._bounds([self._time(), self._time()])},
        ]

    def _of_element(self) -> Json:
        ages = {"key": "age", "range": self._bounds(self._random.sample(range(10), 2))}
        names = self._random.choice(["name", "name[]", "name[1]"])
        clauses = [{"key": names, "match": self._match()}, ages]
        return {self._random.choice(["must", "should", "must_not"]): self._random.sample(clauses, 2)}

    def _match(self) -> Json:
        sort = self._random.choice(["value", "any", "except"])
        return {sort: self._word() if sort == "value" else [self._word() for _ in range(3)]}

    def _key(self) -> str:
        return self._random.choice(KEYS)

    def _bounds(self, ends: list[Any]) -> Json:
        lo, hi = sorted(ends)
        bounds = {self._random.choice(["gt", "gte"]): lo, self._random.choice(["lt", "lte"]): hi}
        left_out = self._random.choice([None, *bounds])
        return {name: bound for name, bound in bounds.items() if name != left_out}

    def _field(self, value: Callable[[], Any]) -> Any:
        sort = self._random.choice(["null", "list", "value", "value"])
        if sort == "list":
            return self._list(lambda: value() if self._random.random() < 0.8 else None)
        return None if sort == "null" else value()

    def _list(self, value: Callable[[], Any]) -> list[Any]:
        return [value() for _ in range(self._random.randint(0, 4))]

    def _area(self) -> Json:
        match self._random.choice(["box", "radius", "polygon"]):
            case "box":
                return {"geo_bounding_box": {"top_left": self._place(), "bottom_right": self._place()}}
            case "radius":
                return {"geo_radius": {"center": self._place(), "radius": self._random.random() * 1e7}}
        rings = [{"points": [self._place() for _ in range(self._random.randint(3, 6))]} for _ in range(2)]
        for ring in rings:
            ring["points"].append(ring["points"][0])
        return {"geo_polygon": {"exterior": rings[0], "interiors": rings[1:]}}

    def _place(self) -> Json:
        return {"lat": self._random.uniform(-90, 90), "lon": self._random.uniform(-180, 180)}

    def _text(self) -> str:
        joint = self._random.choice([" ", ", ", " - "])
        found = joint.join(self._word() for _ in range(self._random.randint(0, 4)))
        return found.title() if self._random.random() < 0.3 else found

    def _word(self) -> str:
        return self._random.choice(WORDS)

    def _time(self) -> str:
        zone = timezone(timedelta(hours=self._random.randint(-12, 12)))
        moment = datetime(2024, 1, 1, tzinfo=zone) + timedelta(seconds=self._random.randint(0, 10**7))
        return moment.isoformat()
