"""The embedded database, on disk and in memory, keeps the shared API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from conformance.database_conformance import DatabaseConformance

import vicinal


class TestOnDisk(DatabaseConformance):
    @pytest.fixture
    def db(self, tmp_path: Path) -> Iterator[vicinal.Database]:
        with vicinal.open(tmp_path / "db") as database:
            yield database


class TestInMemory(DatabaseConformance):
    @pytest.fixture
    def db(self) -> Iterator[vicinal.Database]:
        with vicinal.open(":memory:") as database:
            yield database
