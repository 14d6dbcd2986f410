"""Folders for what is gone when it was measured."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def scratch_folder(below: Path) -> Iterator[Path]:
    """Make a new folder below another, which need not exist, for the time of the context."""
    below.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=below, prefix="bench-") as folder:
        yield Path(folder)
