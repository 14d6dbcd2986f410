"""The command line: `vicinal ...` and `python -m vicinal ...`.

What a command does is done by the layers below; here it is asked for and shown.
"""

from .app import main

__all__ = ["main"]
