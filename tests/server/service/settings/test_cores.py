"""What control groups leave a process of the processors."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from vicinal.server.service.settings.cores import quota, usable_cores


@pytest.mark.parametrize(
    ("limits", "cores"),
    [
        ({}, math.inf),
        ({"": "max 100000\n"}, math.inf),
        ({"": "150000 100000\n"}, 1.5),
        ({"a/b": "max 100000\n", "a": "400000 100000\n"}, 4.0),
        ({"a/b": "300000 100000\n", "a": "200000 100000\n", "c": "1000 100000\n"}, 2.0),
    ],
)
def test_the_least_of_a_group_and_those_around_it(
    tmp_path: Path, limits: dict[str, str], cores: float
) -> None:
    (tmp_path / "own").write_text("1:cpu:/old\n0::/a/b\n")
    for group, said in limits.items():
        folder = tmp_path / "groups" / group
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "cpu.max").write_text(said)
    assert quota(tmp_path / "groups", tmp_path / "own") == cores


def test_where_there_are_no_groups(tmp_path: Path) -> None:
    assert quota(tmp_path, tmp_path / "nothing") == math.inf
    assert usable_cores() >= 1
