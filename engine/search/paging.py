"""Pages by offset that agree with each other, although an index finds a little more the harder it tries."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..input.options import MAX_K
from ..segments.snapshot import NO_PLACE, Snapshot
from .calls.report import SearchReport
from .executor import Found, SearchRequest, execute
from .planner import ExactScan


def page(snapshot: Snapshot, request: SearchRequest, own: NDArray[np.int64] | None = None) -> Found:
    """Return the hits ``offset`` to ``offset + k`` of each query, but for those at its ``own`` place.

    A search for twenty finds rows among the first ten that a search for ten missed, so slices of searches of
    unlike depth would repeat some rows and skip others. All pages of one query, filter and ``k`` are slices
    of one ranking instead: what a search for ``k`` finds, then what one for ``2 k`` finds besides, then one
    for ``4 k``, up to the depth of the page. Each of them is repeatable, so on an unchanged collection no row
    is on two pages, and none that a deeper search found is on none. Within a page hits are nearest first.

    It costs about twice a single search of that depth; one search where the scan is exact.
    """
    k, offset = request.options.k, request.options.offset
    if not offset and own is None:
        return execute(snapshot, request)
    if own is not None:
        request = _with_options(request, k=k + 1)
    found = execute(snapshot, request)
    if offset:
        found = _ranked(snapshot, request, found)
    if own is not None:
        found = _without(found, own, request.worst_score)
    places, scores = found.places[:, offset : offset + k], found.scores[:, offset : offset + k]
    nearest = np.argsort(-scores if request.higher_is_nearer else scores, axis=1, kind="stable")
    return Found(
        np.take_along_axis(places, nearest, axis=1), np.take_along_axis(scores, nearest, axis=1), found.report
    )


def near_enough(found: Found, request: SearchRequest, threshold: float) -> Found:
    """Return the hits that are at least as near as a score, padding last."""
    # Scores have 32 bits, so one that a hit has shown finds that hit again; beyond them all is infinite.
    with np.errstate(over="ignore"):
        least = np.float32(threshold)
    near = found.scores >= least if request.higher_is_nearer else found.scores <= least
    places = np.where(near, found.places, NO_PLACE)
    return Found(places, np.where(near, found.scores, request.worst_score), found.report)


def _ranked(snapshot: Snapshot, request: SearchRequest, found: Found) -> Found:
    """Return ``offset + k`` hits of each query in the order of the ranking; ``found`` begins it."""
    options = request.options
    k, offset = options.k, options.offset
    if all(isinstance(part.plan, ExactScan) for part in found.report.segments):
        every = _with_options(request, k=offset + k, exact=True)
        return _with_work_of(found.report, execute(snapshot, every))
    depth = k
    while found.places.shape[1] < offset + k and depth < MAX_K:
        depth = min(2 * depth, MAX_K)
        asked = _with_options(request, k=depth)
        deeper = _with_work_of(found.report, execute(snapshot, asked))
        found = _joined(found, deeper, request.worst_score)
    return found


def _with_options(request: SearchRequest, **changed: Any) -> SearchRequest:
    return msgspec.structs.replace(request, options=dataclasses.replace(request.options, **changed))


def _without(found: Found, own: NDArray[np.int64], worst: float) -> Found:
    """Return the hits but for the one of each query that is at its own place, padding last."""
    places, scores = found.places.copy(), found.scores.copy()
    itself = places == own[:, None]
    places[itself] = NO_PLACE
    scores[itself] = worst
    kept = np.argsort(places == NO_PLACE, axis=1, kind="stable")
    return Found(
        np.take_along_axis(places, kept, axis=1), np.take_along_axis(scores, kept, axis=1), found.report
    )


def _with_work_of(before: SearchReport, found: Found) -> Found:
    """Return ``found`` with the work of an earlier search of the same segments added to its report."""
    report = found.report
    report.filter_seconds += before.filter_seconds
    report.scanning.payloads_read += before.scanning.payloads_read
    report.search_seconds += before.search_seconds
    report.merge_seconds += before.merge_seconds
    for part, earlier in zip(report.segments, before.segments, strict=True):
        part.stats += earlier.stats
    return found


def _joined(first: Found, deeper: Found, worst: float) -> Found:
    """Return the rows of ``first`` and behind them those that only ``deeper`` found, padding last."""
    places = np.concatenate([first.places, deeper.places], axis=1)
    scores = np.concatenate([first.scores, deeper.scores], axis=1)
    known = first.places.shape[1]
    for row in places:
        row[known:][np.isin(row[known:], row[:known])] = NO_PLACE
    scores[places == NO_PLACE] = worst
    kept = np.argsort(places == NO_PLACE, axis=1, kind="stable")
    kept = kept[:, : max(deeper.places.shape[1], int((places != NO_PLACE).sum(axis=1).max(initial=0)))]
    return Found(
        np.take_along_axis(places, kept, axis=1), np.take_along_axis(scores, kept, axis=1), deeper.report
    )
