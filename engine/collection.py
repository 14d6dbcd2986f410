"""A collection as a caller uses it: validates, then reads a snapshot or hands a change to the writer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from .api import Ids
from .changed_collection import ChangedCollection
from .collection_tenants import Tenants
from .columnar_collection import ColumnarCollection
from .counting.counted_collection import CountedCollection
from .error_translation import public
from .filters.notations.reading import FilterLike
from .hosts.host import Host
from .input.ids import id_list, unique_ids
from .input.options import SearchKeywords, asked
from .input.order import position_after, token_of
from .input.payloads import Payloads, payload_column
from .input.queries import carried
from .input.upsert_condition import UpsertMode
from .results.explanation import Explanation
from .results.point import Page, Point
from .results.written import Written
from .schema.collection_schema import CollectionSchema
from .search.point_reads import find_points, read_points
from .state.collection_state import CollectionState
from .tended_collection import TendedCollection


@public
class Collection(ChangedCollection, CountedCollection, TendedCollection):
    """Points that share a schema. Safe to use from any number of threads.

    Got from :meth:`Database.create_collection` or :meth:`Database.collection`, never made directly. Writes
    are durable and visible to every search that starts after they returned. A search sees one snapshot and
    never waits for a write, a merge or an index build.
    """

    def __init__(self, state: CollectionState, host: Host) -> None:
        self._state = state
        self._host = host
        self._columns = ColumnarCollection(state, host)

    def __repr__(self) -> str:
        return f"Collection({self.name!r})"

    def __len__(self) -> int:
        """Return how many points are alive; in a partitioned collection, those of all tenants."""
        return self._host.current(self._state).n_points

    def __bool__(self) -> bool:
        # One without points is a collection all the same.
        return True

    @property
    def name(self) -> str:
        """Its own name, also when got by an alias; a reader knows a new one from its next call on."""
        return self._state.name

    @property
    def uuid(self) -> str:
        """Names it for good: a collection that is dropped and created again has another one."""
        return self._state.record.uuid

    @property
    def schema(self) -> CollectionSchema:
        """Its vector fields, indexed payload fields, and whether it is partitioned, strict, or auto."""
        return self._host.schema(self._state)

    @property
    def tenants(self) -> Tenants:
        """Those whose points it has: creating, listing and dropping them, what they have and may have."""
        return Tenants(self._state, self._host)

    def upsert(
        self,
        ids: Ids,
        vectors: Any = None,
        payloads: Payloads | None = None,
        *,
        mode: UpsertMode | str = UpsertMode.UPSERT,
        only_if: FilterLike | None = None,
        tenant: str | None = None,
    ) -> Written:
        """Insert points, or replace those whose ids exist.

        All of them become durable and visible together, or none does.

        Parameters
        ----------
        ids : sequence of int or str
            Unsigned 64-bit numbers or texts of 1 to 255 bytes of UTF-8; each once. A
            ``uuid.UUID`` is stored, and returned, as its text: 32 digits in lower case with dashes.
        vectors : mapping or array, optional
            Vectors by field name; the array itself when the schema has one field. Dense: ``(n, dim)``,
            packed ``uint8`` ``(n, dim / 8)`` for binary. Sparse: a CSR matrix, or for each point a dict, a
            tuple ``(indices, values)``, a list of ``(index, value)`` pairs or a dict of ``indices`` and
            ``values``; values of an index that is there twice are added up. The same with tokens, as
            ``{token: value}``, where the field has them. Multi-vector: a list of ``(tokens, dim)`` arrays. Or
            a column of a frame that holds them: lists, and for sparse ones objects of ``indices`` or
            ``tokens`` and ``values``. Where a point has none, a list has None and a frame a null, or
            :class:`PartialVectors` says so. In a field that is not named no point has one, and None alone
            names no field. Those that a field makes of texts in the payload (:class:`Bm25`) are not given.
        payloads : sequence of mapping or frame, optional
            A JSON object or None for each point; or a pandas, polars or Arrow frame, of which a row is the
            payload of a point, the names of the columns are its keys, and nulls are nulls.
        mode : {"upsert", "insert_only", "update_only"}
            Whether stored points are replaced and absent ones inserted: both; no stored point is replaced;
            no point is inserted.
        only_if : Filter or mapping, optional
            A stored point is replaced only if it satisfies this, and stays as it is otherwise. Points that
            are not stored are inserted all the same, unless ``mode="update_only"``.
        tenant : str, optional
            Owner of the points; required in a partitioned collection, refused in others.

        Returns
        -------
        Written
            An int, the sequence number up to which the collection is durable; its ``points`` is how many
            points were written. What is stored is looked at by the thread that writes, so that no other write
            comes between the look and this one.

        Raises
        ------
        InvalidArgument
            Whatever is wrong with the input, with the row; nothing was changed.
        ResourceExhausted
            The disk, the catalog's map or the tenant's quota is full; nothing was changed.
        """
        column = unique_ids(ids)
        rows = payload_column(self.schema, payloads, len(column))
        return self._columns.upsert(column, vectors, rows, tenant, mode, only_if)

    def get(
        self,
        ids: Ids,
        *,
        with_payload: bool | Sequence[str] = True,
        with_vectors: bool | Sequence[str] = False,
        tenant: str | None = None,
    ) -> list[Point | None]:
        """Return the points of the given ids, None in the place of each that does not exist.

        Parameters
        ----------
        with_payload : bool or list of str
            Whether points carry their payload, or what they carry of it: paths, as ``maker.city``, through
            objects and into the objects of lists.
        with_vectors : bool or list of str
            Whether points carry their vectors, or those of which fields.
        """
        wanted = id_list(ids)
        snapshot, owner = self._columns.view(tenant)
        asked = carried(snapshot.schema, with_payload, with_vectors)
        return read_points(snapshot, wanted, find_points(snapshot, wanted, owner), asked)

    def sample(
        self,
        n: int,
        *,
        filter: FilterLike | None = None,
        seed: int | None = None,
        with_payload: bool | Sequence[str] = True,
        with_vectors: bool | Sequence[str] = False,
        tenant: str | None = None,
    ) -> list[Point]:
        """Return ``n`` different points drawn at random, or all of them if there are fewer.

        Each has the same chance, and they come in a random order.

        Parameters
        ----------
        n : int
            1 to 10,000.
        filter : Filter or mapping, optional
            Only points that satisfy it are drawn.
        seed : int, optional
            The same seed draws the same points as long as nothing is written or merged.
        with_payload, with_vectors : bool or list of str
            What points carry, as to :meth:`get`.
        """
        snapshot, places = self._columns.drawn(n, filter, seed, tenant)
        asked = carried(snapshot.schema, with_payload, with_vectors)
        return _there(read_points(snapshot, snapshot.ids(places), places, asked))

    def scroll(
        self,
        *,
        filter: FilterLike | None = None,
        limit: int = 100,
        after: int | str | None = None,
        order_by: str | None = None,
        with_payload: bool | Sequence[str] = True,
        with_vectors: bool | Sequence[str] = False,
        tenant: str | None = None,
    ) -> Page:
        """Return points in the order they were written, or of a payload field, a page at a time.

        Pages are stable: going through all of them returns every point that was there, and stayed as it was,
        from the first page to the last exactly once. A point that is written again meanwhile moves to the
        end, or to where its new value belongs.

        Parameters
        ----------
        limit : int
            Points of a page, 1 to 10,000.
        after : int or str, optional
            ``page.next`` of the page before, in the same order.
        order_by : str, optional
            A payload field: ``"year"`` rises, ``"-year"`` falls. An indexed one is of numbers or times; of
            another the numbers count, and texts that are times, which are more than any number. Equal values
            come in the order they were written, points without a value last. Of several values the first in
            the order counts.
        with_payload, with_vectors : bool or list of str
            What points carry, as to :meth:`get`.
        """
        ordered = order_by is not None
        start = position_after(after, ordered)
        snapshot, page = self._columns.page(filter, limit, start, order_by, tenant)
        asked = carried(snapshot.schema, with_payload, with_vectors)
        points = _there(read_points(snapshot, snapshot.ids(page.places), page.places, asked))
        return Page(points, token_of(page.next, ordered))

    def search(self, query: Any = None, k: int = 10, **options: Unpack[SearchKeywords]) -> Any:
        """Return the ``min(k, matches)`` nearest points.

        Parameters
        ----------
        query : array
            One query, or a batch with one more dimension: dense ``(dim,)`` or ``(q, dim)``; sparse
            ``(indices, values)``, a dict or a list of ``(index, value)`` pairs, or a list of those or a CSR
            matrix, with tokens for indices where the field has them, or where it has query weights a list of
            tokens, or of indices, alone; multi-vector ``(tokens, dim)``, or a list of those. Of a field whose
            vectors are made of texts (:class:`Bm25`) a text, or a list of texts: points that share no term
            with it are not found, so a text of unknown words alone finds nothing.
        k : int
            Results wanted; ``k + offset`` is at most 10,000.
        by_id : int, str or UUID, or sequence of those
            Instead of a query: search by the vector that this point has in the field, or by that of each of
            several. The point itself is left out of its answer.
        field : str, optional
            Vector field to search; needed when the schema has several.
        filter : Filter or mapping, or list of those, optional
            Only points that satisfy it are found. For a batch a list has one filter, or None, for each query.
        recall : float
            Target recall@k, above 0 and at most 1; 0.95 unless given. The engine chooses the effort that
            reaches it by the table measured for each segment; see :meth:`calibrate`.
        effort : mapping of str to number, optional
            How hard the index of the field tries, by its own knobs and instead of ``recall``: for
            :class:`Hnsw` the width of the walk, ``{"ef": 64}``, and how many candidates are scored exactly,
            ``{"ef": 64, "rescore": 32}``; ``{"rescore": 32}`` alone compares the codes of all points that
            may be found.
        ef : int, optional
            Short for ``effort={"ef": ef}``.
        exact : bool
            Score every point that may be found.
        tenant : str, optional
            Whose points are searched; required in a partitioned collection.
        offset : int
            How many of the nearest points to leave out. Pages of one query with equal ``k``, at offsets
            0, ``k``, ``2 k`` and so on, repeat and skip no point while the collection does not change.
        with_payload, with_vectors : bool or list of str
            What hits carry, as to :meth:`get`: payloads and no vectors, unless told otherwise.
        tokens : (int or None, int or None), optional
            Of a multi-vector field: how many tokens of each query and of each point count, those that come
            first; None for all. For models whose first tokens say most (Matryoshka multi-vectors).
        candidates : Candidates, optional
            Another query that finds what this one scores: exactly, and nothing else. Filter and tenant hold
            for both.
        score_threshold : float, optional
            Hits that are less near than this are left out: those of lower scores where higher is nearer
            (cosine, dot, MaxSim), and of higher ones where lower is (l2, hamming). An equal score stays.
        group_by : str, optional
            Path of a payload field. The answer is the ``k`` groups of points with an equal value of which
            the nearest hit is nearest. A point with several values is in the group of each.
        group_size : int
            Nearest hits of each group, 3 unless given; ``k * group_size`` is at most 10,000.
        threads : int
            Over how many threads a batch is spread, or the rows of a scan where there are fewer queries, 1
            unless given; 0 means every core.

        Returns
        -------
        Hits or BatchHits
            :class:`Hits` for one query, :class:`BatchHits` for a batch. Nearest first; equal scores in the
            order of segments and rows. :class:`Groups` and :class:`BatchGroups` where it is grouped.

        Raises
        ------
        NotFound
            There is no point of the id that ``by_id`` names.
        InvalidArgument
            Wrong dimension, NaN, unknown field or option, absurd ``k`` and the like.
        UnindexedField
            The filter names a payload field that is not indexed, and the schema is strict.
        """
        return self._columns.search(*asked(query, k, options))

    def explain(self, query: Any = None, k: int = 10, **options: Unpack[SearchKeywords]) -> Explanation:
        """Search as :meth:`search` does and return the answer with its plan, its work and its time."""
        return self._columns.explain(*asked(query, k, options))

    def score(
        self,
        query: Any,
        ids: Ids | Sequence[Ids],
        *,
        field: str | None = None,
        tokens: Sequence[int | None] | None = None,
        tenant: str | None = None,
    ) -> NDArray[np.float32]:
        """Return the exact scores of points that are named, whichever way they were found.

        The scores are those that an exact search gives its hits.

        Parameters
        ----------
        query : array
            One query or a batch, as to :meth:`search`.
        ids : sequence of int, str or UUID, or sequence of such sequences
            The points, in any order and more than once if need be. To a batch, one list for all of its
            queries, or one for each: ``[hits.ids for hits in batch]``.
        field : str, optional
            Vector field; needed when the schema has several.
        tokens : (int or None, int or None), optional
            Of a multi-vector field: how many tokens of each query and of each point count.
        tenant : str, optional
            Whose points they are; required in a partitioned collection.

        Returns
        -------
        (c,) or (q, c) float32
            In the order of the ids; a row for each query of a batch. NaN where there is no point of the id,
            or it has no vector in the field; also at the end of rows, where other queries have more ids.

        Raises
        ------
        InvalidArgument
            The query is none of the field, or ``ids`` are not what points are named by.
        """
        return self._columns.score(query, ids, field, tokens, tenant)


def columnar(collection: Collection) -> ColumnarCollection:
    """Return what a collection is made of: the same points, as columns."""
    return collection._columns


def _there(points: list[Point | None]) -> list[Point]:
    return [point for point in points if point is not None]
