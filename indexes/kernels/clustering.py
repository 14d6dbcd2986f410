"""Rows of a posting list put together by what else they hold."""

from __future__ import annotations

import numpy as np

from .forward import unpack_heavy
from .kernel import inner


@inner
def _next_random(state):
    """Advance a xorshift generator (Marsaglia, 2003)."""
    state ^= state << np.uint64(13)
    state ^= state >> np.uint64(7)
    state ^= state << np.uint64(17)
    return state


@inner
def _draw(length, wanted, state):
    """Return ``wanted`` of ``length`` places, drawn without replacement."""
    places = np.arange(length)
    for i in range(wanted):
        state = _next_random(state)
        other = i + np.int64(state % np.uint64(length - i))
        places[i], places[other] = places[other], places[i]
    return places[:wanted]


@inner
def _chain_centroids(forward, rows, chosen, shared, steps, heads, slots, codes):
    """Link the entries of the chosen rows by slot; return the links, and whose each entry is and its weight.

    The slot that all rows of the list share says nothing and is left out, and rows are taken at length one,
    or a few heavy ones would draw all others. The light entries of a row say next to nothing either.
    """
    total = 0
    for i in range(len(chosen)):
        total += unpack_heavy(forward, rows[chosen[i]], slots, codes)
    links, owners = np.empty(total, np.int32), np.empty(total, np.int32)
    weights, held = np.empty(total, np.float32), np.empty(total, np.uint32)
    place = 0
    for i in range(len(chosen)):
        count = unpack_heavy(forward, rows[chosen[i]], slots, codes)
        square = np.float32(1e-30)
        for j in range(count):
            if slots[j] != shared:
                square += (np.float32(codes[j]) * steps[np.uint64(slots[j])]) ** 2
        inverse = np.float32(1) / np.sqrt(square)
        for j in range(count):
            slot = np.uint64(slots[j])
            if slot == np.uint64(shared):
                continue
            links[place], heads[slot] = heads[slot], place
            owners[place], held[place] = i, slot
            weights[place] = np.float32(codes[j]) * steps[slot] * inverse
            place += 1
    return links, owners, weights, held[:place]


@inner
def _nearest(slots, codes, steps, heads, links, owners, weights, sums, open_centroids):
    """Return the centroid of the largest product with a row's heaviest entries."""
    sums[:] = 0
    for i in range(len(slots)):
        if codes[i] == 0:
            continue
        slot = np.uint64(slots[i])
        weight, entry = np.float32(codes[i]) * steps[slot], heads[slot]
        while entry >= 0:
            sums[owners[entry]] += weight * weights[entry]
            entry = links[entry]
    best, most = 0, np.float32(-1)
    for centroid in range(len(sums)):
        if open_centroids[centroid] and sums[centroid] > most:
            best, most = centroid, sums[centroid]
    return best


@inner
def _cluster(
    forward,
    rows,
    shared,
    n_centroids,
    least_size,
    state,
    steps,
    heavy_slots,
    heavy_codes,
    heads,
    slots,
    codes,
):
    """Return the cluster of each row of a list; small clusters are dissolved."""
    length = len(rows)
    cluster = np.zeros(length, np.int64)
    if n_centroids == 1:
        return cluster
    chosen = _draw(length, n_centroids, state)
    links, owners, weights, held = _chain_centroids(forward, rows, chosen, shared, steps, heads, slots, codes)
    sums, sizes = np.empty(n_centroids, np.float32), np.zeros(n_centroids, np.int64)
    survives = np.ones(n_centroids, np.bool_)
    for i in range(length):
        row = rows[i]
        cluster[i] = _nearest(
            heavy_slots[row], heavy_codes[row], steps, heads, links, owners, weights, sums, survives
        )
        sizes[cluster[i]] += 1
    alive = 0
    for centroid in range(n_centroids):
        survives[centroid] = sizes[centroid] > least_size
        alive += survives[centroid]
    if alive:
        for i in range(length):
            if not survives[cluster[i]]:
                row = rows[i]
                cluster[i] = _nearest(
                    heavy_slots[row], heavy_codes[row], steps, heads, links, owners, weights, sums, survives
                )
    for i in range(len(held)):
        heads[np.uint64(held[i])] = -1
    return cluster


@inner
def cut_list(
    forward,
    rows,
    shared,
    centroid_fraction,
    least_size,
    most_size,
    state,
    steps,
    heavy_slots,
    heavy_codes,
    heads,
    slots,
    codes,
    ends,
):
    """Put similar rows of a list together in blocks and fill in where each ends; return how many there are.

    Clusters that are too large are cut again; of rows that are all alike, anywhere.
    """
    n_blocks, waiting = 0, 1
    stack = np.empty((len(rows) + 1, 2), np.int64)
    stack[0, 0], stack[0, 1] = 0, len(rows)
    while waiting:
        waiting -= 1
        begin, end = stack[waiting, 0], stack[waiting, 1]
        length = end - begin
        n_centroids = np.int64(centroid_fraction * length)
        if length <= most_size and (n_centroids < 2 or length < len(rows)):
            ends[n_blocks] = end
            n_blocks += 1
            continue
        own = rows[begin:end]
        cluster = _cluster(
            forward,
            own,
            shared,
            max(2, n_centroids),
            least_size,
            state + np.uint64(begin),
            steps,
            heavy_slots,
            heavy_codes,
            heads,
            slots,
            codes,
        )
        sizes = np.zeros(max(2, n_centroids) + 1, np.int64)
        for i in range(length):
            sizes[cluster[i] + 1] += 1
        whole = False
        for i in range(len(sizes) - 1):
            whole = whole or sizes[i + 1] == length
            sizes[i + 1] += sizes[i]
        if whole:
            for middle in range(begin + most_size, end, most_size):
                ends[n_blocks] = middle
                n_blocks += 1
            ends[n_blocks] = end
            n_blocks += 1
            continue
        places, ordered = sizes[:-1].copy(), np.empty(length, np.uint32)
        for i in range(length):
            ordered[places[cluster[i]]] = own[i]
            places[cluster[i]] += 1
        for i in range(length):
            own[i] = ordered[i]
        for i in range(len(sizes) - 2, -1, -1):
            if sizes[i] < sizes[i + 1]:
                stack[waiting, 0], stack[waiting, 1] = begin + sizes[i], begin + sizes[i + 1]
                waiting += 1
    return n_blocks
