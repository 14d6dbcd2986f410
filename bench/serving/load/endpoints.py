"""What a client calls: the echo, the server through a client or with bytes, the engine without a server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

import grpc

import vicinal

from ....server.client.calls.caller import RETRIES
from ...datasets.dataset import Floats
from ...harness.loaded import COLLECTION
from .echo_server import SERVICE

Call: TypeAlias = Callable[[int], object]
AsyncCall: TypeAlias = Callable[[int], Awaitable[object]]

_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # A connection of its own, whatever else this process talks to.
    ("grpc.use_local_subchannel_pool", 1),
)


class Endpoint(Protocol):
    """Something to call. Travels to the process that calls it; is opened there."""

    def calling(self) -> Any:
        """Open it for threads: a context manager that gives a :data:`Call`."""
        ...

    def acalling(self) -> Any:
        """Open it for tasks: an async context manager that gives an :data:`AsyncCall`."""
        ...


@dataclass(frozen=True)
class Bytes:
    """A gRPC method that is sent prepared bytes, in turns."""

    address: str
    path: str
    requests: Sequence[bytes]

    @contextmanager
    def calling(self) -> Iterator[Call]:
        with grpc.insecure_channel(self.address, _OPTIONS) as opened:
            channel: Any = opened
            method, requests = channel.unary_unary(self.path), self.requests
            yield lambda place: method(requests[place % len(requests)])

    @asynccontextmanager
    async def acalling(self) -> AsyncIterator[AsyncCall]:
        async with grpc.aio.insecure_channel(self.address, _OPTIONS) as opened:
            channel: Any = opened
            method, requests = channel.unary_unary(self.path), self.requests
            yield lambda place: method(requests[place % len(requests)])


def echo(address: str, request_bytes: int, response_bytes: int) -> Bytes:
    """The echo, called with messages of these sizes."""
    return Bytes(address, f"{SERVICE}{response_bytes}", [bytes(request_bytes)])


@dataclass(frozen=True, eq=False)
class Search:
    """Searches through a client of this project.

    Attributes
    ----------
    address : str
    queries : ndarray
        Asked in turns.
    options : mapping
        Of ``search``.
    batch : int
        Queries of one call; 0 for single queries.
    retries : int
        Of the client.
    """

    address: str
    queries: Floats
    options: Mapping[str, Any] = field(default_factory=dict)
    batch: int = 0
    retries: int = RETRIES

    @contextmanager
    def calling(self) -> Iterator[Call]:
        with vicinal.connect(self.address, retries=self.retries) as database:
            search = database.collection(COLLECTION).search
            asked, options = self._asked(), self.options
            yield lambda place: search(asked[place % len(asked)], **options).ids

    @asynccontextmanager
    async def acalling(self) -> AsyncIterator[AsyncCall]:
        async with vicinal.aconnect(self.address, retries=self.retries) as database:
            search = (await database.collection(COLLECTION)).search
            asked, options = self._asked(), self.options

            async def call(place: int) -> object:
                return (await search(asked[place % len(asked)], **options)).ids

            yield call

    def _asked(self) -> Sequence[Floats]:
        return cut(self.queries, self.batch) if self.batch else list(self.queries)


@dataclass(frozen=True, eq=False)
class Embedded:
    """Batches searched by the engine in the calling process, which opens the database for reading."""

    folder: str
    queries: Floats
    options: Mapping[str, Any]
    batch: int

    @contextmanager
    def calling(self) -> Iterator[Call]:
        with vicinal.open(self.folder, read_only=True) as database:
            search = database.collection(COLLECTION).search
            asked, options = cut(self.queries, self.batch), self.options
            yield lambda place: search(asked[place % len(asked)], **options).ids

    def acalling(self) -> Any:
        raise NotImplementedError("the engine has no asynchronous API")


def cut(queries: Floats, batch: int) -> list[Floats]:
    """Whole batches of the queries; the first ones again where they are too few for one."""
    if len(queries) < batch:
        return [queries.take(range(batch), axis=0, mode="wrap")]
    return [queries[start : start + batch] for start in range(0, len(queries) - batch + 1, batch)]
