"""The demo, as `make demo` runs it."""

from __future__ import annotations

from pathlib import Path

import pytest

import vicinal
from vicinal.server.cli import main


def test_demo_answers_and_measures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    folder = tmp_path / "words.vicinal"
    with pytest.raises(SystemExit) as done:
        main(["demo", "--keep", str(folder)])
    printed = capsys.readouterr().out
    assert done.value.code in (0, None)
    assert "a third-year student" in printed
    assert "aerosol" in printed
    assert "dulcimer" in printed
    assert "recall@10" in printed
    assert "over gRPC" in printed
    assert "there and back" in printed
    assert "no tenant is named 'verbs'" in printed
    assert str(folder) in printed.replace("\n", "")
    with vicinal.open(folder, read_only=True) as db:
        assert db.collection("synsets").count() == 5_000
        found = db.collection("synsets").search("musical instrument with strings", k=1, field="text")
        assert found[0].payload["words"] == ["dulcimer"]


def test_demo_does_not_touch_a_folder_that_exists(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        main(["demo", "--keep", str(tmp_path)])
    assert done.value.code == 2
    assert "exists" in capsys.readouterr().err
