"""Bytes that are no HTTP/2, or more than they seem: refused, and nobody else notices."""

from __future__ import annotations

import random
import socket
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    GoAwayFrame,
    HeadersFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)
from serving.raw_http2 import PREFACE, RawConnection, frame, grpc_status, header_block, request_headers
from serving.running_server import RunningServer, plain_channel
from serving.served_process import ServedProcess, served_process
from serving.well_behaved import PATIENCE, SEARCH, WellBehaved, bounded_server, fill, whole_message

from vicinal.server.service.access.key_store import KeyStore

END_HEADERS = 0x4


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with bounded_server(tmp_path_factory.mktemp("hostile") / "db") as server:
        yield server


@pytest.fixture
def beside(server: RunningServer) -> Iterator[WellBehaved]:
    caller = WellBehaved(server)
    yield caller
    caller.settles()


def garbage() -> dict[str, bytes]:
    rng = random.Random(8)
    opening = PREFACE + frame(SettingsFrame, 0, 0)
    return {
        "nothing": b"",
        "noise": rng.randbytes(5000),
        "http/1.1": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "tls": bytes.fromhex("16030100c8010000c40303") + rng.randbytes(300),
        "half a preface": PREFACE[:10],
        "preface and noise": PREFACE + rng.randbytes(5000),
        "data on no stream": opening + frame(DataFrame, 0, 0, b"x"),
        "data on an idle stream": opening + frame(DataFrame, 0, 5, b"x"),
        "headers that are no hpack": opening + frame(HeadersFrame, 5, 1, rng.randbytes(300)),
        "headers on an even stream": opening + frame(HeadersFrame, 5, 2, header_block(request_headers("/"))),
        "continuation of nothing": opening + frame(ContinuationFrame, 4, 1, b"x"),
        "frame that is too long": opening + struct.pack(">IBBI", 0xFFFFFF00, 0, 0, 1)[:9] + bytes(70_000),
        "settings of a wrong size": opening + frame(SettingsFrame, 0, 0, b"x"),
        "window of nothing": opening + frame(WindowUpdateFrame, 0, 0, bytes(4)),
        "window beyond all": opening + frame(WindowUpdateFrame, 0, 0, b"\x7f\xff\xff\xff") * 3,
        "frame of no kind": opening + frame(99, 255, 1, rng.randbytes(50)),
        "no headers": opening + frame(HeadersFrame, 5, 1),
        "headers without a path": opening + frame(HeadersFrame, 5, 1, header_block([("te", "trailers")])),
        "a method that is none": opening
        + frame(HeadersFrame, 5, 1, header_block([(":method", "BREW"), *request_headers("/x")[1:]])),
        "a path that is none": opening
        + frame(HeadersFrame, 5, 1, header_block(request_headers("\0é/../.."))),
    }


@pytest.mark.parametrize("name", garbage())
def test_garbage_instead_of_http2(server: RunningServer, beside: WellBehaved, name: str) -> None:
    data = garbage()[name]
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as raw:
        # The server may hang up at any time; that it does nothing is what must not be.
        with suppress(ConnectionError):
            raw.sendall(data)
        with suppress(OSError):
            raw.shutdown(socket.SHUT_WR)
        with suppress(ConnectionError):
            while raw.recv(65536):
                pass
    beside.works()


@pytest.mark.parametrize("greets", [True, False])
@pytest.mark.parametrize(("n", "size"), [(5000, 10), (300, 1000), (1, 200_000)])
def test_thousands_of_headers(
    server: RunningServer, beside: WellBehaved, n: int, size: int, greets: bool
) -> None:
    """Refused; before a caller has acknowledged the settings gRPC holds it to wider bounds of its own."""
    more = [(f"x-{number}", "v" * size) for number in range(n)]
    block = header_block([*request_headers(SEARCH.path, beside.key), *more])
    pieces = [block[start : start + 16_000] for start in range(0, len(block), 16_000)]
    with RawConnection(server.port) as raw:
        if greets:
            raw.greet()
        try:
            raw.write(frame(HeadersFrame, 0, 1, pieces[0]))
            for number, piece in enumerate(pieces[1:], 2):
                flags = END_HEADERS if number == len(pieces) else 0
                raw.write(frame(ContinuationFrame, flags, 1, piece))
            raw.send(1, whole_message(), end=True)
        except ConnectionError:
            # Hung up on: as good an answer.
            return
        ended = raw.end_of(1)
        refused = ended is None or not isinstance(ended, HeadersFrame) or grpc_status(ended) != 0
        assert refused or not greets


def test_headers_without_end(server: RunningServer, beside: WellBehaved) -> None:
    """CONTINUATION frames for ever: the server hangs up or refuses, and its memory is not theirs."""
    with RawConnection(server.port) as raw:
        raw.write(frame(HeadersFrame, 0, 1, header_block(request_headers(SEARCH.path, beside.key))))
        piece = frame(ContinuationFrame, 0, 1, header_block([("x-more", "v" * 8000)] * 2))
        try:
            for _ in range(2000):
                raw.write(piece)
        except ConnectionError:
            return
        beside.works()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServedProcess, str]]:
    """A server whose memory is its own, and a key."""
    folder = tmp_path_factory.mktemp("bombed")
    fill(folder / "db")
    with KeyStore(folder / "db") as keys:
        key = keys.create("caller", "read")[1]
    with served_process(folder / "db", folder / "log") as process, plain_channel(process.port):
        yield process, key


def compressed(encoding: str) -> bytes:
    """Return 256 MiB of zeros, compressed."""
    packer = zlib.compressobj(1, zlib.DEFLATED, 15 if encoding == "deflate" else 31)
    zeros = bytes(1 << 20)
    return b"".join([*(packer.compress(zeros) for _ in range(256)), packer.flush()])


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "identity", "snappy", ""])
def test_compressed_messages_are_bounded(served: tuple[ServedProcess, str], encoding: str) -> None:
    """A message that is small on the wire and large in memory."""
    process, key = served
    body = compressed(encoding)
    before = process.most_resident_bytes
    with RawConnection(process.port) as raw:
        raw.begin(1, SEARCH.path, key, [("grpc-encoding", encoding)] if encoding else [])
        send_in_windows(raw, b"\1" + struct.pack(">I", len(body)) + body)
        ended = raw.end_of(1)
        assert ended is not None
        assert not isinstance(ended, HeadersFrame) or grpc_status(ended) != 0
    assert process.is_alive, process.complaints()
    assert process.most_resident_bytes - before < 100 << 20


def send_in_windows(raw: RawConnection, message: bytes) -> None:
    """Send a message as the server makes room for it, until it is sent or refused."""
    stream_room = connection_room = 65_535
    while message:
        piece = message[: min(stream_room, connection_room, 16_000)]
        if piece:
            message = message[len(piece) :]
            stream_room, connection_room = stream_room - len(piece), connection_room - len(piece)
            raw.send(1, piece, end=not message)
            continue
        got = raw.read_frame()
        if got is None or isinstance(got, RstStreamFrame | GoAwayFrame | HeadersFrame):
            if got is not None:
                raw.unread(got)
            return
        if isinstance(got, WindowUpdateFrame):
            if got.stream_id:
                stream_room += got.window_increment
            else:
                connection_room += got.window_increment
        elif isinstance(got, SettingsFrame):
            stream_room += got.settings.get(SettingsFrame.INITIAL_WINDOW_SIZE, 65_535) - 65_535
