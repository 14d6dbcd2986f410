"""Opening the database that a command is about."""

from __future__ import annotations

from pathlib import Path

from ...engine.database import Database
from ...engine.errors import NotFound
from ...engine.opening.opening import open as open_database


def open_existing(path: Path) -> Database:
    """Open for reading a database that has to be there."""
    check_exists(path)
    return open_database(path, read_only=True)


def check_exists(path: Path) -> None:
    """Raise NotFound where there is nothing, before anything is made there."""
    if not path.exists():
        raise NotFound(f"there is no database at {path}")
