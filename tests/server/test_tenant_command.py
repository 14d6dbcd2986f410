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


def test_points_are_granted_listed_and_revoked(run: Run, folder: Path) -> None:
    with vicinal.open(folder) as db:
        notes = db.collection("notes")
        notes.upsert(["a b", "7"], np.ones((2, 4)), tenant="ada")
        notes.tenants.create(["ben", "cleo"])
    arguments = ("ada", 1, "a b", '"7"', 99, "--to", "ben", "--to", "cleo")
    assert run("grant", folder, "notes", *arguments) == (0, "Granted 6.\n", "")
    assert run("grants", folder, "notes", "ben") == (0, '1\tada\n"7"\tada\n"a b"\tada\n', "")
    assert run("revoke", folder, "notes", "ada", 1, 2, "--to", "ben") == (0, "Revoked 1.\n", "")
    assert run("grants", folder, "notes", "ada") == (0, "", "")
    for refused in (("grant", "ada", 1, "--to", "eve"), ("grants", "eve")):
        code, out, complaint = run(refused[0], folder, "notes", *refused[1:])
        assert (code, out) == (1, "")
        assert complaint.startswith("error: no tenant is named 'eve'")
    assert run("grant", folder, "notes", "ada", 1, "--to", "ada")[0] == 2
