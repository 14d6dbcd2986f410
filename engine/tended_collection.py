"""What is done to a collection as a whole: its schema, its segments, the measuring of its indexes."""

from __future__ import annotations

from typing import Any

from .deadline import check_seconds
from .error_translation import public
from .hosts.host import Host
from .maintenance.calibration import calibrate_collection
from .progress import Progress, check_progress, silent
from .results.info import CollectionInfo
from .schema.vector_field import VectorField
from .state.collection_info import collection_info
from .state.collection_state import CollectionState
from .writing.encode_stored import encode_stored
from .writing.manifest_operations import ChangeSchema


@public
class TendedCollection:
    """The part of :class:`~vicinal.engine.collection.Collection` that is about no single points."""

    _state: CollectionState
    _host: Host

    def add_field(self, name: str, type: str) -> None:
        """Index a payload field from now on, of the points that are there too.

        The schema changes at once, durably, and so do filters: what they answer is exact from the first call
        on. Rows of sealed segments are read from their payloads until background work has put the field's
        postings into a copy of each segment; :meth:`wait_indexed` waits for that, :meth:`info` says which
        fields are ``filling``. A field that is indexed as this type already stays as it is.

        Payloads that were stored before are not refused: a value that does not fit the type stays, and no
        comparison finds it (``exists`` does), as in Qdrant's ``create_payload_index``. What is written from
        now on has to fit, and so has the new version of such a point.

        Parameters
        ----------
        name : str
            Dotted path into the payload.
        type : {"keyword", "integer", "float", "bool", "datetime", "uuid", "text", "geo"}

        Raises
        ------
        AlreadyExists
            The field is indexed as another type; drop it first.
        InvalidArgument
            Name or type is not valid, or as many fields are indexed as may be; nothing was changed.
        """
        self._host.submit(ChangeSchema(self._state, lambda schema, _: schema.with_field(name, type)))

    def drop_field(self, name: str) -> None:
        """Index a payload field no longer; payloads keep its values, which need not fit its type any more.

        Filters that name it read payloads, or raise :class:`UnindexedField` where the schema is strict.
        Its postings go when their segments are merged.

        Raises
        ------
        NotFound
            The field is not indexed.
        """
        self._host.submit(ChangeSchema(self._state, lambda schema, _: schema.without_field(name)))

    def add_vector_field(self, name: str, field: VectorField) -> None:
        """Add a vector field, durably; every point that is there lacks its vector in it until it is written.

        A field of this name and shape that is there stays as it is, with its vectors.

        Where the field has an encoder, what is written from now on has vectors at once, and the points that
        are there are written anew with theirs before this returns: in parts, and to the end of the order in
        which points were written. If that is broken off, by a :func:`deadline` say, calling it again does
        the rest.

        Parameters
        ----------
        name : str
        field : Dense, Sparse or Multi

        Raises
        ------
        AlreadyExists
            There is another field of this name; drop it first.
        InvalidArgument
            Name or field is not valid, or there are as many fields as may be; nothing was changed.
        """
        self._host.submit(
            ChangeSchema(self._state, lambda schema, at: schema.with_vector_field(name, field, at))
        )
        encode_stored(self._state, self._host.current, self._host.submit, name)

    def drop_vector_field(self, name: str) -> None:
        """Drop a vector field with its vectors, durably; points stay, also those that have no vector left.

        Its bytes are freed when the segments that have them are merged. A field that is added later under
        the name is another one, and finds nothing of this.

        Raises
        ------
        NotFound
            There is no field of this name.
        FailedPrecondition
            It is the only one: a collection has at least one vector field.
        """
        self._host.submit(ChangeSchema(self._state, lambda schema, at: schema.without_vector_field(name, at)))

    def calibrate(self, queries: Any, *, field: str | None = None, progress: Progress = silent) -> int:
        """Measure, on real queries, which effort reaches which recall.

        A new collection is calibrated on vectors of its own, and queries often come from another
        distribution than documents do. A few hundred real ones make ``recall=`` mean what it says. The
        queries are kept, so that segments made later are measured on them too. Searches go on meanwhile.

        Parameters
        ----------
        queries : (q, dim) array
            At least 50 queries of a dense field; at most 1,000 of them are used.
        field : str, optional
            The vector field; needed when the schema has several.
        progress : callable, optional

        Returns
        -------
        int
            How many segments have an index and were measured.
        """
        check_progress(progress)
        return calibrate_collection(
            self._state, self._host.current, self._host.submit, field, queries, progress
        )

    def flush(self, progress: Progress = silent) -> None:
        """Seal the growing rows into a segment with its indexes; return when that is done.

        At the end of a :func:`deadline` the segment is given up; background work seals the rows later.
        """
        check_progress(progress)
        self._host.flush(self._state, progress)

    def merge(self, progress: Progress = silent) -> None:
        """Bring everything into one indexed segment without dead rows; return when that is done.

        At the end of a :func:`deadline` the segment under way is given up; those that were finished stay.
        """
        check_progress(progress)
        self._host.merge(self._state, progress)

    def wait_indexed(self, timeout: float | None = None, progress: Progress = silent) -> None:
        """Do now what background work would do once writes pause, and return when all of it is done.

        Raises
        ------
        DeadlineExceeded
            It took longer than ``timeout`` seconds, or than a :func:`deadline`; background work does it.
        """
        check_progress(progress)
        if timeout is not None:
            check_seconds("timeout", timeout)
        self._host.settle(self._state, timeout, progress)

    def info(self) -> CollectionInfo:
        """Return sizes, segments and what background work is doing."""
        state = self._state
        return collection_info(self._host.current(state), state, self._host.activity(state))
