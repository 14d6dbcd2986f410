"""Runs what changes a folder in a child process that is killed before one of its steps.

Processes that fork import it, run by :func:`printed_by`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vicinal.storage import durable


def printed_by(code: str, *arguments: object, timeout: float) -> str:
    """Return what a new process prints that runs ``code``, which may import this module."""
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    folder = Path(__file__).parent
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=timeout, cwd=folder, text=True)
    return done.stdout


def came_to_the_end(change: Callable[[], object], steps: int, lasting: list[str], system: list[str]) -> bool:
    """Return whether a child that is killed after ``steps`` steps makes the whole change.

    Steps are calls of the functions ``lasting`` of `storage.durable`, and of ``system`` of `os`.
    """
    pid = os.fork()
    if not pid:
        left = [steps]
        for name in lasting:
            _end_before(durable, name, left)
        for name in system:
            _end_before(os, name, left)
        change()
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    assert status in (0, signal.SIGKILL), status
    return not status


def _end_before(module: Any, name: str, left: list[int]) -> None:
    original = getattr(module, name)

    def call(*arguments: Any, **options: Any) -> Any:
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*arguments, **options)

    setattr(module, name, call)
