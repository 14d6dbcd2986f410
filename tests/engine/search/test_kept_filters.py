"""A filter that is used again is checked once a schema; what it means follows the schema."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from counted_steps import steps

import vicinal
from vicinal import Dense, F

QUERY = np.ones(4, np.float32)
# Lines and calls of a search, filtered by what all points satisfy, beyond one without a filter.
MOST_STEPS = 60


def test_a_filter_costs_little_where_the_plan_is_the_same() -> None:
    with vicinal.open(":memory:") as db:
        points = db.create_collection("points", Dense(4), fields={"n": "keyword"})
        points.upsert(range(40), np.ones((40, 4)), [{"n": "x"} for _ in range(40)])
        points.flush()
        everything = (F("n") == "x") & ~F("n").is_null()

        def filtered() -> object:
            return points.search(QUERY, filter=everything)

        def unfiltered() -> object:
            return points.search(QUERY)

        # What is kept of a filter and of rows is made by the first searches.
        for search in 3 * (filtered, unfiltered):
            search()
        assert steps(filtered) - steps(unfiltered) < MOST_STEPS


def test_one_filter_means_what_each_schema_says() -> None:
    late = F("n") >= "2020-01-01T00:00:00Z"
    with vicinal.open(":memory:") as db:
        times = db.create_collection("times", Dense(4), fields={"n": "datetime"})
        numbers = db.create_collection("numbers", Dense(4), fields={"n": "integer"})
        strict = db.create_collection("strict", Dense(4), strict=True)
        for points, value in (
            (times, "2021-01-01T00:00:00Z"),
            (numbers, 3),
            (strict, "2021-01-01T00:00:00Z"),
        ):
            points.upsert([1], QUERY[None], [{"n": value}])
        for _ in range(2):
            assert times.search(QUERY, filter=late).ids.tolist() == [1]
            with pytest.raises(vicinal.InvalidArgument):
                numbers.search(QUERY, filter=late)
            with pytest.raises(vicinal.UnindexedField):
                strict.search(QUERY, filter=late)
        strict.add_field("n", "datetime")
        assert strict.search(QUERY, filter=late).ids.tolist() == [1]
        strict.drop_field("n")
        with pytest.raises(vicinal.UnindexedField):
            strict.search(QUERY, filter=late)


def test_a_filter_that_was_used_is_what_it_was() -> None:
    used, other = (F("a") > 1) & (F("b") == "x"), (F("a") > 1) & (F("b") == "x")
    with vicinal.open(":memory:") as db:
        points = db.create_collection("points", Dense(4), fields={"a": "integer", "b": "keyword"})
        points.upsert([1], QUERY[None], [{"a": 2, "b": "x"}])
        assert points.count(filter=used) == 1
        for again in (copy.copy(used), copy.deepcopy(used), pickle.loads(pickle.dumps(used))):
            assert again == used == other
            assert hash(again) == hash(other)
            assert repr(again) == repr(other)
            assert points.count(filter=again) == 1
