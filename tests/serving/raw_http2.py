"""HTTP/2 by hand, for what no gRPC client would send."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, END_HEADERS, ACK = 0x1, 0x4, 0x1
_NO_TABLE = struct.pack(">HI", 1, 0)
_PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame as it came."""

    kind: int
    flags: int
    stream: int
    payload: bytes


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Return a frame as bytes."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def header_block(headers: Iterable[tuple[str, str]]) -> bytes:
    """Return headers in HPACK, each a literal that enters no table."""
    return b"".join(b"\0" + _text(name) + _text(value) for name, value in headers)


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
        # Without a table the server names headers in full, so that a status can be found in their bytes.
        self.write(PREFACE + frame(SETTINGS, 0, 0, _NO_TABLE))

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
            if got.kind == SETTINGS and got.flags & ACK:
                return

    def write(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.socket.sendall(data)

    def begin(
        self, stream: int, path: str, key: str | None = None, more: Iterable[tuple[str, str]] = ()
    ) -> None:
        """Open a stream with the headers of a call."""
        block = header_block([*request_headers(path, key), *more])
        self.write(frame(HEADERS, END_HEADERS, stream, block))

    def send(self, stream: int, data: bytes, *, end: bool = False) -> None:
        """Send a piece of a stream's body, at most a frame of the least size allowed."""
        self.write(frame(DATA, END_STREAM if end else 0, stream, data))

    def reset(self, stream: int) -> None:
        """Give a stream up."""
        self.write(frame(RST_STREAM, 0, stream, struct.pack(">I", 8)))

    def read_frame(self) -> Frame | None:
        """Return the next frame, None when the server closed the connection."""
        if self._unread:
            return self._unread.pop()
        head = self._read(9)
        if head is None:
            return None
        length = int.from_bytes(head[:3], "big")
        kind, flags, stream = struct.unpack(">BBI", head[3:])
        payload = self._read(length)
        if payload is None:
            return None
        if kind == SETTINGS and not flags & ACK:
            self._answer(frame(SETTINGS, ACK, 0))
        elif kind == PING and not flags & ACK:
            self._answer(frame(PING, ACK, 0, payload))
        return Frame(kind, flags, stream & 0x7FFFFFFF, payload)

    def unread(self, got: Frame) -> None:
        """Put a frame back that was read."""
        self._unread.append(got)

    def end_of(self, stream: int) -> Frame | None:
        """Return the frame that ended a stream or the connection, None when it was simply closed."""
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            got = self.read_frame()
            if got is None or got.kind == GOAWAY:
                return got
            ended = got.kind == RST_STREAM or (got.kind in (DATA, HEADERS) and got.flags & END_STREAM)
            if got.stream == stream and ended:
                return got
        raise AssertionError(f"stream {stream} did not end within {_PATIENCE} s")

    def _answer(self, data: bytes) -> None:
        # When the server hung up, what it said before is still to be read.
        with contextlib.suppress(OSError):
            self.write(data)

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
    assert trailers.kind == HEADERS, trailers
    at = trailers.payload.index(b"grpc-status") + len(b"grpc-status")
    length = trailers.payload[at]
    return int(trailers.payload[at + 1 : at + 1 + length])


def _text(text: str) -> bytes:
    data = text.encode()
    return _integer(len(data)) + data


def _integer(value: int) -> bytes:
    """Return an integer with a prefix of 7 bits, the first bit 0 as for a text without Huffman coding."""
    if value < 127:
        return bytes([value])
    out = [127]
    value -= 127
    while value >= 128:
        out.append(value % 128 + 128)
        value //= 128
    return bytes([*out, value])
