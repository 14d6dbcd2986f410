"""Whether searches reach the recall they ask for: a few of them are done again, exactly."""

from __future__ import annotations

import logging
import math
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....engine.collection import Collection, columnar
from ....engine.errors import VicinalError
from ....engine.input.options import SearchOptions
from ....engine.input.queries import chosen_field
from ....engine.input.stored_queries import StoredQueries
from ....engine.results.hits import BatchHits, Hits
from ....engine.schema.vector_field import VectorField
from ....indexes.protocol import is_exact

AUDIT_SHARE = 0.01
"""How much of one core the audits of a server may take."""

log = logging.getLogger("vicinal.recall")

# The same pair of vectors is scored by different kernels, which add in different orders.
_TOLERANCE = 1e-5


@dataclass(frozen=True, slots=True)
class _Sample:
    """One query with its answer."""

    collection: Collection
    query: Any
    options: SearchOptions
    scores: NDArray[np.float32]


class RecallAudit:
    """Repeats a sample of searches exactly and reports their recall. A thread of its own; `close` ends it.

    Every search is offered, and nearly all are passed over. After one was repeated the thread rests, long
    enough that repeating takes no more than ``share`` of one core. What is written between a search and
    its repetition, which follows at once, counts as if it had been missed.

    Parameters
    ----------
    audited : callable
        Given the collection's name, the recall asked for and the recall found.
    share : float
        How much of one core repeating may take.
    """

    def __init__(self, audited: Callable[[str, float, float], None], *, share: float = AUDIT_SHARE) -> None:
        self._audited = audited
        self._share = share
        self._changed = threading.Condition(threading.Lock())
        self._wants = True
        self._sample: _Sample | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="vicinal-recall", daemon=True)
        self._thread.start()

    def offer(
        self, collection: Collection, query: Any, options: SearchOptions, hits: Hits | BatchHits
    ) -> None:
        """Take a search as a sample, or pass it over; costs next to nothing when it is passed over.

        Parameters
        ----------
        collection : Collection
            What was searched.
        query : array
            One query, or a batch.
        options : SearchOptions
            What was asked for.
        hits : Hits or BatchHits
            What it returned.
        """
        if not self._wants or not _asks_for_recall(collection, options):
            return
        if isinstance(query, StoredQueries):
            # What it left out, an exact search would not.
            return
        if isinstance(hits, BatchHits) and not len(hits):
            return
        sample = _sample(collection, query, options, hits)
        with self._changed:
            if self._wants:
                self._wants = False
                self._sample = sample
                self._changed.notify()

    def close(self) -> None:
        """Stop, after a repetition that is under way."""
        with self._changed:
            self._closed = True
            self._wants = False
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while (sample := self._next()) is not None:
            began = time.perf_counter()
            try:
                self._repeat(sample)
            except VicinalError as error:
                # The collection was dropped, or the database closed.
                log.debug("a search was not audited: %s", type(error).__name__)
            took = time.perf_counter() - began
            # The sample's answer holds on to the snapshot that was searched.
            del sample
            self._rest(took / self._share - took)

    def _next(self) -> _Sample | None:
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._sample is not None)
            sample, self._sample = self._sample, None
            return None if self._closed else sample

    def _rest(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._closed, timeout=seconds)
            self._wants = not self._closed

    def _repeat(self, sample: _Sample) -> None:
        options = sample.options
        exactly = replace(options, exact=True, threads=1, with_payload=False, with_vectors=False)
        exact = columnar(sample.collection).search(sample.query, exactly)
        if not len(exact):
            return
        sign = 1.0 if _field(sample.collection, options).metric.higher_is_nearer else -1.0
        worst = sign * float(exact.scores[-1])
        # A row as near as the last of the true ones is one of them.
        enough = worst - _TOLERANCE * max(1.0, math.fabs(worst))
        reached = int(np.count_nonzero(sign * sample.scores.astype(np.float64) >= enough))
        recall = min(1.0, reached / len(exact))
        self._audited(sample.collection.name, options.recall, recall)


def _field(collection: Collection, options: SearchOptions) -> VectorField:
    """Return the schema of the searched field."""
    return chosen_field(collection.schema, options.field)[1]


def _asks_for_recall(collection: Collection, options: SearchOptions) -> bool:
    """Return whether a search has a recall in question: others say how hard to try, or what to score."""
    if options.exact or options.effort or options.offset or options.candidates is not None:
        return False
    return not is_exact(_field(collection, options).index)


def _sample(collection: Collection, query: Any, options: SearchOptions, hits: Hits | BatchHits) -> _Sample:
    """Return one query with its answer; of a batch, any one."""
    scores = hits.scores
    if isinstance(hits, BatchHits):
        chosen = random.randrange(len(hits))
        query, scores = query.row(chosen), scores[chosen, : int(hits.counts[chosen])]
        if isinstance(options.filter, list):
            options = replace(options, filter=options.filter[chosen])
    return _Sample(collection, query, options, scores)
