"""Calls that a server resets before it takes them in, as gRPC does for one that has too many."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hyperframe.frame import Frame, HeadersFrame, PingFrame, RstStreamFrame, SettingsFrame
from serving.raw_http2 import PREFACE

import vicinal
from vicinal.engine.errors import ResourceExhausted

REFUSED_STREAM, INTERNAL_ERROR = 7, 2
_HEAD_BYTES = 9


def _exactly(connection: socket.socket, n: int) -> bytes:
    data = b""
    while len(data) < n:
        piece = connection.recv(n - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


def _reset_all(listener: socket.socket, code: int, seen: list[int]) -> None:
    connection, _ = listener.accept()
    with connection:
        try:
            _exactly(connection, len(PREFACE))
            connection.sendall(SettingsFrame(0).serialize())
            while True:
                frame, length = Frame.parse_frame_header(memoryview(_exactly(connection, _HEAD_BYTES)))
                frame.parse_body(memoryview(_exactly(connection, length)))
                answer: Frame | None = None
                if isinstance(frame, HeadersFrame):
                    seen.append(frame.stream_id)
                    answer = RstStreamFrame(frame.stream_id, code)
                elif isinstance(frame, SettingsFrame) and "ACK" not in frame.flags:
                    answer = SettingsFrame(0, flags=["ACK"])
                elif isinstance(frame, PingFrame) and "ACK" not in frame.flags:
                    answer = PingFrame(0, frame.opaque_data, flags=["ACK"])
                if answer is not None:
                    connection.sendall(answer.serialize())
        except (EOFError, OSError):
            return


@contextmanager
def resetting(code: int) -> Iterator[tuple[str, list[int]]]:
    """Reset every call with a code of HTTP/2; give the address and the streams that were begun."""
    seen: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_reset_all, args=(listener, code, seen), daemon=True)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}", seen


def test_a_refused_stream_is_a_refusal() -> None:
    """Whatever the call was, it may be sent again: HTTP/2 promises that nothing was done."""
    with (
        resetting(REFUSED_STREAM) as (address, seen),
        vicinal.connect(address, retries=2) as db,
    ):
        with pytest.raises(ResourceExhausted, match="more calls than it takes in") as caught:
            db.drop_collection("films")
        assert caught.value.retry_after
        assert len(seen) >= 3


def test_another_reset_says_nothing_of_what_was_done() -> None:
    with (
        resetting(INTERNAL_ERROR) as (address, seen),
        vicinal.connect(address, retries=2) as db,
        pytest.raises(vicinal.VicinalError) as caught,
    ):
        db.drop_collection("films")
    assert caught.value.retry_after is None
    assert len(seen) == 1
