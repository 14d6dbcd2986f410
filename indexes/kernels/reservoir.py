"""The least keys of many that come by: kept in no order, thinned out whenever there is no more room."""

from __future__ import annotations

from .kernel import inner


@inner
def select_least(keys, count, wanted):
    """Move the ``wanted`` least of ``count`` different keys to the front, the largest of them last."""
    low, high, last = 0, count - 1, wanted - 1
    while low < high:
        middle = (low + high) >> 1
        # The median of three becomes the pivot and stands at the end.
        if keys[middle] < keys[low]:
            keys[middle], keys[low] = keys[low], keys[middle]
        if keys[high] < keys[low]:
            keys[high], keys[low] = keys[low], keys[high]
        if keys[middle] < keys[high]:
            keys[middle], keys[high] = keys[high], keys[middle]
        pivot, place = keys[high], low
        # Which keys are less cannot be foreseen, so there is no branch.
        for i in range(low, high):
            key = keys[i]
            keys[i] = keys[place]
            keys[place] = key
            place += key < pivot
        keys[high], keys[place] = keys[place], pivot
        if place == last:
            return
        if place < last:
            low = place + 1
        else:
            high = place - 1
