"""What every RPC has in common: its handler, its rule, and what becomes of an error nobody expected."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from prometheus_client import generate_latest
from serving.calls import call
from serving.rpcs import BY_NAME
from serving.running_server import plain_channel, running_server

from vicinal.engine.errors import Conflict
from vicinal.proto.v1 import database_pb2
from vicinal.server.service.access.authentication import AuthenticationInterceptor
from vicinal.server.service.access.key_store import KeyStore
from vicinal.server.service.access.rights import RULES
from vicinal.server.service.calls.call import Call
from vicinal.server.service.calls.call_log import CallLog
from vicinal.server.service.calls.door import Door
from vicinal.server.service.calls.early_refusals import EarlyRefusals
from vicinal.server.service.calls.rpc import Rpc
from vicinal.server.service.calls.runtime import Runtime
from vicinal.server.service.handlers.table import HANDLERS, find_handlers
from vicinal.server.service.watching.health import Health
from vicinal.server.wire.methods import METHODS

LIMITS = BY_NAME["GetLimits"]


def test_every_rpc_has_a_handler_and_a_rule() -> None:
    assert HANDLERS.keys() == METHODS.keys() == RULES.keys()
    assert len(set(HANDLERS.values())) == len(HANDLERS)


@pytest.mark.parametrize(
    "path",
    [
        "/vicinal.v1.SearchService/NoSuchRpc",
        "/vicinal.v1.CollectionService/VisibleInfo",
        # Of equal short names, another has both.
        "/vicinal.v1.CollectionService/Search",
        "/vicinal.v2.SearchService/Search",
    ],
)
def test_an_rpc_without_a_handler_or_a_rule_cannot_be_served(path: str) -> None:
    with pytest.raises(ImportError, match=path):
        find_handlers([*METHODS, path])


@contextmanager
def one_rpc(folder: Path, runtime: Runtime, log: CallLog, handle: Any) -> Iterator[grpc.Channel]:
    """Serve GetLimits by a handler of the test's own, beside the server whose runtime it shares."""
    rpc = Rpc(runtime, log, METHODS[LIMITS.path], RULES[LIMITS.path], handle)
    health = Health([], runtime.receiving)
    health.set_serving(True)
    with KeyStore(folder, read_only=True) as keys:
        server = grpc.server(ThreadPoolExecutor(4))
        refusals = EarlyRefusals(runtime, log)
        door = Door(
            AuthenticationInterceptor(keys), health.handlers(), {LIMITS.path: rpc.handler()}, refusals
        )
        server.add_generic_rpc_handlers((door,))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        with plain_channel(port) as channel:
            yield channel
        server.stop(None).wait()


@pytest.mark.parametrize(
    ("error", "code", "logged"),
    [
        (ZeroDivisionError("a secret"), grpc.StatusCode.INTERNAL, True),
        (AssertionError(), grpc.StatusCode.INTERNAL, True),
        (MemoryError(), grpc.StatusCode.RESOURCE_EXHAUSTED, False),
        (Conflict("it clashes"), grpc.StatusCode.ABORTED, False),
        (RecursionError("a secret"), grpc.StatusCode.INTERNAL, True),
    ],
)
def test_errors_of_a_handler(tmp_path: Path, error: Exception, code: grpc.StatusCode, logged: bool) -> None:
    def fail(call: Call, request: Message) -> Message:
        call.take_memory(1_000_000)
        call.wait_in_line()
        raise error

    lines = io.StringIO()
    with running_server(tmp_path / "db") as server:
        runtime = server.server.runtime
        log = CallLog(stream=lines)
        with one_rpc(server.folder, runtime, log, fail) as channel:
            with pytest.raises(grpc.RpcError) as caught:
                channel.unary_unary(LIMITS.path)(b"", timeout=30)
            outcome = call(channel, LIMITS, b"")
        assert caught.value.code() is outcome.code is code
        assert "secret" not in str(caught.value.details()) + str(outcome.status)
        assert outcome.detail(error_details_pb2.RequestInfo) is not None
        assert (runtime.calls.running, runtime.memory.taken, runtime.line.waiting) == (0, 0, 0)
        assert runtime.line.free == server.server.runtime.limits.running_searches
    written = [json.loads(line) for line in lines.getvalue().splitlines()]
    internal = [line for line in written if line["event"] == "internal_error"]
    assert len(internal) == (2 if logged else 0)
    for line in internal:
        assert line["error"] == type(error).__name__
        assert line["request_id"]
        assert "secret" not in json.dumps(line)
    if logged:
        assert internal[0]["request_id"] in str(caught.value.details())


def test_an_answer_larger_than_was_foreseen(tmp_path: Path) -> None:
    def answer(call: Call, request: Message) -> Message:
        return database_pb2.GetLimitsResponse(server_version="x" * (200 << 20))

    with running_server(tmp_path / "db") as server:
        runtime = server.server.runtime
        with one_rpc(server.folder, runtime, CallLog(), answer) as channel:
            outcome = call(channel, LIMITS, b"")
        assert outcome.code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert outcome.reason == "LIMIT_EXCEEDED"
        assert runtime.memory.taken == 0


def test_calls_are_counted_and_logged(tmp_path: Path) -> None:
    with running_server(tmp_path / "db", log_calls=True, metrics_port=0) as server:
        runtime = server.server.runtime
        for _ in range(3):
            assert server.call("GetLimits", b"").ok
        assert server.call("GetLimits", b"\xff").code is grpc.StatusCode.INVALID_ARGUMENT
        text = generate_latest(runtime.metrics.registry).decode()
        assert server.server.metrics_port
    assert 'vicinal_requests_total{code="OK",method="/vicinal.v1.DatabaseService/GetLimits"} 3.0' in text
    assert (
        'vicinal_requests_total{code="INVALID_ARGUMENT",method="/vicinal.v1.DatabaseService/GetLimits"} 1.0'
        in text
    )
    assert "vicinal_requests_in_flight 0.0" in text
