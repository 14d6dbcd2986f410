"""Groups of hits as messages: columns on both sides."""

from __future__ import annotations

from typing import TypeAlias

from ....engine.errors import InvalidArgument
from ....engine.results.carried import Named
from ....engine.results.facet import FieldValue
from ....engine.results.groups import BatchGroups
from ....proto.v1 import search_pb2 as pb
from ..payload_values import put_value, read_value
from .hits import damaged, put_hits

Answer: TypeAlias = pb.SearchGroupsResponse | pb.ExplainResponse
"""What carries groups, in fields of the same names."""


def put_groups(message: Answer, groups: BatchGroups, with_payload: Named = True) -> None:
    """Fill ``message`` with the groups of a batch."""
    every = groups.groups
    put_hits(message.hits, every.hits, with_payload)
    message.counts.extend(every.hits.counts.tolist())
    message.groups.extend(groups.counts)
    for value in every.values:
        put_value(message.values.add(), value)


def read_group_values(message: Answer, queries: int, k: int) -> list[FieldValue]:
    """Return the values of the groups of ``queries`` queries that asked for ``k`` groups each.

    Raises
    ------
    Corruption
        When the columns of the message do not fit each other, or what was asked for.
    """
    values, groups = message.values, message.groups
    if len(groups) != queries or max(groups, default=0) > k or sum(groups) != len(values):
        raise damaged(
            f"it has {len(values)} values for {sum(groups)} groups of {len(groups)} queries; expected those "
            f"of {queries} queries with at most {k} groups"
        )
    try:
        return list(map(read_value, values))
    except InvalidArgument as error:
        raise damaged(str(error)) from error
