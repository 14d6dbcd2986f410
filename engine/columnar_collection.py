"""A collection in columns: for those who have points as arrays and texts, and count what they read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..storage.columns.batch import Batch
from ..storage.columns.ids import IdColumn
from ..storage.columns.payloads import PayloadColumn
from .api import Ids
from .error_translation import public
from .filters.expression import Filter
from .filters.notations.reading import FilterLike
from .hosts.host import Host
from .input.ids import id_list, named_columns, selection, vector_columns, vector_fields
from .input.options import SearchOptions
from .input.order import Position, checked_order
from .input.payload_paths import payload_paths
from .input.payload_update import PayloadChange, payload_update
from .input.queries import bound, carried, check_flag, check_integer
from .input.score_request import score_request
from .input.texts import encoded_columns, given_fields
from .input.upsert_condition import UpsertMode, upsert_condition
from .results.carried import Carried
from .results.explanation import Explanation
from .results.point import PointColumns, PointId
from .results.written import Written
from .search.calls.call import answer, hits
from .search.calls.grouping import grouped
from .search.columnar_reads import fitting, read_columns
from .search.explaining import explanation
from .search.ordered_pages import find_ordered_page
from .search.point_reads import PagePlaces, count_seen, find_page, find_points, find_sample, read_ahead
from .search.read_pages import find_page_read
from .search.scores import scores
from .segments.sizes import Admit
from .segments.snapshot import Snapshot
from .state.collection_state import CollectionState
from .tenants.tenant import Tenant, reading_tenant, writing_tenant
from .vocabulary.token_columns import IdsOf
from .writing.payload_changes import Payload, with_change, with_payloads, without_paths
from .writing.point_operations import Change, Update, upsert
from .writing.vector_changes import check_kept, with_vectors, without_vectors

SCROLL_LIMIT = 10_000
"""Points of the longest page."""


@public
class ColumnarCollection:
    """What :class:`Collection` is made of, and the server reads through. Safe to use from any thread.

    Points go in and out as columns, payloads as texts that nobody parses on the way. ``admit`` is told
    how many bytes are going to be read or written, before any is, and may raise a VicinalError.
    """

    def __init__(self, state: CollectionState, host: Host) -> None:
        self._state = state
        self._host = host

    def view(self, tenant: str | None) -> tuple[Snapshot, Tenant | None]:
        """Return the newest snapshot, and then the tenant, which may have come with it."""
        return self._view(tenant)

    def _view(self, tenant: str | None) -> tuple[Snapshot, Tenant | None]:
        snapshot = self._host.current(self._state)
        owner = reading_tenant(self._state, tenant)
        if owner is None:
            # A tenant that never wrote has no points, and learns no more than that.
            return snapshot.without_points(), None
        return (snapshot if owner.name is None else snapshot.seen_by(owner.number)), owner

    def count_seen(self, tenants: Iterable[str]) -> tuple[int, int]:
        """Return how many points tenants see together, each once, and how many of the tenants see any."""
        snapshot = self._host.current(self._state)
        owners = [reading_tenant(self._state, tenant) for tenant in tenants]
        return count_seen(snapshot, [owner.number for owner in owners if owner is not None])

    def requests_per_second(self, tenant: str) -> float | None:
        """Return how many calls a second a tenant may make, None for as many as it likes."""
        self._host.current(self._state)
        return self._state.tenants.quota(tenant).requests_per_second

    def upsert(
        self,
        ids: IdColumn,
        vectors: Any,
        payloads: PayloadColumn,
        tenant: str | None,
        mode: UpsertMode | str = UpsertMode.UPSERT,
        only_if: FilterLike | None = None,
    ) -> Written:
        """Insert or replace points as :meth:`Collection.upsert` does, of ids that differ from each other."""
        state, n = self._state, len(ids)
        owner = writing_tenant(state, tenant)
        schema = self._host.schema(state)
        condition = upsert_condition(schema, mode, only_if)
        columns = vector_columns(schema, vectors, n) | encoded_columns(schema, payloads)
        if not n:
            return Written(self._host.current(state).next_sequence, 0)
        numbers = np.full(n if schema.partitioned else 0, owner.number, np.uint32)
        batch = Batch(ids=ids, tenants=numbers, vectors=columns, payloads=payloads)
        written: Written = self._host.submit(upsert(state, schema, owner, batch, condition))
        return written

    def chooses(self, filter: Filter | None, tenant: str | None) -> Tenant | None:
        """Return the tenant of whose points a write by filter chooses some, None when it has none.

        What the filter needs of payloads is read here, under the deadline of the caller: the thread that
        writes does not hold others up by it.
        """
        snapshot, owner = self._view(tenant)
        if owner is not None and filter is not None:
            read_ahead(snapshot, bound(filter, snapshot.schema), owner)
        return owner

    def update_payload(
        self,
        payload: PayloadChange,
        ids: Ids | None,
        filter: FilterLike | None,
        key: str | None,
        replace: bool,
        tenant: str | None,
        admit: Admit | None = None,
    ) -> int:
        """Merge into payloads, or replace them, as :meth:`Collection.update_payload` does.

        ``admit`` is told, in the writer's thread, the bytes to be written.
        """
        check_flag("replace", replace)
        schema = self._host.schema(self._state)
        asked = payload_update(schema, payload, ids, filter, key)
        owner = self.chooses(asked.filter, tenant)
        if owner is None:
            return 0
        changes = asked.payloads.to_list()
        # One for each id, or one for all.
        of_id = dict(zip(asked.ids, changes, strict=True)) if asked.listed and asked.ids is not None else None

        def change(point_id: PointId, old: Payload) -> Payload:
            return with_change(old, changes[0] if of_id is None else of_id[point_id], asked.path, replace)

        added = asked.payloads.largest() + sum(map(len, asked.path))
        # A word of a letter and the space behind it become a term and how often it is there.
        added *= 1 + 4 * (len(schema.vectors) - len(given_fields(schema)))
        changed = self._of_payloads(change)
        return int(
            self._host.submit(Update(self._state, owner, asked.ids, asked.filter, changed, added, admit))
        )

    def delete_payload(
        self,
        keys: Iterable[str],
        ids: Ids | None,
        filter: FilterLike | None,
        tenant: str | None,
        admit: Admit | None = None,
    ) -> int:
        """Delete keys of payloads as :meth:`Collection.delete_payload` does; ``admit`` as when updating."""
        paths = payload_paths(keys)
        listed, chosen = selection(self._host.schema(self._state), ids, filter)
        owner = self.chooses(chosen, tenant)
        if owner is None:
            return 0

        def change(point_id: PointId, old: Payload) -> Payload:
            return without_paths(old, paths)

        changed = self._of_payloads(change)
        return int(self._host.submit(Update(self._state, owner, listed, chosen, changed, 0, admit)))

    def update_vectors(
        self, ids: IdColumn, vectors: Any, tenant: str | None, admit: Admit | None = None
    ) -> int:
        """Change vectors as :meth:`Collection.update_vectors` does, of ids that differ from each other."""
        schema = self._host.schema(self._state)
        columns = named_columns(schema, vectors, len(ids))
        _, owner = self._view(tenant)
        if owner is None or not columns:
            return 0
        added = int(max(column.row_bytes().max(initial=0) for column in columns.values())) * len(columns)

        def changed(old: Batch, ids_of: IdsOf) -> Batch:
            check_kept(columns, schema, self._state.schema)
            return with_vectors(old, ids, columns, ids_of)

        return int(self._host.submit(Update(self._state, owner, ids.to_list(), None, changed, added, admit)))

    def delete_vectors(
        self,
        fields: Iterable[str],
        ids: Ids | None,
        filter: FilterLike | None,
        tenant: str | None,
        admit: Admit | None = None,
    ) -> int:
        """Delete vectors as :meth:`Collection.delete_vectors` does; ``admit`` as when updating."""
        schema = self._host.schema(self._state)
        named = vector_fields(schema, fields)
        listed, chosen = selection(schema, ids, filter)
        owner = self.chooses(chosen, tenant)
        if owner is None:
            return 0

        def changed(old: Batch, _: IdsOf) -> Batch:
            check_kept(named, schema, self._state.schema)
            return without_vectors(old, named)

        return int(self._host.submit(Update(self._state, owner, listed, chosen, changed, 0, admit)))

    def get(
        self, ids: Ids, asked: Carried, tenant: str | None, admit: Admit
    ) -> tuple[NDArray[np.bool_], PointColumns]:
        """Return which of the ids exist, (n,), and their points in that order."""
        wanted = id_list(ids)
        snapshot, owner = self._view(tenant)
        places = find_points(snapshot, wanted, owner)
        found = places >= 0
        return found, read_columns(snapshot, places[found], _checked(snapshot, asked), admit)

    def scroll(
        self,
        filter: FilterLike | None,
        limit: int,
        after: Position | None,
        order_by: str | None,
        asked: Carried,
        tenant: str | None,
        most_bytes: int,
        admit: Admit,
    ) -> tuple[PointColumns, Position | None]:
        """Return a page of points as :meth:`Collection.scroll` does, and where the next one starts.

        The page ends before its columns take more than ``most_bytes``, but has a point if there is one.
        """
        snapshot, page = self.page(filter, limit, after, order_by, tenant)
        asked = _checked(snapshot, asked)
        page = fitting(snapshot, page, asked, most_bytes)
        return read_columns(snapshot, page.places, asked, admit), page.next

    def sample(
        self,
        n: int,
        filter: FilterLike | None,
        seed: int | None,
        asked: Carried,
        tenant: str | None,
        admit: Admit,
    ) -> PointColumns:
        """Return points drawn as :meth:`Collection.sample` does."""
        snapshot, places = self.drawn(n, filter, seed, tenant)
        return read_columns(snapshot, places, _checked(snapshot, asked), admit)

    def drawn(
        self, n: int, filter: FilterLike | None, seed: int | None, tenant: str | None
    ) -> tuple[Snapshot, NDArray[np.int64]]:
        """Return where points are that were drawn, and in which snapshot."""
        n = check_integer("n", n, 1, SCROLL_LIMIT)
        if seed is not None:
            seed = check_integer("seed", seed, 0, 2**63 - 1)
        snapshot, owner = self._view(tenant)
        return snapshot, find_sample(snapshot, bound(filter, snapshot.schema), owner, n, seed)

    def page(
        self,
        filter: FilterLike | None,
        limit: int,
        after: Position | None,
        order_by: str | None,
        tenant: str | None,
    ) -> tuple[Snapshot, PagePlaces]:
        """Return where the points of a page are, and in which snapshot."""
        limit = check_integer("limit", limit, 1, SCROLL_LIMIT)
        snapshot, owner = self._view(tenant)
        expression = bound(filter, snapshot.schema)
        order = checked_order(snapshot.schema, order_by)
        if order is not None and order.kind is None:
            return snapshot, find_page_read(snapshot, expression, owner, limit, after, order)
        if order is not None:
            return snapshot, find_ordered_page(snapshot, expression, owner, limit, after, order)
        return snapshot, find_page(snapshot, expression, owner, limit, 0 if after is None else after.sequence)

    def search(self, query: Any, options: SearchOptions) -> Any:
        """Return the nearest points as :meth:`Collection.search` does."""
        snapshot, owner = self._view(options.tenant)
        if options.group_by is not None:
            return grouped(snapshot, owner, query, options)[0]
        if self._host.audit.wants:
            offered = self._host.audit.offering(self._state.name, self._state.audited, snapshot)
            return answer(snapshot, owner, query, options, offered)[0]
        return hits(snapshot, owner, query, options)

    def explain(self, query: Any, options: SearchOptions) -> Explanation:
        """Return what :meth:`search` does with its plan, as :meth:`Collection.explain` does."""
        snapshot, owner = self._view(options.tenant)
        if options.group_by is None:
            return explanation(
                *answer(snapshot, owner, query, options), options.tokens, snapshot.schema.fields
            )
        return explanation(*grouped(snapshot, owner, query, options), options.tokens, snapshot.schema.fields)

    def score(
        self, query: Any, ids: Any, field: str | None, tokens: Any, tenant: str | None
    ) -> NDArray[np.float32]:
        """Return the exact scores of named points as :meth:`Collection.score` does."""
        snapshot, owner = self._view(tenant)
        request = score_request(snapshot.schema, query, ids, field, tokens)
        found = scores(snapshot, owner, request)
        return found[0] if request.single else found

    def _of_payloads(self, change: Callable[[PointId, dict[str, Any]], Payload]) -> Change:
        """Return what changes payloads, and with them the vectors that are made of them."""

        def changed(old: Batch, _: IdsOf) -> Batch:
            new = with_payloads(old, change)
            return replace(new, vectors={**new.vectors, **encoded_columns(self._state.schema, new.payloads)})

        return changed


def _checked(snapshot: Snapshot, asked: Carried) -> Carried:
    return carried(snapshot.schema, asked.payload, asked.vectors)
