"""The command line: `vicinal ...` and `python -m vicinal ...`."""

from .app import main

__all__ = ["main"]
