"""Predicted costs: measured once, kept, and not believed when they are absurd."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import orjson
import pytest

from vicinal.indexes import costs as module
from vicinal.indexes import measuring
from vicinal.indexes.costs import USUAL, Costs, costs, keep
from vicinal.indexes.measuring import measure_once, measured


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.delenv("VICINAL_COSTS")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    costs.cache_clear()
    yield tmp_path / "vicinal" / "kernels"
    costs.cache_clear()


def test_what_was_measured_is_kept_and_read(folder: Path) -> None:
    assert costs() == USUAL
    assert not module.are_known()
    keep(replace(USUAL, line=USUAL.line * 2))
    assert module.are_known()
    assert costs().line == USUAL.line * 2
    [kept] = folder.iterdir()
    assert orjson.loads(kept.read_bytes()) == asdict(costs())


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'{"line": "x"}', b"\xff"])
def test_a_damaged_file_is_measured_anew(folder: Path, content: bytes) -> None:
    keep(USUAL)
    [kept] = folder.iterdir()
    kept.write_bytes(content)
    costs.cache_clear()
    assert costs() == USUAL
    assert not module.are_known()


def test_absurd_costs_are_refused() -> None:
    for line in (0.0, -1.0, float("nan"), float("inf"), USUAL.line * 100, USUAL.line / 100):
        with pytest.raises(ValueError, match="line is"):
            replace(USUAL, line=line)


def test_measuring_gives_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vicinal.indexes.measuring._ROWS", 4_000)
    found = measured()
    assert isinstance(found, Costs)
    assert min(asdict(found).values()) > 0


def test_a_known_machine_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vicinal.indexes.measuring._ROWS", None)
    measure_once()


def test_what_others_do_meanwhile_costs_nothing() -> None:
    # A thread that waits for its turn takes as little as one that sleeps.
    assert measuring._least(lambda: time.sleep(0.2)) < 0.1
