"""How many lists there are."""

from __future__ import annotations

import math

_LISTS_A_ROOT = 4


def usual_lists(n: int) -> int:
    """Return how many lists ``n`` rows get unless the caller says."""
    return max(1, round(_LISTS_A_ROOT * math.sqrt(n)))
