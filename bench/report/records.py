"""Results as JSON lines, each one complete by itself: what was measured, on what, with which code."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from ..harness.machine import code, machine, packages

RESULTS = "results.jsonl"


class Described(Protocol):
    """A dataset of any kind."""

    def describe(self) -> dict[str, Any]: ...


def append_records(out: Path, kind: str, dataset: Described, rows: Iterable[Mapping[str, Any]]) -> Path:
    """Append one line per measured row to `results.jsonl`.

    Parameters
    ----------
    out : Path
        Folder of the results; made when it does not exist.
    kind : str
        The name of the measurement.
    dataset : Described
        What it was measured on.
    rows : iterable of mapping
        The figures.

    Returns
    -------
    Path
        The file.
    """
    out.mkdir(parents=True, exist_ok=True)
    shared = {
        "kind": kind,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        **code(),
        "packages": packages(),
        "dataset": dataset.describe(),
    }
    path = out / RESULTS
    text = "".join(json.dumps({**shared, **row}, allow_nan=False) + "\n" for row in rows)
    with open(path, "a", encoding="utf-8") as file:
        file.write(text)
    return path
