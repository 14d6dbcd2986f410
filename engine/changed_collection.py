"""What is done to points that are there: deleting them, changing their payloads and vectors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .api import Ids
from .columnar_collection import ColumnarCollection
from .error_translation import public
from .filters.notations.reading import FilterLike
from .hosts.host import Host
from .input.ids import selection, unique_ids
from .input.payload_update import PayloadChange
from .state.collection_state import CollectionState
from .writing.point_operations import Delete


@public
class ChangedCollection:
    """The part of :class:`~vicinal.engine.collection.Collection` that changes points that are stored."""

    _state: CollectionState
    _host: Host
    _columns: ColumnarCollection

    def delete(
        self, ids: Ids | None = None, *, filter: FilterLike | None = None, tenant: str | None = None
    ) -> int:
        """Delete points by id, or all that satisfy a filter; return how many there were.

        Exactly one of ``ids`` and ``filter`` is given. Ids that do not exist are passed over. A filter
        without a condition, as ``{}``, is refused; ``~has_id([])`` chooses every point.
        """
        listed, chosen = selection(self._host.schema(self._state), ids, filter)
        owner = self._columns.chooses(chosen, tenant)
        if owner is None:
            return 0
        return int(self._host.submit(Delete(self._state, owner, listed, chosen)))

    def update_payload(
        self,
        payload: PayloadChange,
        ids: Ids | None = None,
        *,
        filter: FilterLike | None = None,
        key: str | None = None,
        replace: bool = False,
        tenant: str | None = None,
    ) -> int:
        """Merge ``payload`` into the payloads of the chosen points, or replace them; vectors stay.

        All of them change together, or none does.

        Parameters
        ----------
        payload : mapping or sequence of mapping
            One object for all points, or one for each of ``ids``. Its keys are set, others stay; it is not
            merged further down.
        ids, filter
            Exactly one of them is given, as to :meth:`delete`.
        key : str, optional
            The dotted path of an object in the payload, which is merged into instead: ``key="maker"`` with
            ``{"city": "Turin"}`` sets ``maker.city``. Objects that are missing on the way are made; what
            stands there and is no object gives way to one.
        replace : bool
            Put ``payload`` in the place of the payload, or of what is at ``key``.

        Returns
        -------
        int
            How many points there were.
        """
        return self._columns.update_payload(payload, ids, filter, key, replace, tenant)

    def delete_payload(
        self,
        keys: Iterable[str],
        ids: Ids | None = None,
        *,
        filter: FilterLike | None = None,
        tenant: str | None = None,
    ) -> int:
        """Delete keys of the payloads of the chosen points; return how many points there were.

        A key is a dotted path, as in filters: ``maker.city`` is the key ``city`` of the object ``maker``, or
        of each object in the list ``maker``. What is not there is passed over; an object that loses its last
        key stays, empty. Exactly one of ``ids`` and ``filter`` is given, as to :meth:`delete`.
        """
        return self._columns.delete_payload(keys, ids, filter, tenant)

    def clear_payload(
        self, ids: Ids | None = None, *, filter: FilterLike | None = None, tenant: str | None = None
    ) -> int:
        """Empty the payloads of the chosen points; return how many there were."""
        return self._columns.update_payload({}, ids, filter, None, True, tenant)

    def update_vectors(self, ids: Ids, vectors: Any, *, tenant: str | None = None) -> int:
        """Change vectors of points that exist; payloads and other fields stay. Return how many there were.

        Each id stands once; those that do not exist are passed over. Vectors are given as to :meth:`upsert`;
        where they have none for a point, it keeps its own. All change together, or none does.
        """
        return self._columns.update_vectors(unique_ids(ids), vectors, tenant)

    def delete_vectors(
        self,
        fields: Iterable[str],
        ids: Ids | None = None,
        *,
        filter: FilterLike | None = None,
        tenant: str | None = None,
    ) -> int:
        """Delete the vectors of the chosen points in some fields; return how many points there were.

        What is not there is passed over; a point that loses its last vector stays. Exactly one of ``ids`` and
        ``filter`` is given, as to :meth:`delete`.
        """
        return self._columns.delete_vectors(fields, ids, filter, tenant)
