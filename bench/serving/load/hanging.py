"""Connections that stay open and do nothing, or begin calls whose message hardly comes. Run as a module.

Arguments: address, ``idle`` or ``slow``, how many. It prints ``listening on`` and the address once all stand,
and how things went when it is told to stop. HTTP/2 is spoken frame by frame, because no client is as rude.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from dataclasses import dataclass

from hpack import Encoder
from hyperframe.frame import (
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
)

_PATH = "/vicinal.v1.SearchService/Search"
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_HEAD_BYTES = 9
# A call announces so many bytes and sends one a second.
_ANNOUNCED = 4_096
_BYTE_SECONDS = 1.0
_BACK_SECONDS = 0.2


@dataclass
class Counts:
    """What happened to all connections."""

    opened: int = 0
    lost: int = 0
    calls: int = 0
    ended_by_server: int = 0


def _call_headers(address: str) -> bytes:
    return Encoder().encode(
        [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", _PATH),
            (":authority", address),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
        ]
    )


class Hanging:
    """One connection, made again when it is lost."""

    def __init__(self, address: str, slow: bool, phase: float, counts: Counts) -> None:
        self._address = address
        self._slow = slow
        self._phase = phase
        self._counts = counts
        self._stream, self._next = 0, 1
        self.standing = asyncio.Event()

    async def run(self) -> None:
        """Hang until cancelled."""
        while True:
            # Reading ends when the server hangs up.
            with contextlib.suppress(OSError, EOFError):
                await self._hang()
            self._counts.lost += 1
            await asyncio.sleep(_BACK_SECONDS)

    async def _hang(self) -> None:
        host, _, port = self._address.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            writer.write(_PREFACE + SettingsFrame(0).serialize())
            self._counts.opened += 1
            self._stream, self._next = 0, 1
            reading = asyncio.create_task(self._read(reader, writer))
            try:
                if self._slow:
                    await self._drip(writer, reading)
                await reading
            finally:
                reading.cancel()
        finally:
            writer.close()

    async def _drip(self, writer: asyncio.StreamWriter, reading: asyncio.Task[None]) -> None:
        # Not all at the same moment: that would be a load, not a slowness.
        await asyncio.sleep(self._phase)
        while not reading.done():
            if not self._stream:
                self._begin(writer)
            writer.write(DataFrame(self._stream, b"\x00").serialize())
            await asyncio.sleep(_BYTE_SECONDS)

    def _begin(self, writer: asyncio.StreamWriter) -> None:
        self._counts.calls += 1
        self._stream = self._next
        self._next += 2
        announced = b"\x00" + _ANNOUNCED.to_bytes(4, "big")
        headers = HeadersFrame(self._stream, _call_headers(self._address), flags=["END_HEADERS"])
        writer.write(headers.serialize() + DataFrame(self._stream, announced).serialize())
        self.standing.set()

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readexactly(_HEAD_BYTES)
            frame, length = Frame.parse_frame_header(memoryview(head))
            frame.parse_body(memoryview(await reader.readexactly(length)))
            acknowledged, ended = "ACK" in frame.flags, "END_STREAM" in frame.flags
            if isinstance(frame, SettingsFrame) and not acknowledged:
                writer.write(SettingsFrame(0, flags=["ACK"]).serialize())
                if not self._slow:
                    self.standing.set()
            elif isinstance(frame, PingFrame) and not acknowledged:
                writer.write(PingFrame(0, frame.opaque_data, flags=["ACK"]).serialize())
            elif isinstance(frame, GoAwayFrame):
                return
            elif frame.stream_id == self._stream and (ended or isinstance(frame, RstStreamFrame)):
                # The server has had enough of this call: the next one begins with the next byte.
                self._counts.ended_by_server += 1
                self._stream = 0


async def _main(address: str, kind: str, count: int) -> None:
    counts, stopped = Counts(), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    every = [Hanging(address, kind == "slow", place / count, counts) for place in range(count)]
    tasks = [asyncio.create_task(one.run()) for one in every]
    await asyncio.gather(*(one.standing.wait() for one in every))
    print(f"listening on {address}", flush=True)
    await stopped.wait()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    print(json.dumps(vars(counts)), flush=True)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
