"""What audits showed of the searches of one collection."""

from __future__ import annotations

import threading

import numpy as np

from ..results.info import AuditedRecall
from ..search.calls.search_kind import SearchKind
from .tries import Tries, Try

# Callers name a few targets and numbers of results; of those who come with ever new ones the oldest go.
_KINDS_KEPT = 64
_WORST_SHARE = 10


class AuditedSearches:
    """The audits of one collection by the kind of search. Kept in memory alone; any thread may use it.

    Attributes
    ----------
    raised : dict of SearchKind to int
        By how many rungs efforts are raised; kinds that are not in it are searched as measured. Read without
        a lock.
    measured : int
        How often something was forgotten: what was searched before that says nothing of later searches.
    """

    def __init__(self) -> None:
        self.raised: dict[SearchKind, int] = {}
        self.measured = 0
        self._tries: dict[SearchKind, Tries] = {}
        self._lock = threading.Lock()

    def after_fork(self) -> None:
        """Take a lock of this process's own: whoever held the other is not in it."""
        self._lock = threading.Lock()

    def add(self, kind: SearchKind, found: Try, measured: int) -> None:
        """Take one more audit of a search that was made when ``measured`` was what it says."""
        with self._lock:
            if measured != self.measured:
                return
            # Put behind the others: the first is the one that was longest not audited.
            tries = self._tries.pop(kind, None) or Tries()
            self._tries[kind] = tries
            tries.add(found)
            self._set(kind, tries.raised)
            if len(self._tries) > _KINDS_KEPT:
                oldest = next(iter(self._tries))
                del self._tries[oldest]
                self._set(oldest, 0)

    def forget(self, field: str) -> None:
        """Forget what was of a field, which is measured anew or is another one."""
        with self._lock:
            self.measured += 1
            for kind in [kind for kind in self._tries if kind.field == field]:
                del self._tries[kind]
                self._set(kind, 0)

    def info(self) -> tuple[AuditedRecall, ...]:
        """Return what was found, by field, number of results and recall asked for."""
        with self._lock:
            kinds = sorted(self._tries, key=lambda kind: (*kind[:4], str(kind.tokens)))
            return tuple(_described(kind, self._tries[kind]) for kind in kinds)

    def _set(self, kind: SearchKind, rungs: int) -> None:
        if rungs:
            self.raised[kind] = rungs
        else:
            self.raised.pop(kind, None)


def _described(kind: SearchKind, tries: Tries) -> AuditedRecall:
    recalls = np.sort(tries.recalls)
    return AuditedRecall(
        field=kind.field,
        k=tries.k,
        filtered=kind.filtered,
        tokens=kind.tokens,
        tries=len(tries),
        promised=float(tries.targets.mean()),
        found=float(recalls.mean()),
        worst=float(recalls[: max(1, len(recalls) // _WORST_SHARE)].mean()),
        raised=tries.raised,
    )
