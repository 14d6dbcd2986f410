"""A gRPC server whose answers are functions, for what a sound server does not do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc

from vicinal.server.wire.methods import METHODS

Behaviour = Callable[[bytes, grpc.ServicerContext], Any]


class ToyServer:
    """A server that answers each RPC as it is told, and counts the calls.

    Attributes
    ----------
    behaviours : dict
        Short name of an RPC to a function of request bytes and context. It returns the bytes of the response,
        or yields them where the RPC streams.
    calls : list of str
        Short names of the RPCs that were called.
    """

    def __init__(self, **behaviours: Behaviour) -> None:
        self.behaviours = behaviours
        self.calls: list[str] = []
        self.metadata: list[dict[str, Any]] = []
        self._server = grpc.server(ThreadPoolExecutor(16), handlers=[_Handlers(self)])
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def stop(self) -> None:
        """Hang up on everybody."""
        self._server.stop(None).wait()


class _Handlers(grpc.GenericRpcHandler):
    def __init__(self, toy: ToyServer) -> None:
        self._toy = toy

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        name = details.method.rsplit("/", 1)[1]
        self._toy.calls.append(name)
        self._toy.metadata.append(dict(details.invocation_metadata))
        behaviour = self._toy.behaviours.get(name)
        if behaviour is None:
            return None
        if METHODS[details.method].streams:
            return grpc.unary_stream_rpc_method_handler(behaviour)
        return grpc.unary_unary_rpc_method_handler(behaviour)


@contextmanager
def toy_server(**behaviours: Behaviour) -> Iterator[ToyServer]:
    """Run a toy server until the block ends."""
    toy = ToyServer(**behaviours)
    try:
        yield toy
    finally:
        toy.stop()
