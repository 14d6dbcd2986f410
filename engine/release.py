"""Which release of the package this is."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version


@cache
def release() -> str:
    """Return the version, read once a process: where no descriptor is left its files cannot be listed."""
    return version("vicinal")
