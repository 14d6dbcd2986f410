"""What a caller may ask of a search, checked alike for a database that is embedded and one that is remote."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from inspect import unwrap
from typing import Any

import numpy as np

from ..errors import InvalidArgument, LimitExceeded
from .queries import check_integer

MAX_K = 10_000
MAX_EF = 65_536
MAX_THREADS = 1024
MAX_RESULTS = 50_000_000
"""Places of all queries of one call: rows, places and scores of so many take about a gigabyte."""


@dataclass(frozen=True, slots=True)
class SearchKnobs:
    """What the caller said about effort.

    Attributes
    ----------
    recall : float
        Target recall@k, above 0 and at most 1.
    ef : int or None
        Explicit width of a graph walk; overrides ``recall``.
    exact : bool
        Whether to score every row that may be returned.
    """

    recall: float = 0.95
    ef: int | None = None
    exact: bool = False


def check_options(
    k: int, offset: int, threads: int, recall: float, ef: int | None, exact: bool
) -> SearchKnobs:
    """Return what the caller said about effort, after checking every option of a search.

    Raises
    ------
    InvalidArgument
        With the option to blame as its ``field``.
    """
    # The common call, which is to cost little.
    plain = type(k) is type(offset) is type(threads) is int
    if not plain or offset or threads != 1 or not 1 <= k <= MAX_K:
        depth = check_integer("k", k, 1, MAX_K)
        check_integer("offset", offset, 0, MAX_K - depth)
        check_integer("threads", threads, 0, MAX_THREADS)
    try:
        return _knobs(recall, ef, exact)
    except TypeError as error:
        # An argument that cannot be hashed is none that the cache, or anybody, can use.
        raise InvalidArgument(
            f"recall is {recall!r}, ef is {ef!r}, exact is {exact!r}; expected number, integer, bool",
            field="recall",
        ) from error


def every_option(search: Callable[..., Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """Return all options that a ``search`` method takes by keyword, those that were not said by default.

    Raises
    ------
    InvalidArgument
        Something else was said.
    """
    options: dict[str, Any] = dict(unwrap(search).__kwdefaults__)
    unknown = sorted(said.keys() - options.keys())
    if unknown:
        raise InvalidArgument(
            f"explain() got {unknown[0]!r}; it takes what search() takes: {sorted(options)}",
            field=unknown[0],
        )
    return {**options, **said}


def check_results(queries: int, k: int) -> None:
    """Raise LimitExceeded when so many queries of ``k + offset`` ask for more than one call returns."""
    if queries * k > MAX_RESULTS:
        raise LimitExceeded(
            f"{queries:,} queries with k + offset {k:,} ask for {queries * k:,} results; one call returns at "
            f"most {MAX_RESULTS:,}: send the batch in parts of {MAX_RESULTS // k:,} queries",
            field="query",
        )


@lru_cache(maxsize=256, typed=True)
def _knobs(recall: float, ef: int | None, exact: bool) -> SearchKnobs:
    if ef is not None:
        check_integer("ef", ef, 1, MAX_EF)
    number = isinstance(recall, float | int | np.floating | np.integer) and not isinstance(recall, bool)
    if not number or not 0 < recall <= 1:
        raise InvalidArgument(
            f"recall is {recall!r}; expected a fraction above 0 and at most 1, such as 0.95", field="recall"
        )
    if not isinstance(exact, bool | np.bool_):
        raise InvalidArgument(f"exact is {exact!r}; expected True or False", field="exact")
    return SearchKnobs(float(recall), None if ef is None else int(ef), bool(exact))
