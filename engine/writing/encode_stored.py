"""Making the vectors of a field that came after the points with the texts for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from ...storage.columns.batch import Batch
from ...storage.columns.partial import present_rows
from .. import deadline
from ..errors import NotFound
from ..filters.field import has_vector
from ..input.queries import bound
from ..input.texts import encoded_columns, source_of
from ..schema.collection_schema import CollectionSchema
from ..search.point_reads import find_page
from ..segments.snapshot import Snapshot
from ..state.collection_state import CollectionState
from ..tenants.tenant import Tenant, reading_tenant
from ..vocabulary.token_columns import IdsOf
from .point_operations import Update

# Points of one commit.
_PART = 1024


def encode_stored(
    state: CollectionState,
    current: Callable[[CollectionState], Snapshot],
    submit: Callable[[Update], int],
    field: str,
) -> None:
    """Write the points anew that have a text for a field and no vector in it; in parts, each a commit.

    What is written meanwhile has its vectors. After a part that failed, another call does the rest.
    """
    schema = current(state).schema
    if field not in schema.vectors or source_of(schema, field) is None:
        return
    lacking = bound(~has_vector(field), schema)
    for name in _owners(state) if schema.partitioned else [None]:
        owner = reading_tenant(state, name)
        after, more = 0, owner is not None
        while more:
            deadline.check()
            snapshot = current(state)
            page = find_page(snapshot, lacking, owner, _PART, after)
            more = page.more
            if len(page.places):
                after = int(page.sequence[-1])
                _encode(state, schema, owner, snapshot.ids(page.places), field, submit)


def _owners(state: CollectionState) -> Iterator[str]:
    after: str | None = None
    while names := state.tenants.names("", after, _PART):
        yield from names
        after = names[-1]


def _encode(
    state: CollectionState,
    known: CollectionSchema,
    owner: Tenant | None,
    ids: list[Any],
    field: str,
    submit: Callable[[Update], int],
) -> None:
    def change(old: Batch, _: IdsOf) -> Batch:
        if not state.schema.shares(field, known):
            raise NotFound(f"vector field {field!r} was dropped while its vectors were made", field="name")
        (column,) = encoded_columns(state.schema, old.payloads, [field]).values()
        rows = present_rows(column)
        return replace(old, vectors={**old.vectors, field: column}).take(rows)

    assert owner is not None
    submit(Update(state, owner, ids, None, change))
