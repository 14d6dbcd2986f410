"""Raises KeyboardInterrupt where a signal could raise it: one chosen place of all that a call comes by."""

from __future__ import annotations

import dis
import sys
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import vicinal

# CPython looks for signals at the start of a function, after a call and when it jumps back.
_LOOKING = ("CALL", "RESUME", "JUMP_BACKWARD", "POP_JUMP_BACKWARD")
_LOOKS = {code for name, code in dis.opmap.items() if name.startswith(_LOOKING) and "INTRINSIC" not in name}
_ROOT = str(Path(vicinal.__file__).parent.parent)
_LIBRARY = ("contextlib.py", "threading.py", "_base.py", "thread.py", "queue.py", "functools.py")


def _is_ours(file: str) -> bool:
    return (file.startswith(_ROOT) and "site-packages" not in file) or file.endswith(_LIBRARY)


@cache
def _looks(code: CodeType) -> dict[int, int]:
    """Return each step after which signals are looked for, and the one that comes next.

    A signal is raised at the first of the two, a trace function can only raise at the second: where another
    handler holds for that, as behind the last call of a ``with`` block that returns, nothing can be said.
    """
    handlers = {
        offset: (entry.target, entry.start)
        for entry in dis._parse_exception_table(code)  # type: ignore[attr-defined]
        for offset in range(entry.start, entry.end, 2)
    }
    steps = [step.offset for step in dis.get_instructions(code)]
    return {
        step: following
        for step, following in pairwise(steps)
        if code.co_code[step] in _LOOKS and handlers.get(step) == handlers.get(following)
    }


class Interruption:
    """Runs calls of the main thread, and interrupts them at the n-th place where a signal could come."""

    def __init__(self) -> None:
        self.places = 0
        self.where = ""
        self._at = 0
        self._trace = self._enter

    def run(self, call: Callable[[], Any], at: int) -> bool:
        """Return whether the call was interrupted; it is not when it has fewer than ``at`` places."""
        self.places = 0
        self.where = ""
        self._at = at
        sys.settrace(self._trace)
        try:
            call()
        except KeyboardInterrupt:
            return True
        finally:
            sys.settrace(None)
        return bool(self.where)

    def _enter(self, frame: FrameType, event: str, argument: Any) -> Any:
        if not _is_ours(frame.f_code.co_filename) or frame.f_code is Interruption.run.__code__:
            return None
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        looks = _looks(frame.f_code)
        before = -1

        def step(frame: FrameType, event: str, argument: Any) -> Any:
            nonlocal before
            if event == "opcode":
                if looks.get(before) == frame.f_lasti:
                    self.places += 1
                    if self.places == self._at:
                        self.where = f"{frame.f_code.co_filename}:{frame.f_lineno} {frame.f_code.co_qualname}"
                        raise KeyboardInterrupt
                before = frame.f_lasti
            return step

        return step
