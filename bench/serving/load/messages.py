"""Requests as the client sends them, and how large they and their answers are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import grpc
import numpy as np

import vicinal

from ....proto.v1.search_pb2 import SearchBatchRequest, SearchOptions, SearchRequest
from ....server.wire.vectors import put_vectors
from ....storage.columns.vectors import DenseColumn
from ...datasets.dataset import Floats
from ...harness.loaded import COLLECTION, FIELD

_SAMPLED = 50


@dataclass(frozen=True)
class MessageSizes:
    """Bytes of a call's request and of its answer, medians over real calls."""

    request: int
    response: int


def search_requests(address: str, asked: Sequence[Floats], **options: Any) -> tuple[str, list[bytes]]:
    """The path of a search and its requests, one for each query or batch of queries asked."""
    with vicinal.connect(address) as database:
        uuid = database.collection(COLLECTION).uuid
    single = asked[0].ndim == 1
    requests = []
    for queries in asked:
        request = SearchRequest() if single else SearchBatchRequest()
        request.scope.collection, request.scope.collection_uuid = COLLECTION, uuid
        request.options.CopyFrom(SearchOptions(field=FIELD, **{"recall": 0.95, **options}))
        vectors = request.query if isinstance(request, SearchRequest) else request.queries
        put_vectors(vectors, DenseColumn(np.atleast_2d(queries)))
        requests.append(request.SerializeToString())
    return f"/vicinal.v1.SearchService/{'Search' if single else 'SearchBatch'}", requests


def message_sizes(address: str, asked: Sequence[Floats], **options: Any) -> MessageSizes:
    """Ask the server, and weigh what was sent and what came back."""
    path, requests = search_requests(address, asked[:_SAMPLED], **options)
    with grpc.insecure_channel(address, [("grpc.max_receive_message_length", -1)]) as opened:
        channel: Any = opened
        method = channel.unary_unary(path)
        answers = [len(method(request)) for request in requests]
    return MessageSizes(len(requests[0]), int(np.median(answers)))
