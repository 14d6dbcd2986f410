"""Says that kernels are compiled: to the log always, on a terminal with its progress."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

logger = logging.getLogger("vicinal.kernels")

# Told the kernel, how many of its functions are compiled, and how many there are.
Shown = Callable[[str, int, int], None]


@dataclass
class _Compilation:
    kernel: str
    functions: int
    show: Shown
    done: int = 0
    started: float = field(default_factory=time.perf_counter)


_show: Shown | None = None
_current: _Compilation | None = None
_announced = False


@contextmanager
def shown_by(show: Shown) -> Iterator[None]:
    """Have progress shown in another way for a while, whether or not there is a terminal."""
    global _show
    before, _show = _show, show
    try:
        yield
    finally:
        _show = before


def begin(kernel: str, functions: int) -> None:
    """Say that a kernel is compiled, which consists of so many functions."""
    global _announced, _current
    logger.info("compiling the kernel %r, once for this user and processor", kernel)
    _current = _Compilation(kernel, functions, _show or _to_terminal)
    if not _announced and _show is None and _is_terminal():
        print("vicinal compiles its search kernels, once for this processor:", file=sys.stderr)
        _announced = True
    _current.show(kernel, 0, functions)


def step() -> None:
    """Say that one more function is compiled."""
    if _current is not None and _current.done < _current.functions - 1:
        _current.done += 1
        _current.show(_current.kernel, _current.done, _current.functions)


def end() -> None:
    """Say that the kernel is ready."""
    global _current
    if _current is not None:
        took = time.perf_counter() - _current.started
        logger.info("compiled the kernel %r in %.1f s", _current.kernel, took)
        _current.show(_current.kernel, _current.functions, _current.functions)
        _current = None


def _is_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()


def _to_terminal(kernel: str, done: int, functions: int) -> None:
    if _current is None or not _is_terminal():
        return
    took = time.perf_counter() - _current.started
    ending = "\n" if done == functions else ""
    line = f"\r  {kernel}: {done} of {functions} functions, {took:.1f} s"
    print(line, end=ending, file=sys.stderr, flush=True)
