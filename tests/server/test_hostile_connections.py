"""Connections that no gRPC client would make: they cost the server little, and others nothing."""

from __future__ import annotations

import os
import random
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest
from hyperframe.frame import HeadersFrame, RstStreamFrame
from serving.raw_http2 import RawConnection, grpc_message, grpc_status
from serving.rpcs import BY_NAME
from serving.running_server import RunningServer, health, plain_channel
from serving.valid_requests import ENTRIES, queries
from serving.well_behaved import (
    HALLS,
    MESSAGE_BYTES,
    PATIENCE,
    RECEIVING,
    ROOMS,
    SEARCH,
    WellBehaved,
    bounded_server,
    wait_until,
    whole_message,
)

from vicinal.proto.v1 import search_pb2

SLOW = 200
HEALTH_CHECK, HEALTH_WATCH = "/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"
INVALID_ARGUMENT, RESOURCE_EXHAUSTED, UNAUTHENTICATED = 3, 8, 16


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with bounded_server(tmp_path_factory.mktemp("hostile") / "db") as server:
        yield server


@pytest.fixture
def beside(server: RunningServer) -> Iterator[WellBehaved]:
    caller = WellBehaved(server)
    yield caller
    caller.settles()


def test_messages_that_are_too_large(server: RunningServer, beside: WellBehaved) -> None:
    for size in (MESSAGE_BYTES + 1, 4 * MESSAGE_BYTES):
        outcome = server.call("Search", bytes(size), beside.key)
        assert outcome.code.value[0] == RESOURCE_EXHAUSTED, outcome
        assert str(MESSAGE_BYTES) in outcome.message.replace(",", "")
        beside.works()


@pytest.mark.parametrize("length", [MESSAGE_BYTES + 1, 2**31 - 1, 2**31, 2**32 - 1])
def test_lengths_that_are_too_large(server: RunningServer, beside: WellBehaved, length: int) -> None:
    """Refused when the length is said, not when so much was received."""
    with RawConnection(server.port) as raw:
        raw.begin(1, SEARCH.path, beside.key)
        raw.send(1, b"\0" + struct.pack(">I", length) + b"x" * 100)
        ended = raw.end_of(1)
        assert ended is not None
        if isinstance(ended, HeadersFrame):
            assert grpc_status(ended) == RESOURCE_EXHAUSTED
    beside.works()


def test_slow_senders_hold_up_nobody(server: RunningServer, beside: WellBehaved) -> None:
    """200 callers with a valid key who send nothing, or a part, and then are silent."""
    parts = [b"", b"\0", b"\0\0\0", whole_message()[:-1], grpc_message(bytes(MESSAGE_BYTES))[:10_000]]
    receiving = server.server.runtime.receiving
    with ExitStack() as stack:
        slow = [stack.enter_context(RawConnection(server.port)) for _ in range(SLOW)]
        for number, raw in enumerate(slow):
            raw.begin(1, SEARCH.path, beside.key)
            if parts[number % len(parts)]:
                raw.send(1, parts[number % len(parts)])
            if (number + 1) % 50 == 0:
                # Once they are silent they hold no place; more at once than there are places are refused.
                wait_until(lambda number=number: server.server.runtime.arrivals.silent == number + 1)  # type: ignore[misc]
        beside.works()
        while receiving.receiving > SLOW // 2:
            beside.works()
        for raw in slow:
            ended = raw.end_of(1)
            assert ended is not None
            assert isinstance(ended, HeadersFrame | RstStreamFrame)
        beside.settles()


