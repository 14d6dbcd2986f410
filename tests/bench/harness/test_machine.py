"""What a record says about machine and code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vicinal.bench.datasets import open_dataset
from vicinal.bench.harness import machine as machine_module
from vicinal.bench.harness.machine import code, cores, machine, packages
from vicinal.bench.report.records import append_records


def test_the_machine_is_described() -> None:
    described = machine()
    assert described["cpu"]
    assert described["cores"] == cores() >= 1
    json.dumps(described)


def test_the_code_is_told_apart() -> None:
    found = code()
    assert found.keys() == {"commit", "dirty", "source"}
    assert len(found["source"]) == 16
    assert packages()["numpy"]


def test_outside_of_a_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_module, "_git", lambda *arguments: None)
    monkeypatch.setattr(machine_module, "_source", lambda: "0123456789abcdef")
    assert code.__wrapped__() == {"commit": None, "dirty": None, "source": "0123456789abcdef"}


def test_records_are_appended_and_complete(tmp_path: Path) -> None:
    data = open_dataset("random-50x4", queries=5)
    path = append_records(tmp_path, "run", data, [{"recall": 0.5}, {"recall": 0.75}])
    append_records(tmp_path, "single", data, [{"recall": 1.0}])
    records = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(record["kind"], record["recall"]) for record in records] == [
        ("run", 0.5),
        ("run", 0.75),
        ("single", 1.0),
    ]
    assert all(record["dataset"] == data.describe() for record in records)
    with pytest.raises(ValueError, match="not JSON compliant"):
        append_records(tmp_path, "run", data, [{"recall": float("nan")}])
