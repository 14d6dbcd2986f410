"""What a search asks for, as a message."""

from __future__ import annotations

from functools import lru_cache

from ....engine.filters.notations.reading import as_filter
from ....engine.input.candidates import Candidates
from ....engine.input.options import MAX_THREADS, Budgets, SearchKeywords, SearchOptions, search_options
from ....engine.results.carried import fields_of
from ....proto.v1 import search_pb2 as pb
from ..filters import read_filter

_BUDGETS = ("query", "point")
# What callers ask for, apart from the query, is mostly what they asked for before. A few megabytes at most.
_KEPT = 512
_KEPT_BYTES = 2_048


def put_options(message: pb.SearchOptions, options: SearchOptions, field: str) -> None:
    """Fill ``message`` with all but the filter; ``field`` is the one that is searched."""
    message.field = field
    message.k = options.k
    message.offset = options.offset
    message.recall = options.recall
    message.effort.update(options.effort)
    message.exact = options.exact
    if options.score_threshold is not None:
        message.score_threshold = options.score_threshold
    message.with_payload = options.with_payload is True
    message.payload_keys.extend(fields_of(options.with_payload) or ())
    message.with_vectors = options.with_vectors is True
    message.vector_fields.extend(fields_of(options.with_vectors) or ())
    put_budgets(message.tokens, options.tokens)
    # The server has none but its own cores, and takes 0 for one.
    message.threads = options.threads or MAX_THREADS


def put_candidates(message: pb.Candidates, options: SearchOptions, field: str) -> None:
    """Fill ``message`` with all of a first stage but its query; ``field`` is the one that it searches."""
    message.field, message.count = field, options.k
    message.recall, message.exact = options.recall, options.exact
    message.effort.update(options.effort)
    put_budgets(message.tokens, options.tokens)


def read_options(
    message: pb.SearchOptions,
    tenant: str | None,
    most_threads: int,
    candidates: pb.Candidates | None = None,
    groups: pb.SearchGroupsRequest | pb.ExplainRequest | None = None,
) -> SearchOptions:
    """Return what a message asks for on behalf of a tenant, with what a first stage and groups do.

    Equal messages that are short are read once: what they ask for is one value, whose filter keeps what it
    means in the schema of a collection.

    Raises
    ------
    InvalidArgument
        With the option to blame as its ``field``.
    """
    if candidates is None and groups is None:
        data = message.SerializeToString()
        if len(data) <= _KEPT_BYTES:
            return _kept(data, tenant, most_threads)
    return _read(message, tenant, most_threads, candidates, groups)


@lru_cache(_KEPT)
def _kept(data: bytes, tenant: str | None, most_threads: int) -> SearchOptions:
    return _read(pb.SearchOptions.FromString(data), tenant, most_threads, None, None)


def _read(
    message: pb.SearchOptions,
    tenant: str | None,
    most_threads: int,
    candidates: pb.Candidates | None,
    groups: pb.SearchGroupsRequest | pb.ExplainRequest | None,
) -> SearchOptions:
    said: SearchKeywords = {
        "tenant": tenant,
        "exact": message.exact,
        "with_payload": tuple(message.payload_keys) or message.with_payload,
        "with_vectors": tuple(message.vector_fields) or message.with_vectors,
        "offset": message.offset,
        "threads": min(message.threads, most_threads) or 1,
    }
    if message.field:
        said["field"] = message.field
    if message.HasField("filter"):
        said["filter"] = as_filter(read_filter(message.filter))
    if message.HasField("recall"):
        said["recall"] = message.recall
    if message.HasField("ef"):
        said["ef"] = message.ef
    if message.effort:
        said["effort"] = message.effort
    if message.HasField("tokens"):
        said["tokens"] = read_budgets(message.tokens)
    if message.HasField("score_threshold"):
        said["score_threshold"] = message.score_threshold
    if groups is not None:
        said["group_by"], said["group_size"] = groups.group_by, groups.group_size
    if candidates is not None:
        said["candidates"] = Candidates(
            field=candidates.field or None,
            count=candidates.count,
            recall=candidates.recall if candidates.HasField("recall") else None,
            effort=candidates.effort or None,
            exact=candidates.exact,
            tokens=read_budgets(candidates.tokens) if candidates.HasField("tokens") else None,
        )
    return search_options(message.k, said)


def put_budgets(message: pb.TokenBudgets, tokens: Budgets | None) -> None:
    """Fill ``message`` with how many first tokens count; of all of them it says nothing."""
    for name, value in zip(_BUDGETS, tokens or (), strict=False):
        if value is not None:
            setattr(message, name, value)


def read_budgets(message: pb.TokenBudgets) -> Budgets:
    """Return how many first tokens of queries and of points count."""
    asked, stored = (getattr(message, name) if message.HasField(name) else None for name in _BUDGETS)
    return asked, stored
