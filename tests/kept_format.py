"""Databases in earlier formats, as they were kept."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import vicinal
from vicinal.storage.verify.folder_check import check_folder

FIXTURES = Path(__file__).parent / "fixtures"


@contextmanager
def kept_films(fixture: str, folder: Path) -> Iterator[vicinal.Collection]:
    """Copy a kept database, assert that it is sound, and open it for reading: its films."""
    shutil.copytree(FIXTURES / fixture, folder)
    assert check_folder(folder) == []
    with vicinal.open(folder, read_only=True) as db:
        yield db.collection("films")
