"""How many processors a process may use."""

from __future__ import annotations

import math
import os
from contextlib import suppress
from pathlib import Path, PurePosixPath

_GROUPS = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")


def usable_cores() -> int:
    """Return how many processors this process may run on; a container's share of them counts, rounded up."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, math.ceil(min(cores, quota(_GROUPS, _OWN))))


def quota(groups: Path, own: Path) -> float:
    """Return the processor time a second that control groups leave a process, infinity where they do not say.

    Parameters
    ----------
    groups : Path
        Where the groups (version 2) are mounted.
    own : Path
        What says which group the process is in.
    """
    least = math.inf
    with suppress(OSError):
        for line in own.read_text().splitlines():
            if not line.startswith("0::/"):
                continue
            group = PurePosixPath(line.removeprefix("0::/"))
            # What holds for a group holds for those in it.
            for part in (group, *group.parents):
                with suppress(OSError):
                    most, period = (groups / part / "cpu.max").read_text().split()
                    if most != "max":
                        least = min(least, int(most) / int(period))
    return least