def test_silent_strangers_hold_up_nobody(server: RunningServer, beside: WellBehaved) -> None:
    """The health check needs no key, so anyone can begin many and be silent; others are answered."""
    with ExitStack() as stack:
        for connection in range(4):
            raw = stack.enter_context(RawConnection(server.port))
            for stream in range(1, 2 * RECEIVING // 3, 2):
                raw.begin(stream, HEALTH_CHECK if connection % 2 else HEALTH_WATCH)
        receiving = server.server.runtime.receiving
        wait_until(lambda: receiving.receiving > 0)
        while receiving.receiving:
            beside.works()
            assert health(server.channel) == 1


def test_one_key_does_not_take_every_place(server: RunningServer, beside: WellBehaved) -> None:
    slow = server.key("read")
    with RawConnection(server.port) as raw:
        for stream in range(1, 4 * RECEIVING, 2):
            raw.begin(stream, SEARCH.path, slow)
        receiving = server.server.runtime.receiving
        wait_until(lambda: receiving.receiving > 0)
        while receiving.receiving:
            beside.works()


def test_slow_senders_on_one_connection(server: RunningServer, beside: WellBehaved) -> None:
    with RawConnection(server.port) as raw:
        streams = range(1, 2 * 90, 2)
        for stream in streams:
            raw.begin(stream, SEARCH.path, beside.key)
        receiving = server.server.runtime.receiving
        # Before they are known to be silent, they have the places of their key.
        wait_until(lambda: 0 < receiving.receiving == server.server.runtime.arrivals.silent)
        beside.works()
        raw.end_of(streams[-1])
        beside.settles()


def test_senders_of_a_byte_at_a_time(server: RunningServer, beside: WellBehaved) -> None:
    """Sending now and then does not lengthen the time that a message may take."""
    with RawConnection(server.port) as raw:
        raw.begin(1, SEARCH.path, beside.key)
        wait_until(lambda: server.server.runtime.receiving.receiving == 1)
        sent = 0
        while server.server.runtime.receiving.receiving:
            raw.send(1, grpc_message(bytes(MESSAGE_BYTES))[sent : sent + 1])
            sent += 1
            beside.works()
        ended = raw.end_of(1)
        assert ended is not None


def test_strangers_are_refused_before_they_send(server: RunningServer, beside: WellBehaved) -> None:
    with RawConnection(server.port) as raw:
        for stream, key in ((1, None), (3, "garbage")):
            raw.begin(stream, SEARCH.path, key)
            ended = raw.end_of(stream)
            assert ended is not None
            assert grpc_status(ended) == UNAUTHENTICATED
    beside.works()


def test_streams_that_end_too_soon(server: RunningServer, beside: WellBehaved) -> None:
    whole = whole_message()
    with RawConnection(server.port) as raw:
        for number, part in enumerate([b"", b"\0", b"\0\0\0\0", whole[:5], whole[:-1]]):
            stream = 2 * number + 1
            raw.begin(stream, SEARCH.path, beside.key)
            raw.send(stream, part, end=True)
            ended = raw.end_of(stream)
            assert ended is not None
            if not part:
                assert grpc_status(ended) == INVALID_ARGUMENT
            elif isinstance(ended, HeadersFrame):
                assert grpc_status(ended) != 0
            beside.works()


def test_streams_that_go_on_too_long(server: RunningServer, beside: WellBehaved) -> None:
    """A whole message is answered though the caller never ends its side, or sends more."""
    with RawConnection(server.port) as raw:
        for stream, more in ((1, b""), (3, whole_message()), (5, b"\0"), (7, os.urandom(1000))):
            raw.begin(stream, SEARCH.path, beside.key)
            raw.send(stream, whole_message() + more)
            ended = raw.end_of(stream)
            assert ended is not None
            assert isinstance(ended, HeadersFrame | RstStreamFrame)
            if not more:
                assert grpc_status(ended) == 0
            beside.works()


def test_a_body_in_many_pieces(server: RunningServer, beside: WellBehaved) -> None:
    with RawConnection(server.port) as raw:
        raw.begin(1, SEARCH.path, beside.key)
        for byte in whole_message():
            raw.send(1, bytes([byte]))
            raw.send(1, b"")
        raw.send(1, b"", end=True)
        ended = raw.end_of(1)
        assert ended is not None
        assert grpc_status(ended) == 0


def test_streams_given_up_in_the_middle(server: RunningServer, beside: WellBehaved) -> None:
    rng = random.Random(3)
    whole = whole_message()
    for _ in range(20):
        with RawConnection(server.port) as raw:
            for stream in range(1, 40, 2):
                raw.begin(stream, SEARCH.path, beside.key)
                part = rng.randrange(len(whole) + 1)
                raw.send(stream, whole[:part], end=part == len(whole))
                if rng.random() < 0.8:
                    raw.reset(stream)
            if rng.random() < 0.5:
                # Closed with data unread: the other side gets a reset.
                linger = struct.pack("ii", 1, 0)
                raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    beside.settles()


@pytest.mark.parametrize("name", ["FlushCollection", "MergeCollection", "WaitIndexed", "CalibrateCollection"])
def test_long_calls_given_up(server: RunningServer, beside: WellBehaved, name: str) -> None:
    """Callers of work that takes long, and reports on it, who are gone before it has ended."""
    key, rpc = server.key("admin"), BY_NAME[name]
    message = grpc_message(ENTRIES[rpc.name].make(HALLS).SerializeToString())
    for frames in (0, 1, 2, 5, 6, 7, 8):
        with RawConnection(server.port) as raw:
            raw.begin(1, rpc.path, key)
            raw.send(1, message, end=True)
            # The greeting of the connection, and then what is told of the work.
            for _ in range(frames):
                got = raw.read_frame()
                if got is None or (isinstance(got, HeadersFrame) and "END_STREAM" in got.flags):
                    break
            raw.reset(1)
    beside.works()


def test_rapid_resets(server: RunningServer, beside: WellBehaved) -> None:
    with RawConnection(server.port) as raw:
        # The server may hang up on that.
        with suppress(ConnectionError):
            for stream in range(1, 4000, 2):
                raw.begin(stream, SEARCH.path, beside.key)
                raw.reset(stream)
        beside.works()
    beside.settles()


def test_idle_connections(server: RunningServer, beside: WellBehaved) -> None:
    """Connections on which nothing ever comes."""
    with ExitStack() as stack:
        for _ in range(SLOW):
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE))
        for _ in range(20):
            beside.works()
        with plain_channel(server.port):
            pass


def test_answers_nobody_takes(server: RunningServer, beside: WellBehaved) -> None:
    """A caller who asks for much and does not read: what was kept for it is let go of after a time."""
    options = search_pb2.SearchOptions(k=20, with_payload=True, with_vectors=True)
    request = search_pb2.SearchBatchRequest(queries=queries(500), options=options)
    request.scope.collection, request.scope.tenant = ROOMS.collection, "ada"
    message = grpc_message(request.SerializeToString())
    with ExitStack() as stack:
        for _ in range(20):
            raw = stack.enter_context(RawConnection(server.port))
            raw.begin(1, BY_NAME["SearchBatch"].path, beside.key)
            for start in range(0, len(message), 16_000):
                raw.send(1, message[start : start + 16_000], end=start + 16_000 >= len(message))
        beside.works()
        beside.settles()
