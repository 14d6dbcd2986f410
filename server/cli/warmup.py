"""`vicinal warmup`."""

from __future__ import annotations

import time

from .screen import console
from .units import human_seconds


def warmup() -> None:
    """Compile the search kernels now, once per machine, so that the first search does not wait for it."""
    start = time.perf_counter()
    console.print("Compiling search kernels, once per machine:", end="")
    # Only here, because this loads the compiler, which the other commands do without.
    from ...indexes.warmup import warmup as compile_kernels

    compile_kernels(lambda name: console.print(f" {name} ...", end=""))
    console.print(f" ready in {human_seconds(time.perf_counter() - start)}")
