"""The automatic choice of a dense index."""

from __future__ import annotations

from typing import ClassVar

import pytest

import vicinal
from vicinal.indexes.graph.hnsw import Hnsw
from vicinal.indexes.ivf.auto import AutoDense
from vicinal.indexes.ivf.choices import CHOICES, bytes_a_vector
from vicinal.indexes.protocol import BuildJob, FieldShape
from vicinal.indexes.registry import spec_from_json
from vicinal.indexes.rows.element import Element
from vicinal.indexes.rows.metric import Metric
from vicinal.testing.dense_index_conformance import DenseIndexConformance
from vicinal.testing.random_rows import random_queries, random_rows
from vicinal.testing.read_rows import not_in_memory

SHAPE = FieldShape("dense", Metric.COSINE, Element.FLOAT32, 40)


class TestAutoDense(DenseIndexConformance):
    shapes = (SHAPE, FieldShape("dense", Metric.HAMMING, Element.BINARY, 40))
    floor = 0.85
    given: ClassVar = {"ef": 60, "n_probe": 20, "rescore": 60}

    def spec(self) -> AutoDense:
        return AutoDense()


def chosen(memory: int | None, total: int = 0) -> int:
    """Return which choice a thousand rows get that need not be in memory."""
    rows, _ = not_in_memory(random_rows(SHAPE, 1000))
    return int(AutoDense(memory).build(rows, BuildJob(1, 1, total_rows=total))["choice"][0])


def test_the_fastest_that_fits_is_chosen() -> None:
    rows = random_rows(SHAPE, 1000)
    needed = [bytes_a_vector(spec, rows) for spec in CHOICES]
    assert needed[0] == needed[1] > needed[2] > needed[3]
    assert chosen(None) == 0
    for place, each in enumerate(needed):
        if place != 1:
            assert chosen(round(each * 1000) + 1) == place
    assert chosen(1) == len(CHOICES) - 1
    # Of all rows these are the half, and get half the memory.
    assert chosen(round(needed[0] * 1000) + 1, 2000) == 2


def test_predicted_bytes_are_those_that_are_stored() -> None:
    rows = random_rows(SHAPE, 3000)
    for spec in CHOICES:
        arrays = spec.build(rows, BuildJob(1, 1))
        # Ladders, entries and what codecs learn do not grow with the rows.
        stored = sum(array.nbytes for array in arrays.values() if len(array) > 200)
        assert stored / 3000 == pytest.approx(bytes_a_vector(spec, rows), rel=0.05)


def test_a_choice_says_what_it_is() -> None:
    rows, _ = not_in_memory(random_rows(SHAPE, 1000))
    spec = AutoDense(30_000)
    index = spec.open(spec.build(rows, BuildJob(1, 1)), rows)
    effort = index.effort(10, 0.95, None, 1.0)
    assert "lists" in effort.words
    assert "chosen: Ivf(" in effort.words
    # What is said of graphs is left to the recall that is asked for.
    assert index.effort(10, 0.95, spec.knobs({"ef": 500}), 1.0).knobs == effort.knobs
    assert index.effort(10, 0.95, spec.knobs({"ef": 500, "n_probe": 3}), 1.0).knobs.n_probe == 3
    assert len(index.search(random_queries(SHAPE, 2), 5, effort).rows) == 2


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"AutoDense\.memory is 0"):
        AutoDense(0)
    with pytest.raises(ValueError, match="has no knob 'cut'"):
        AutoDense().knobs({"cut": 3})
    with pytest.raises(ValueError, match="give ef or n_probe too"):
        AutoDense().knobs({"rescore": 3})
    rows = random_rows(SHAPE, 1000)
    arrays = dict(AutoDense().build(rows, BuildJob(1, 1)))
    arrays["choice"] = arrays["choice"] + 9
    with pytest.raises(ValueError, match="choice is"):
        AutoDense().open(arrays, rows)


def test_a_field_is_told_to_choose() -> None:
    field = vicinal.Dense(8, index="auto")
    assert field.index == AutoDense()
    assert spec_from_json(AutoDense(5_000).to_json()) == AutoDense(5_000)
    assert vicinal.Dense(8).index == Hnsw()
