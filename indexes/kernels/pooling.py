"""Tokens of a row joined to fewer by Ward's clustering."""

from __future__ import annotations

import numpy as np

from .kernel import entry_point, inner

_NEVER = np.float32(np.inf)


@inner
def _nearest_later(distances, alive, i, n):
    """Return which cluster behind ``i`` is nearest to it, and how far it is."""
    best, least = -1, _NEVER
    for j in range(i + 1, n):
        if alive[j] and distances[i, j] < least:
            best, least = j, distances[i, j]
    return best, least


@entry_point("token pooling")
def join_tokens(distances, wanted, cluster_of):
    """Join ``n`` tokens until ``wanted`` clusters are left; write which token each one's cluster began with.

    ``distances``, ``(n, n)`` float32, are squared and are overwritten. The two clusters are joined whose
    union raises the sum of squared distances from their means the least, the first of equal ones.
    """
    n = len(distances)
    alive, sizes = np.ones(n, np.bool_), np.ones(n, np.float32)
    nearest, least = np.empty(n, np.int64), np.empty(n, np.float32)
    for i in range(n):
        cluster_of[i] = i
        nearest[i], least[i] = _nearest_later(distances, alive, i, n)
    for _ in range(n - wanted):
        a, low = -1, _NEVER
        for i in range(n):
            if alive[i] and least[i] < low:
                a, low = i, least[i]
        if a < 0:
            return
        b = nearest[a]
        alive[b] = False
        for i in range(n):
            if cluster_of[i] == b:
                cluster_of[i] = a
        for k in range(n):
            if alive[k] and k != a:
                # Lance and Williams: what joining k and the union costs, out of what it costs with each.
                total = sizes[a] + sizes[b] + sizes[k]
                far = (sizes[a] + sizes[k]) * distances[min(a, k), max(a, k)]
                far += (sizes[b] + sizes[k]) * distances[min(b, k), max(b, k)]
                distances[min(a, k), max(a, k)] = (far - sizes[k] * low) / total
        sizes[a] += sizes[b]
        for i in range(n):
            if alive[i] and (i == a or nearest[i] == a or nearest[i] == b):
                nearest[i], least[i] = _nearest_later(distances, alive, i, n)
            elif alive[i] and i < a and distances[i, a] < least[i]:
                nearest[i], least[i] = a, distances[i, a]
