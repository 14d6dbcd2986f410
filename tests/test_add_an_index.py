"""The page on adding an index runs: its files as a package of their own, its suite as others run it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "add-an-index.md"
FILE = re.compile(r"`([\w.]+)`:\n\n```(?:python|toml)\n(.*?)^```", flags=re.MULTILINE | re.DOTALL)


def test_the_package_passes_its_suite(tmp_path: Path) -> None:
    files = dict(FILE.findall(PAGE.read_text()))
    assert sorted(files) == ["pivots.py", "pyproject.toml", "test_pivots.py"]
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    project = tomllib.loads(files["pyproject.toml"])["project"]
    name, version = project["name"], project["version"]
    # What `pip install` would leave: the entry points.
    installed = tmp_path / f"{name}-{version}.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    points = project["entry-points"]["vicinal.indexes"]
    lines = [f"{point} = {target}" for point, target in points.items()]
    (installed / "entry_points.txt").write_text("\n".join(["[vicinal.indexes]", *lines, ""]))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_pivots.py"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr
    assert re.search(r"\b\d\d+ passed", done.stdout)
