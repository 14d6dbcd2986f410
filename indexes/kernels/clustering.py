"""Rows of a posting list put together by what else they hold."""

from __future__ import annotations

import numpy as np

from .forward import (
    HEAVIEST,
    HEAVIEST_BITS,
    HEAVIEST_SLOT,
    heavy_entries,
    prefetch_heavy,
    unpack_heavy,
)
from .kernel import inner
from .memory import LINE, prefetch, view_u32

_ROWS_AHEAD = 8


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
def _list_centroids(forward, rows, chosen, shared, steps, spans, slots, codes):
    """List the entries of the chosen rows by slot, and in ``spans`` from where to where those of each are.

    Returns whose each entry is, its weight, and all slots. The slot that all rows of the list share says
    nothing and is left out, and rows are taken at length one, or a few heavy ones would draw all others. The
    light entries of a row say next to nothing either.
    """
    most = 0
    for i in range(len(chosen)):
        prefetch_heavy(forward, np.uint64(rows[chosen[i]]))
    for i in range(len(chosen)):
        most += heavy_entries(forward, rows[chosen[i]])
    given, held = np.empty((2, most), np.float32), np.empty((2, most), np.uint32)
    total = 0
    for i in range(len(chosen)):
        count = unpack_heavy(forward, rows[chosen[i]], slots, codes)
        square, first = np.float32(1e-30), total
        for j in range(count):
            slot = np.uint64(slots[j])
            if slot != np.uint64(shared):
                weight = np.float32(codes[j]) * steps[slot]
                square += weight * weight
                given[0, total], held[0, total], held[1, total] = weight, slot, i
                spans[slot, 1] += 1
                total += 1
        inverse = np.float32(1) / np.sqrt(square)
        for entry in range(first, total):
            given[0, entry] *= inverse
    place = np.int32(0)
    for entry in range(total):
        slot = np.uint64(held[0, entry])
        if spans[slot, 1] > 0:
            # A slot whose entries have their place is told by an end below zero until they are there.
            spans[slot, 0], spans[slot, 1], place = place, -place - 1, place + spans[slot, 1]
    owners = np.empty(total, np.int32)
    for entry in range(total):
        slot = np.uint64(held[0, entry])
        target = -spans[slot, 1] - 1
        owners[target], given[1, target] = held[1, entry], given[0, entry]
        spans[slot, 1] -= 1
    for entry in range(total):
        slot = np.uint64(held[0, entry])
        if spans[slot, 1] < 0:
            spans[slot, 1] = -spans[slot, 1] - 1
    return owners, given[1, :total], held[0, :total]


@inner
def _nearest(entries, steps, spans, owners, weights, sums, first):
    """Return the centroid of the largest product with a row's heaviest entries; sums begin with ``first``."""
    for i in range(len(sums)):
        sums[i] = first[i]
    for i in range(HEAVIEST):
        entry = np.uint64(entries[i])
        slot = entry & HEAVIEST_SLOT
        weight = np.float32(entry >> HEAVIEST_BITS) * steps[slot]
        for place in range(np.uint64(spans[slot, 0]), np.uint64(spans[slot, 1])):
            sums[np.uint64(owners[place])] += weight * weights[place]
    best, most = 0, np.float32(-1)
    for centroid in range(len(sums)):
        larger = sums[centroid] > most
        best, most = centroid if larger else best, sums[centroid] if larger else most
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
    heaviest,
    spans,
    slots,
    codes,
):
    """Return the cluster of each row of a list; small clusters are dissolved."""
    length = len(rows)
    cluster = np.zeros(length, np.int64)
    if n_centroids == 1:
        return cluster
    chosen = _draw(length, n_centroids, state)
    owners, weights, held = _list_centroids(forward, rows, chosen, shared, steps, spans, slots, codes)
    sums, sizes = np.empty(n_centroids, np.float32), np.zeros(n_centroids, np.int64)
    first = np.zeros(n_centroids, np.float32)
    for i in range(min(length, _ROWS_AHEAD)):
        prefetch(heaviest + np.uint64(LINE) * np.uint64(rows[i]))
    for i in range(length):
        if i + _ROWS_AHEAD < length:
            prefetch(heaviest + np.uint64(LINE) * np.uint64(rows[i + _ROWS_AHEAD]))
        entries = view_u32(heaviest + np.uint64(LINE) * np.uint64(rows[i]), HEAVIEST)
        cluster[i] = _nearest(entries, steps, spans, owners, weights, sums, first)
        sizes[cluster[i]] += 1
    alive = 0
    for centroid in range(n_centroids):
        if sizes[centroid] > least_size:
            alive += 1
        else:
            first[centroid] = -np.inf
    if alive:
        for i in range(length):
            if first[cluster[i]] < 0:
                entries = view_u32(heaviest + np.uint64(LINE) * np.uint64(rows[i]), HEAVIEST)
                cluster[i] = _nearest(entries, steps, spans, owners, weights, sums, first)
    for i in range(len(held)):
        spans[np.uint64(held[i]), 0], spans[np.uint64(held[i]), 1] = 0, 0
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
    heaviest,
    spans,
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
            heaviest,
            spans,
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
