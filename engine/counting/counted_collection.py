"""What a collection counts: its points, and the values of payload fields."""

from __future__ import annotations

from ..columnar_collection import ColumnarCollection
from ..error_translation import public, raises_its_own
from ..filters.notations.reading import FilterLike
from ..input.payload_paths import FACET_LIMIT, ordered_path, read_path
from ..input.queries import bound, check_integer
from ..results.facet import Facet, FieldValue
from ..search.point_reads import count_points
from ..segments.sizes import Admit
from .facets import count_values, least_and_most


@public
class CountedCollection:
    """The part of :class:`~vicinal.engine.collection.Collection` that answers with counts and values."""

    _columns: ColumnarCollection

    def count(self, *, filter: FilterLike | None = None, tenant: str | None = None) -> int:
        """Return exactly how many points there are, or satisfy ``filter``."""
        snapshot, owner = self._columns.view(tenant)
        return count_points(snapshot, bound(filter, snapshot.schema), owner)

    def facet(
        self,
        field: str,
        *,
        filter: FilterLike | None = None,
        limit: int | None = 10,
        tenant: str | None = None,
    ) -> list[Facet]:
        """Return the values of a payload field and exactly how many points have each, most frequent first.

        Values that are equally frequent come in the order false, true, numbers, texts, numbers and texts
        rising. A point counts once for a value, and for each value of a list. Null, objects and lists within
        lists are no values.

        Parameters
        ----------
        field : str
            Path into the payload, as filters take it: ``maker.city``, ``cast[].name`` or ``cast[0].name``.
        filter : Filter or mapping, optional
            Only points that satisfy it are counted.
        limit : int, optional
            Values returned, at most 100,000; None for all there are.
        tenant : str, optional
            Whose points are counted; required in a partitioned collection.

        Returns
        -------
        list of Facet
            Values as they are stored. Of an indexed field those of its type: floats of a float field, and of
            times and UUIDs that are the same in several spellings one of these. Of other fields values go by
            their own types: 1 and 1.0 are one, 1 and true are two.

        Raises
        ------
        UnindexedField
            The field is not indexed, and the schema is strict.
        InvalidArgument
            It is no path, or the limit is none.
        """
        return facets(self._columns, field, filter, limit, tenant)

    def min_max(
        self, field: str, *, filter: FilterLike | None = None, tenant: str | None = None
    ) -> tuple[FieldValue, FieldValue] | None:
        """Return the least and the most value of a payload field, as they are stored, None where none is.

        Of an indexed field, which is to be of integers, floats or times. Of one without an index the numbers
        count, or where no point has one, the texts that are times.

        Parameters
        ----------
        field : str
            Path into the payload, as to :meth:`facet`.
        filter : Filter or mapping, optional
            Only points that satisfy it are looked at.
        tenant : str, optional
            Whose points; required in a partitioned collection.

        Raises
        ------
        UnindexedField
            The field is not indexed, and the schema is strict.
        InvalidArgument
            It is no path, or of a type that has no order.
        """
        snapshot, owner = self._columns.view(tenant)
        path = ordered_path(snapshot.schema, field)
        return least_and_most(snapshot, path, bound(filter, snapshot.schema), owner)


@raises_its_own
def facets(
    columns: ColumnarCollection,
    field: str,
    filter: FilterLike | None,
    limit: int | None,
    tenant: str | None,
    admit: Admit | None = None,
) -> list[Facet]:
    """Return the values of a payload field as :meth:`CountedCollection.facet` does.

    ``admit`` is told what values take, while they are counted and before they are returned.
    """
    limit = None if limit is None else check_integer("limit", limit, 1, FACET_LIMIT)
    snapshot, owner = columns.view(tenant)
    path, expression = read_path(snapshot.schema, field), bound(filter, snapshot.schema)
    return count_values(snapshot, path, expression, owner, limit, admit)
