"""Messages that are received before their calls have a thread, and servers of a gRPC that cannot do so."""

from __future__ import annotations

import threading
from pathlib import Path

import grpc
import grpc._server as internals
import pytest
from serving.calls import call
from serving.rpcs import BY_NAME
from serving.running_server import running_server

from vicinal.proto.v1 import database_pb2, points_pb2
from vicinal.server.service.calls import early_refusals, handler_parts
from vicinal.server.service.server import Server
from vicinal.server.service.settings.settings import ServerSettings

LIMITS = database_pb2.GetLimitsRequest()
COUNT = points_pb2.CountPointsRequest(scope=points_pb2.Scope(collection="none"))


def test_a_read_that_the_system_gives_no_thread_of_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, refused = threading.Thread.start, []

    def refuse_reads(thread: threading.Thread) -> None:
        if thread.name.startswith("vicinal-read"):
            refused.append(thread.name)
            raise RuntimeError("can't start new thread")
        start(thread)

    with running_server(tmp_path / "db") as server:
        monkeypatch.setattr(threading.Thread, "start", refuse_reads)
        for _ in range(2):
            assert server.call("CountPoints", COUNT).code is grpc.StatusCode.NOT_FOUND
    assert len(refused) == 2


def test_the_installed_grpc_is_known_and_one_that_takes_something_else_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert handler_parts.are_known()
    with monkeypatch.context() as changed:
        changed.setattr(internals, "_possibly_finish_call", lambda state, token, more: None)
        assert not handler_parts.are_known()
    with monkeypatch.context() as changed:
        changed.delattr(internals, "_unary_response_in_pool")
        assert not handler_parts.are_known()


def test_calls_are_served_and_refused_by_a_grpc_that_is_not_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(handler_parts, "are_known", lambda: False)
    monkeypatch.setattr(early_refusals, "_KNOWN", False)
    server = Server(ServerSettings(tmp_path / "db", port=0))
    server.bind()
    try:
        with grpc.insecure_channel(server.address, [("grpc.use_local_subchannel_pool", 1)]) as channel:
            early = call(channel, BY_NAME["GetLimits"], LIMITS)
            assert early.code is grpc.StatusCode.UNAVAILABLE
            assert "opening" in early.message
            server.load()
            assert call(channel, BY_NAME["GetLimits"], LIMITS).ok
            assert call(channel, BY_NAME["CountPoints"], COUNT).code is grpc.StatusCode.NOT_FOUND
    finally:
        server.stop()
    assert "unknown_grpc" in capsys.readouterr().err
