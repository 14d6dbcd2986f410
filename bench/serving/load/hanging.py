"""Connections that stay open and do nothing, or begin calls whose message hardly comes. Run as a module.

Arguments: address, ``idle`` or ``slow``, how many. It prints ``listening on`` and the address once all stand,
and how things went when it is told to stop. HTTP/2 is spoken by hand, because no client is as rude.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import struct
import sys
from dataclasses import dataclass

_PATH = "/vicinal.v1.SearchService/Search"
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RESET, _SETTINGS, _PING, _GOAWAY = 0, 1, 3, 4, 6, 7
_ACK, _END_STREAM, _END_HEADERS = 1, 1, 4
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


def _frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def _header(name: str, value: str) -> bytes:
    """One header as HPACK has it when no table is used."""
    parts = (text.encode() for text in (name, value))
    return b"\x00" + b"".join(bytes([len(part)]) + part for part in parts)


def _call_headers(address: str) -> bytes:
    return b"".join(
        _header(name, value)
        for name, value in (
            (":method", "POST"),
            (":scheme", "http"),
            (":path", _PATH),
            (":authority", address),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
        )
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
            writer.write(_PREFACE + _frame(_SETTINGS, 0, 0))
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
            writer.write(_frame(_DATA, 0, self._stream, b"\x00"))
            await asyncio.sleep(_BYTE_SECONDS)

    def _begin(self, writer: asyncio.StreamWriter) -> None:
        self._counts.calls += 1
        self._stream = self._next
        self._next += 2
        announced = b"\x00" + struct.pack(">I", _ANNOUNCED)
        writer.write(_frame(_HEADERS, _END_HEADERS, self._stream, _call_headers(self._address)))
        writer.write(_frame(_DATA, 0, self._stream, announced))
        self.standing.set()

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readexactly(9)
            length = int.from_bytes(head[:3], "big")
            kind, flags, stream = head[3], head[4], int.from_bytes(head[5:], "big")
            payload = await reader.readexactly(length)
            if kind == _SETTINGS and not flags & _ACK:
                writer.write(_frame(_SETTINGS, _ACK, 0))
                if not self._slow:
                    self.standing.set()
            elif kind == _PING and not flags & _ACK:
                writer.write(_frame(_PING, _ACK, 0, payload))
            elif kind == _GOAWAY:
                return
            elif stream == self._stream and (kind == _RESET or (kind == _HEADERS and flags & _END_STREAM)):
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
