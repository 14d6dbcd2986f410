"""What a caller asks of a search, checked alike for a database that is embedded and one that is remote."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from typing import Any, TypedDict, cast
from uuid import UUID

import numpy as np

from ..errors import InvalidArgument, LimitExceeded
from ..filters.notations.reading import FiltersLike
from ..results.carried import Named
from ..results.point import PointId
from ..schema.vector_field import VectorField
from ..vector_kinds.registry import kind_of
from .candidates import Candidates, StagedQuery
from .effort import Knobs, finite_number, given_knobs, hashable_effort
from .ids import Ids
from .queries import check_flag, check_integer, check_named
from .stored_queries import stored_queries

MAX_K = 10_000
MAX_THREADS = 1024
MAX_RESULTS = 50_000_000
"""Places of all queries of one call: rows, places and scores of so many take about a gigabyte."""

_RECALL = 0.95

MAX_BUDGET = 65_536
"""Tokens of a query or of a point, as many as any point has."""

Budgets = tuple[int | None, int | None]
"""How many first tokens of a query and of each point count; None for all."""


class SearchKeywords(TypedDict, total=False):
    """What ``search`` and ``explain`` take by keyword; :meth:`Collection.search` says what each means."""

    by_id: PointId | UUID | Ids | None
    field: str | None
    filter: FiltersLike | None
    recall: float
    effort: Mapping[str, float] | None
    ef: int | None
    exact: bool
    tenant: str | None
    offset: int
    with_payload: bool | Sequence[str]
    with_vectors: bool | Sequence[str]
    threads: int
    tokens: Sequence[int | None] | None
    candidates: Candidates | None
    score_threshold: float | None
    group_by: str | None
    group_size: int


def _fraction(name: str, value: Any) -> float:
    number = isinstance(value, float | int | np.floating | np.integer) and not isinstance(value, bool)
    if not number or not 0 < value <= 1:
        raise InvalidArgument(
            f"{name} is {value!r}; expected a fraction above 0 and at most 1, such as 0.95", field=name
        )
    return float(value)


def _field_name(name: str, value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise InvalidArgument(f"{name} is {value!r:.80}; expected the name of a vector field", field=name)
    return value


def _threshold(name: str, value: Any) -> float | None:
    return None if value is None else float(finite_number(name, name, value))


def _grouping(name: str, value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise InvalidArgument(f"{name} is {value!r:.80}; expected the path of a payload field", field=name)
    return value


def budgets(tokens: Any) -> Budgets | None:
    """Return what was said of first tokens, None for all of them; InvalidArgument for what says nothing."""
    if tokens is None:
        return None
    if not isinstance(tokens, tuple | list) or len(tokens) != 2:
        raise InvalidArgument(
            f"tokens is {tokens!r:.80}; expected how many first tokens of the query count and how many of "
            "each point, as (8, 32), with None for all of them",
            field="tokens",
        )
    asked, stored = (None if one is None else check_integer("tokens", one, 1, MAX_BUDGET) for one in tokens)
    return None if asked is None and stored is None else (asked, stored)


@dataclass(frozen=True)
class SearchOptions:
    """All that one search asks for but its queries, made by :func:`search_options`.

    Attributes
    ----------
    k, offset : int
        Results of each query, after leaving out so many.
    field : str or None
    filter : Filter, mapping, str, list of those or None
        As the caller wrote it, for all queries or one for each; checked against the schema of the collection.
    recall : float
        Target recall@k, above 0 and at most 1.
    effort : tuple of (str, float)
        Knobs of the index that overrule ``recall``; empty when none was given.
    exact : bool
    tenant : str or None
        As the caller gave it; checked by the collection.
    threads : int
    with_payload, with_vectors : bool or tuple of str
        Checked against the schema of the collection.
    tokens : (int or None, int or None) or None
        How many first tokens of queries and of points count; None where all do.
    candidates : SearchOptions or None
        Of the first stage that finds what is scored; None where there is none.
    score_threshold : float or None
        Hits that are not at least as near as this are left out.
    group_by : str or None
        Path of the payload field by whose values hits are grouped; checked against the schema.
    group_size : int
        Hits of each of the ``k`` groups.
    """

    k: int = 10
    offset: int = 0
    field: str | None = None
    filter: FiltersLike | None = None
    recall: float = _RECALL
    effort: Knobs = ()
    exact: bool = False
    tenant: str | None = None
    threads: int = 1
    with_payload: Named = True
    with_vectors: Named = False
    tokens: Budgets | None = None
    candidates: SearchOptions | None = None
    score_threshold: float | None = None
    group_by: str | None = None
    group_size: int = 3

    @cached_property
    def of_schemas(self) -> dict[int, Any]:
        """What searches keep of them by schema; one for all that differ in the filter alone."""
        return {}

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


_LISTED = {"with_payload", "with_vectors"}
_UNHASHED = frozenset(_LISTED | {"tokens", "effort", "candidates"})
# What makes of each that a caller said what is kept of it; the filter is checked against a schema alone.
_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "k": partial(check_integer, low=1, high=MAX_K),
    "offset": partial(check_integer, low=0, high=MAX_K - 1),
    "field": _field_name,
    "recall": _fraction,
    "effort": lambda _name, knobs: knobs,
    "exact": check_flag,
    "tenant": lambda _name, tenant: tenant,
    "threads": partial(check_integer, low=0, high=MAX_THREADS),
    "with_payload": check_named,
    "with_vectors": check_named,
    "tokens": lambda _name, budgets: budgets,
    "candidates": lambda _name, options: options,
    "score_threshold": _threshold,
    "group_by": _grouping,
    "group_size": partial(check_integer, low=1, high=MAX_K),
}


def asked(query: Any, k: int, said: SearchKeywords) -> tuple[Any, SearchOptions]:
    """Return the query and the options of a search: all that its caller said.

    Raises
    ------
    InvalidArgument
        As :func:`search_options`; or there is no query, or two.
    """
    by_id = said.pop("by_id", None)
    if query is None or by_id is not None:
        query = stored_queries(query, by_id)
    options = search_options(k, said)
    first = said.get("candidates")
    return (query if first is None else StagedQuery(query, first.query)), options


def search_options(k: int, said: SearchKeywords) -> SearchOptions:
    """Return what a caller said as one value.

    Raises
    ------
    InvalidArgument
        With the option to blame as its ``field``.
    """
    others: dict[str, Any] = {**said}
    filter = others.pop("filter", None)
    if not _UNHASHED.isdisjoint(others):
        _make_hashable(k, others)
    try:
        options = _checked(k, **others)
    except TypeError:
        # What has no hash is mostly a mistake, which this tells.
        options = _checked.__wrapped__(k, **others)
    if filter is None:
        return options
    # As dataclasses.replace does, in a tenth of its time, which each search with a filter takes.
    made = object.__new__(SearchOptions)
    made.__dict__.update(options.__dict__, filter=filter, of_schemas=options.of_schemas)
    return made


def _make_hashable(k: Any, said: dict[str, Any]) -> None:
    """Put what has a hash in the place of dicts, lists and candidates."""
    if said.get("candidates") is not None:
        said["candidates"] = _first_stage(k, said)
    if "effort" in said:
        said["effort"] = hashable_effort(said["effort"])
    for name in _LISTED & said.keys():
        if isinstance(said[name], list):
            said[name] = tuple(said[name])
    if "tokens" in said:
        # Not by what is kept, as True is equal to 1.
        said["tokens"] = budgets(said["tokens"])


def _first_stage(k: Any, said: Mapping[str, Any]) -> SearchOptions:
    """Return the options of the first stage of a search of which all is known but whether it makes sense."""
    given = said["candidates"]
    if not isinstance(given, Candidates):
        raise InvalidArgument(
            f"candidates is a {type(given).__name__}; expected what finds them, as "
            "vicinal.Candidates(query, field='dense', count=200)",
            field="candidates",
        )
    if said.get("exact") or any(said.get(name) is not None for name in ("effort", "ef")):
        raise InvalidArgument(
            "effort, ef and exact say how the index of the searched field is used, which a search of "
            "candidates does not read; give them to Candidates",
            field="candidates",
        )
    count = check_integer("candidates", given.count, 1, MAX_K)
    wanted = check_integer("k", k, 1, MAX_K) + check_integer("offset", said.get("offset", 0), 0, MAX_K - 1)
    if count < wanted:
        raise InvalidArgument(
            f"candidates count {count:,} and k + offset is {wanted:,}; score as many points as are to be "
            "returned at least: Candidates(count=...)",
            field="candidates",
        )
    recall = given.recall if given.recall is not None else said.get("recall", _RECALL)
    asked = {"field": given.field, "recall": recall, "exact": given.exact, "tokens": given.tokens}
    asked["threads"] = said.get("threads", 1)
    if given.effort is not None:
        asked["effort"] = given.effort
    return search_options(count, cast(SearchKeywords, asked))


def check_budgets(name: str, spec: VectorField, tokens: Budgets | None) -> None:
    """Raise InvalidArgument when parts of vectors are to count in a field whose vectors have none."""
    if tokens is not None and not kind_of(spec).has_budgets(spec):
        described = kind_of(spec).describe(spec)
        raise InvalidArgument(
            f"tokens={tokens} are of multi-vectors; the field {name!r} is {described}", field="tokens"
        )


def check_results(queries: int, k: int) -> None:
    """Raise LimitExceeded when so many queries of ``k + offset`` ask for more than one call returns."""
    if queries * k > MAX_RESULTS:
        raise LimitExceeded(
            f"{queries:,} queries with k + offset {k:,} ask for {queries * k:,} results; one call returns at "
            f"most {MAX_RESULTS:,}: send the batch in parts of {MAX_RESULTS // k:,} queries",
            field="query",
        )


@lru_cache(maxsize=1024, typed=True)
def _checked(k: Any, **said: Any) -> SearchOptions:
    unknown = sorted(said.keys() - _CHECKS.keys() - {"ef"})
    if unknown:
        known = sorted(SearchKeywords.__annotations__)
        raise InvalidArgument(f"a search takes no {unknown[0]!r}; it takes {known}", field=unknown[0])
    said["k"] = k
    if "ef" in said or "effort" in said:
        said["effort"] = given_knobs(said.get("effort"), said.pop("ef", None))
    options = SearchOptions(**{name: _CHECKS[name](name, value) for name, value in said.items()})
    check_integer("offset", options.offset, 0, MAX_K - options.k)
    if options.group_by is None:
        if "group_size" in said:
            raise InvalidArgument("group_size is of groups; say by what with group_by=", field="group_size")
    elif options.offset or options.candidates is not None:
        name = "offset" if options.offset else "candidates"
        raise InvalidArgument(f"a search by groups takes no {name}; leave it or group_by out", field=name)
    elif options.k * options.group_size > MAX_K:
        raise InvalidArgument(
            f"{options.k:,} groups of {options.group_size:,} hits are more than {MAX_K:,}; ask for fewer",
            field="group_size",
        )
    return options
