"""The links of a graph and the rows where walks begin."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

NO_LINK = 0xFFFFFFFF
LINKS_PER_LINE = 16


def check_links(links: NDArray[Any], n: int) -> None:
    """Refuse links of the wrong shape or to rows that do not exist."""
    if links.dtype != np.uint32 or links.ndim != 2 or len(links) != n or links.shape[1] % LINKS_PER_LINE:
        raise ValueError(
            f"links are {links.dtype} {links.shape}; expected uint32 ({n}, a multiple of {LINKS_PER_LINE})"
        )
    step = 1 << 12
    for start in range(0, n, step):
        # NO_LINK plus one wraps to zero.
        if int((links[start : start + step] + np.uint32(1)).max(initial=0)) > n:
            raise ValueError(f"links lead to rows beyond the last of {n}")


def count_entries(n: int) -> int:
    """Return from how many of ``n`` nodes walks may begin: about the root, spread at random."""
    return min(n, int(min(512, max(64, n**0.5))))
