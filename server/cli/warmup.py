"""`vicinal warmup`."""

from __future__ import annotations

import time

from .screen import console
from .units import human_bytes, human_seconds


def warmup() -> None:
    """Compile the search kernels now, so that no first search waits for it.

    They are kept in the user's cache folder for every environment with the same versions.
    """
    start = time.perf_counter()
    # Only here, because this loads the compiler, which the other commands do without.
    from ...indexes.kernels import cache_folder
    from ...indexes.warmup import warmup as compile_kernels

    compile_kernels()
    console.print(f"The search kernels are ready, after {human_seconds(time.perf_counter() - start)}.")
    files, size = cache_folder.usage()
    if files:
        console.print(
            f"Kept: {files} files, {human_bytes(size)}, in {cache_folder.place()}",
            markup=False,
            soft_wrap=True,
        )
    else:
        console.print("They could not be kept: each process compiles them again.")
