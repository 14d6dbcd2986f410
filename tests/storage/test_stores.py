"""Both stores against the conformance suite."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from vicinal.storage.lmdb_files.store import LmdbStore
from vicinal.storage.memory.store import MemoryStore
from vicinal.testing.store_conformance import StoreConformance


class TestLmdbStore(StoreConformance):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[LmdbStore]:
        store = LmdbStore(tmp_path / "catalog")
        yield store
        store.close()


class TestMemoryStore(StoreConformance):
    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore()
