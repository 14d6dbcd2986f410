"""Flushing, merging, indexing and measuring a collection, without input and output."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ....engine.deadline import check_seconds
from ....engine.errors import InvalidArgument
from ....engine.input.queries import chosen_field, validate_queries
from ....engine.progress import Progress
from ....engine.results.info import CollectionInfo
from ....engine.vector_kinds.registry import kind_of
from ....indexes.protocol import is_exact
from ....proto.v1 import collections_pb2 as pb
from ...wire.infos import read_collection_info
from ...wire.methods import METHODS, Method
from ...wire.vectors import put_vectors
from ..calls.call import Operation
from ..calls.caller import Caller
from .handle import CollectionHandle
from .live_schema import LiveSchema
from .responses import parsed

_FLUSH_COLLECTION = METHODS["/vicinal.v1.CollectionService/FlushCollection"]
_MERGE_COLLECTION = METHODS["/vicinal.v1.CollectionService/MergeCollection"]
_WAIT_INDEXED = METHODS["/vicinal.v1.CollectionService/WaitIndexed"]
_CALIBRATE_COLLECTION = METHODS["/vicinal.v1.CollectionService/CalibrateCollection"]
_GET_COLLECTION_INFO = METHODS["/vicinal.v1.CollectionService/GetCollectionInfo"]
_MOST_QUERIES = 1000
"""Of more, the engine would take as many, evenly spread."""

_Stage = type[pb.FlushCollectionResponse | pb.MergeCollectionResponse | pb.WaitIndexedResponse]


class TendingOperations:
    """The calls of one collection that are about its segments."""

    def __init__(self, handle: CollectionHandle, caller: Caller, schema: LiveSchema) -> None:
        self._handle = handle
        self._caller = caller
        self._schema = schema

    def info(self) -> Operation[CollectionInfo]:
        """Return sizes, segments and what background work is doing."""
        request = pb.GetCollectionInfoRequest(collection=self._handle.name, collection_uuid=self._handle.uuid)
        answer = yield from self._caller.call(
            _GET_COLLECTION_INFO, request.SerializeToString(), harmless=True
        )
        return read_collection_info(parsed(pb.GetCollectionInfoResponse, answer).info)

    def flush(self, progress: Progress) -> Operation[None]:
        """Seal the growing rows."""
        request = pb.FlushCollectionRequest(collection=self._handle.name, collection_uuid=self._handle.uuid)
        receive = _telling(pb.FlushCollectionResponse, progress)
        return self._stream(_FLUSH_COLLECTION, request.SerializeToString(), receive)

    def merge(self, progress: Progress) -> Operation[None]:
        """Bring everything into one segment."""
        request = pb.MergeCollectionRequest(collection=self._handle.name, collection_uuid=self._handle.uuid)
        receive = _telling(pb.MergeCollectionResponse, progress)
        return self._stream(_MERGE_COLLECTION, request.SerializeToString(), receive)

    def wait_indexed(self, timeout: float | None, progress: Progress) -> Operation[None]:
        """Do what background work would do, and return when it is done."""
        if timeout is not None:
            check_seconds("timeout", timeout)
        request = pb.WaitIndexedRequest(
            collection=self._handle.name, collection_uuid=self._handle.uuid, timeout_seconds=timeout
        )
        receive = _telling(pb.WaitIndexedResponse, progress)
        yield from self._stream(_WAIT_INDEXED, request.SerializeToString(), receive)

    def calibrate(self, queries: Any, field: str | None, progress: Progress) -> Operation[int]:
        """Measure effort against recall on real queries."""
        name, spec = yield from self._schema.checked(lambda schema: chosen_field(schema, field))
        if is_exact(spec.index):
            raise InvalidArgument(
                f"field {name!r} is searched exactly, so there is nothing to calibrate", field="field"
            )
        batch, _ = validate_queries(name, spec, queries)
        column = kind_of(spec).query_column(spec, batch)
        if len(column) > _MOST_QUERIES:
            column = column.take(np.linspace(0, len(column) - 1, _MOST_QUERIES).astype(int))
        request = pb.CalibrateCollectionRequest(
            collection=self._handle.name, collection_uuid=self._handle.uuid, field=name
        )
        put_vectors(request.queries, column)
        segments = 0

        def receive(data: bytes) -> None:
            nonlocal segments
            response = parsed(pb.CalibrateCollectionResponse, data)
            if response.HasField("segments"):
                segments = response.segments
            else:
                progress(response.progress.stage, response.progress.fraction)

        yield from self._stream(_CALIBRATE_COLLECTION, request.SerializeToString(), receive)
        return segments

    def _stream(self, method: Method, request: bytes, receive: Callable[[bytes], None]) -> Operation[None]:
        # Each of these ends in the same state however often it is begun.
        return self._caller.stream(method, request, receive, harmless=True)


def _telling(kind: _Stage, progress: Progress) -> Callable[[bytes], None]:
    """Return what tells ``progress`` of each response of one kind."""

    def receive(data: bytes) -> None:
        stage = parsed(kind, data).progress
        progress(stage.stage, stage.fraction)

    return receive
