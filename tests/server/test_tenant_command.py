"""`vicinal tenant` as a user types it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import vicinal
from vicinal.server.cli import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `vicinal tenant ...`; return its exit code, what it printed, and what it complained."""
    monkeypatch.setenv("COLUMNS", "250")

    def run_command(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as done:
            main(["tenant", *map(str, arguments)])
        printed = capsys.readouterr()
        code = done.value.code
        return (code if isinstance(code, int) else 0), printed.out, printed.err

    return run_command


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "notes.vicinal"
    with vicinal.open(path) as db:
        notes = db.create_collection("notes", vicinal.Dense(4), partitioned=True)
        notes.upsert([1, 2], np.ones((2, 4)), tenant="ada")
    return path


def test_tenants_are_created_listed_and_dropped(run: Run, folder: Path) -> None:
    assert run("create", folder, "notes", "ben", "ada") == (0, "Created 1 of 2.\n", "")
    assert run("list", folder, "notes") == (0, "ada\nben\n", "")
    assert run("list", folder, "notes", "--prefix", "b") == (0, "ben\n", "")
    assert run("drop", folder, "notes", "ada", "nobody") == (0, "Dropped 1 of 2.\n", "")
    assert run("list", folder, "notes") == (0, "ben\n", "")


def test_a_quota_is_set_and_shown(run: Run, folder: Path) -> None:
    said = "ada: 10 points, 1.0 KB, 2.5 calls a second.\n"
    options = ("--points", 10, "--bytes", 1000, "--requests-per-second", 2.5)
    code, out, _ = run("quota", folder, "notes", "ada", *options)
    assert (code, out.split(", ")[0]) == (0, said.split(", ")[0])
    code, out, _ = run("stats", folder, "notes", "ada")
    assert code == 0
    assert [word for word in out.splitlines()[1].split() if word][:2] == ["ada", "2"]
    assert "10 points" in out
    assert "2.5 calls a second" in out
    assert run("quota", folder, "notes", "ada") == (0, "ada: no limits.\n", "")


def test_what_is_not_there_is_said(run: Run, folder: Path, tmp_path: Path) -> None:
    for arguments in (
        ("stats", folder, "notes", "eve"),
        ("quota", folder, "notes", "eve", "--points", 1),
        ("list", folder, "none"),
        ("create", tmp_path / "nowhere", "notes", "a"),
    ):
        code, out, complaint = run(*arguments)
        assert (code, out) == (1, ""), arguments
        assert complaint.startswith("error: ")
    assert not (tmp_path / "nowhere").exists()
    assert run("quota", folder, "notes", "ada", "--points", -1)[0] == 2
