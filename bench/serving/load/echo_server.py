"""A bare gRPC server: what a call costs before anything is done for it. Run as a module.

It prints its address. A method is named after the number of bytes it answers: one server does for calls
of any size.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import grpc

SERVICE = "/vicinal.bench.Echo/"
THREADS = 64
MAX_BYTES = 64 << 20


class Echo(grpc.GenericRpcHandler):  # type: ignore[type-arg]  # generic in the stubs only
    """Answers `/vicinal.bench.Echo/N` with N bytes, whatever was asked."""

    def __init__(self) -> None:
        self._handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {}

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[bytes, bytes] | None:
        method = handler_call_details.method
        handler = self._handlers.get(method)
        if handler is None and method.startswith(SERVICE):
            handler = grpc.unary_unary_rpc_method_handler(_answering(bytes(int(method[len(SERVICE) :]))))
            self._handlers[method] = handler
        return handler


def _answering(answer: bytes) -> Callable[[bytes, grpc.ServicerContext], bytes]:
    return lambda request, context: answer


def main() -> None:
    """Serve on a free port of the loopback until told to stop."""
    options = [("grpc.max_receive_message_length", MAX_BYTES), ("grpc.max_send_message_length", MAX_BYTES)]
    server = grpc.server(ThreadPoolExecutor(THREADS), options=options)
    server.add_generic_rpc_handlers((Echo(),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(f"listening on 127.0.0.1:{port}", flush=True)
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    stopped.wait()
    server.stop(None).wait()


if __name__ == "__main__":
    main()
