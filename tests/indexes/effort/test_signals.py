"""Signals: what is asked of them comes from the queries of a measurement, and is kept with the index."""

from __future__ import annotations

import numpy as np
import pytest

from vicinal.indexes.effort.ladder import KS
from vicinal.indexes.effort.signals import Signals, signals_of, widest

RUNGS = (1, 2, 4, 8)


def test_a_search_goes_on_below_the_signal_that_nearly_all_measured_queries_have() -> None:
    signal = np.linspace(1, 2, 101, dtype=np.float32)
    # Whoever is below 1.95 misses something, so nothing less is enough.
    missed = np.where(signal < 1.95, 0.5, 0.0)
    signals = signals_of(RUNGS, {(10, 2): (signal, missed), (10, 4): (signal + 1, 0 * missed)})
    assert signals.asked_at(10, 2) == pytest.approx(1.9)
    # One result is asked as much as ten, and where nothing was measured nothing is.
    assert signals.asked_at(1, 2) == pytest.approx(1.9)
    assert signals.asked_at(10, 8) == 0
    assert signals.asked_at(100, 2) == 0
    assert 1.9 < signals.asked_at(10, 3) < signals.asked_at(10, 4)


def test_no_more_is_asked_than_what_misses_nothing_at_any_rung() -> None:
    rng = np.random.default_rng(0)
    signal = rng.uniform(1, 2, 400).astype(np.float32)
    missed = np.where(signal < 1.3, 0.5, 0.0)
    signals = signals_of(RUNGS, {(10, 2): (signal, missed), (10, 4): (signal, missed)})
    # The last of 64 in a row, from the highest on, of which none missed anything.
    assert 1.3 <= signals.asked_at(10, 2) < 1.32
    assert signals.asked_at(10, 2) == signals.asked_at(10, 4)


def test_signals_that_say_nothing_are_left_out() -> None:
    signal = np.concatenate([np.zeros(500), np.linspace(1, 2, 101)]).astype(np.float32)
    signals = signals_of(RUNGS, {(10, 1): (signal, np.full(601, 0.5))})
    assert signals.asked_at(10, 1) == pytest.approx(1.9)
    assert not signals_of(RUNGS, {(10, 1): (np.zeros(50, np.float32), np.ones(50))}).asked.any()


def test_signals_are_kept_with_an_index() -> None:
    asked = np.arange(len(KS) * len(RUNGS), dtype=np.float32).reshape(len(KS), -1)
    signals = Signals(RUNGS, asked)
    again = Signals.from_arrays(RUNGS, signals.to_arrays("some."), "some.")
    assert again is not None
    np.testing.assert_array_equal(again.asked, asked)
    assert Signals.from_arrays(RUNGS, {}) is None
    with pytest.raises(ValueError, match="signal"):
        Signals.from_arrays(RUNGS[1:], signals.to_arrays())


def test_a_search_goes_on_within_a_bound() -> None:
    assert [widest(knob) for knob in (1, 16, 100)] == [128, 128, 800]
