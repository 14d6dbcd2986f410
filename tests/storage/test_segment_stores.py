"""Both segment stores against the conformance suite."""

from pathlib import Path

import pytest

from vicinal.storage.memory.segments import MemorySegmentFolder
from vicinal.storage.segments.folder import SegmentFolder
from vicinal.testing.segment_conformance import SegmentConformance


class TestSegmentFolder(SegmentConformance):
    @pytest.fixture
    def folder(self, tmp_path: Path) -> SegmentFolder:
        return SegmentFolder(tmp_path)


class TestMemorySegmentFolder(SegmentConformance):
    @pytest.fixture
    def folder(self) -> MemorySegmentFolder:
        return MemorySegmentFolder()
