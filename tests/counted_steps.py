"""What work costs, counted: no clock is as steady."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from contextvars import Context
from types import FrameType
from typing import Any

from vicinal.storage.segments import check


def steps(work: Callable[[], object]) -> int:
    """Return how many lines of Python run and how many functions are called, those of C included.

    In a process that found a file to be damaged, searches look at each segment; here it has found none. A
    deadline that ended is held by its context until the next, and looked at; here there is none.
    """
    count = 0

    def traced(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        count += 1
        return traced

    def profiled(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal count
        count += event == "c_call"

    gc.disable()
    found_damage, check._checks.found_damage = check._checks.found_damage, False
    before = sys.gettrace(), sys.getprofile()

    def watched() -> None:
        sys.settrace(traced)
        sys.setprofile(profiled)
        try:
            work()
        finally:
            sys.settrace(before[0])
            sys.setprofile(before[1])

    try:
        Context().run(watched)
    finally:
        check._checks.found_damage = found_damage
        gc.enable()
    return count
