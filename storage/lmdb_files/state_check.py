"""Checks the state that an LMDB environment begins with, which another process may be changing."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..arrays.mapped_file import map_file
from ..errors import CorruptionError
from .environment import LmdbEnvironment, abort
from .meta import LmdbMeta, read_meta
from .structure import Entries, LmdbStructure

_ATTEMPTS = 5
_PAUSE_SECONDS = 0.003

Examine = Callable[[NDArray[np.uint8], Entries, str], None]


def check_state(environment: LmdbEnvironment, path: str, examine: Examine | None) -> None:
    """Raise CorruptionError unless the newest state of the data file at `path` can be believed.

    A read transaction keeps its pages from being written again while they are looked at. The meta pages are
    read beside it: a commit between two reads looks like damage once, not every time.
    """

    def look() -> None:
        transaction = environment.begin(write=False)
        try:
            _check(transaction.id(), path, examine)
        finally:
            abort(transaction)
            environment.end(write=False)

    _repeated(look)


def check_unopened(path: str) -> None:
    """Raise CorruptionError unless the newest state of a data file that LMDB refuses can be believed.

    LMDB maps as many pages as the file says there are: what it cannot map may be no limit but a wrong number.
    """
    _repeated(lambda: _check(read_meta(path).newest.transaction, path, None))


def _repeated(look: Callable[[], None]) -> None:
    """Look several times before damage is believed, as another process may be committing meanwhile."""
    for attempt in range(_ATTEMPTS):
        try:
            look()
            return
        except CorruptionError:
            if attempt == _ATTEMPTS - 1:
                raise
        time.sleep(_PAUSE_SECONDS)


def _check(transaction: int, path: str, examine: Examine | None) -> None:
    meta = read_meta(path)
    _check_transactions(meta, path)
    state = next((page for page in meta.pages if page.transaction == transaction), None)
    if state is None:
        raise CorruptionError(path, f"no meta page is of transaction {transaction}")
    memory = map_file(path)
    for page in meta.pages:
        if page is not state:
            LmdbStructure(memory, page, path).check_transaction()
    entries = LmdbStructure(memory, state, path).entries()
    if examine is not None:
        examine(memory, entries, path)


def _check_transactions(meta: LmdbMeta, path: str) -> None:
    """Check that the meta pages are of two transactions in a row, the even one first, or of a new file."""
    even, odd = meta.transactions
    if (even, odd) != (0, 0) and (even % 2 or not odd % 2 or abs(even - odd) != 1):
        raise CorruptionError(path, f"its meta pages are of transactions {even} and {odd}")
