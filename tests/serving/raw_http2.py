"""HTTP/2 frame by frame, for what no gRPC client would send."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from hpack import Decoder, Encoder, NeverIndexedHeaderTuple
from hyperframe.frame import (
    DataFrame,
    ExtensionFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
)

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_CANCEL = 8
_HEAD_BYTES = 9
_PATIENCE = 30.0


def frame(kind: type[Frame] | int, flags: int, stream: int, body: bytes = b"") -> bytes:
    """Return a frame as bytes, whether or not HTTP/2 allows it."""
    number = kind if isinstance(kind, int) else kind.type
    return ExtensionFrame(number, stream, flag_byte=flags, body=body).serialize()


def header_block(headers: Iterable[tuple[str, str]]) -> bytes:
    """Return headers in HPACK, each a literal that enters no table, so that it takes as much as it says."""
    return Encoder().encode([NeverIndexedHeaderTuple(*header) for header in headers], huffman=False)


def grpc_message(body: bytes) -> bytes:
    """Return a message with its prefix: not compressed, and its length."""
    return b"\0" + struct.pack(">I", len(body)) + body


def request_headers(path: str, key: str | None = None) -> list[tuple[str, str]]:
    """Return the headers a gRPC call begins with."""
    headers = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "127.0.0.1"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ]
    return headers if key is None else [*headers, ("authorization", f"Bearer {key}")]


class RawConnection:
    """One connection whose frames the test writes; it answers SETTINGS and PING as it reads."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE)
        self._received = b""
        self._unread: list[Frame] = []
        # Without a table every block of headers can be read by itself.
        settings = SettingsFrame(0, settings={SettingsFrame.HEADER_TABLE_SIZE: 0})
        self.write(PREFACE + settings.serialize())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def greet(self) -> None:
        """Return when the server's settings were read and acknowledged; some hold only from then on."""
        while True:
            got = self.read_frame()
            assert got is not None
            if isinstance(got, SettingsFrame) and "ACK" in got.flags:
                return

    def write(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.socket.sendall(data)

    def begin(
        self, stream: int, path: str, key: str | None = None, more: Iterable[tuple[str, str]] = ()
    ) -> None:
        """Open a stream with the headers of a call."""
        block = header_block([*request_headers(path, key), *more])
        self.write(HeadersFrame(stream, block, flags=["END_HEADERS"]).serialize())

    def send(self, stream: int, data: bytes, *, end: bool = False) -> None:
        """Send a piece of a stream's body, at most a frame of the least size allowed."""
        self.write(DataFrame(stream, data, flags=["END_STREAM"] if end else []).serialize())

    def reset(self, stream: int) -> None:
        """Give a stream up."""
        self.write(RstStreamFrame(stream, _CANCEL).serialize())

    def read_frame(self) -> Frame | None:
        """Return the next frame, None when the server closed the connection."""
        if self._unread:
            return self._unread.pop()
        head = self._read(_HEAD_BYTES)
        if head is None:
            return None
        got, length = Frame.parse_frame_header(memoryview(head))
        body = self._read(length)
        if body is None:
            return None
        got.parse_body(memoryview(body))
        if isinstance(got, SettingsFrame) and "ACK" not in got.flags:
            self._answer(SettingsFrame(0, flags=["ACK"]))
        elif isinstance(got, PingFrame) and "ACK" not in got.flags:
            self._answer(PingFrame(0, got.opaque_data, flags=["ACK"]))
        return got

    def unread(self, got: Frame) -> None:
        """Put a frame back that was read."""
        self._unread.append(got)

    def end_of(self, stream: int) -> Frame | None:
        """Return the frame that ended a stream or the connection, None when it was simply closed."""
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            got = self.read_frame()
            if got is None or isinstance(got, GoAwayFrame):
                return got
            if got.stream_id == stream and (isinstance(got, RstStreamFrame) or "END_STREAM" in got.flags):
                return got
        raise AssertionError(f"stream {stream} did not end within {_PATIENCE} s")

    def _answer(self, answer: Frame) -> None:
        # When the server hung up, what it said before is still to be read.
        with contextlib.suppress(OSError):
            self.write(answer.serialize())

    def _read(self, n: int) -> bytes | None:
        while len(self._received) < n:
            try:
                piece = self.socket.recv(65536)
            except ConnectionError:
                return None
            if not piece:
                return None
            self._received += piece
        taken, self._received = self._received[:n], self._received[n:]
        return taken


def grpc_status(trailers: Frame) -> int:
    """Return the status in the headers that ended a call."""
    assert isinstance(trailers, HeadersFrame), trailers
    return int(dict(Decoder().decode(trailers.data))["grpc-status"])
