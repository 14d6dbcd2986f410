"""How a server begins and ends, and what it says when it cannot begin."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from google.rpc import status_pb2
from grpc_health.v1 import health_pb2
from serving.calls import Outcome, call
from serving.certificates import Authority
from serving.held_writer import held_writer
from serving.rpcs import BY_NAME
from serving.running_server import free_port, health, running_server
from serving.valid_requests import ENTRIES, Target, collection_schema

import vicinal
from vicinal.proto.v1 import collections_pb2, database_pb2, points_pb2
from vicinal.server.service.access.key_store import KeyStore
from vicinal.server.service.server import Server
from vicinal.server.service.settings.limits import Limits
from vicinal.server.service.settings.settings import ServerSettings

PATIENCE = 30.0
SERVING, NOT_SERVING = 1, 2
ROOMS = Target("rooms", "ada")
LIMITS = database_pb2.GetLimitsRequest()
UPSERT = ENTRIES["vicinal.v1.PointService.UpsertPoints"].make(ROOMS)
COUNT = points_pb2.CountPointsRequest(scope=points_pb2.Scope(collection="rooms", tenant="ada"))


@contextmanager
def bare_channel(port: int) -> Iterator[grpc.Channel]:
    options = [("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
        yield channel


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def create_rooms(channel: grpc.Channel) -> None:
    request = collections_pb2.CreateCollectionRequest(name=ROOMS.collection, schema=collection_schema())
    assert call(channel, BY_NAME["CreateCollection"], request).ok


def test_a_folder_that_is_not_there_becomes_a_database(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "db"
    with running_server(folder) as server:
        create_rooms(server.channel)
    with vicinal.open(folder) as db:
        assert db.collections() == ["rooms"]


def test_calls_are_told_to_come_again_while_the_database_is_opened(tmp_path: Path) -> None:
    server = Server(ServerSettings(tmp_path / "db", port=0))
    server.bind()
    with bare_channel(server.port) as channel:
        watch = channel.unary_stream("/grpc.health.v1.Health/Watch")(b"")
        states = map(health_pb2.HealthCheckResponse.FromString, watch)
        assert next(states).status == NOT_SERVING
        assert health(channel) == NOT_SERVING
        for name in ("GetLimits", "ListCollections"):
            early = call(channel, BY_NAME[name], b"")
            assert early.code is grpc.StatusCode.UNAVAILABLE
            assert "opening" in early.message
            assert early.retry_after
        server.load()
        assert next(states).status == SERVING
        assert call(channel, BY_NAME["GetLimits"], LIMITS).ok
        server.stop()
        assert next(states).status == NOT_SERVING
        assert list(states) == []
    # Stopping again is no mistake.
    server.stop()


def test_a_server_that_was_never_started_can_be_stopped(tmp_path: Path) -> None:
    Server(ServerSettings(tmp_path / "db")).stop()
    assert not (tmp_path / "db").exists()


def test_keys_are_asked_for_while_the_database_is_opened(tmp_path: Path) -> None:
    with vicinal.open(tmp_path / "db"):
        pass
    with KeyStore(tmp_path / "db") as keys:
        key = keys.create("k", "read")[1]
    server = Server(ServerSettings(tmp_path / "db", port=0))
    server.bind()
    try:
        with bare_channel(server.port) as channel:
            code = call(channel, BY_NAME["GetLimits"], LIMITS).code
            assert code is grpc.StatusCode.UNAUTHENTICATED
            assert call(channel, BY_NAME["GetLimits"], LIMITS, key).code is grpc.StatusCode.UNAVAILABLE
    finally:
        server.stop()


def test_a_database_that_another_process_has_open(tmp_path: Path) -> None:
    script = "import sys, vicinal; db = vicinal.open(sys.argv[1]); print('open', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "db")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(vicinal.LockedByAnotherProcess, match=str(other.pid)):
            Server(ServerSettings(tmp_path / "db", port=0)).start()
        other.communicate("\n")
    with running_server(tmp_path / "db"):
        pass


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with running_server(tmp_path / "one") as one:
        for port, metrics_port in ((one.port, None), (0, one.port)):
            settings = ServerSettings(tmp_path / "two", port=port, metrics_port=metrics_port)
            with pytest.raises(vicinal.FailedPrecondition, match=f"{one.port}: Address already in use"):
                Server(settings).start()
        assert call(one.channel, BY_NAME["GetLimits"], LIMITS).ok
    # Nothing of the failed start keeps the folder or the port.
    with running_server(tmp_path / "two"):
        pass


def test_an_address_of_another_machine(tmp_path: Path) -> None:
    settings = ServerSettings(tmp_path / "db", host="192.0.2.1", port=0, insecure=True)
    with pytest.raises(vicinal.FailedPrecondition, match=r"cannot listen on 192\.0\.2\.1"):
        Server(settings).start()


def test_a_folder_that_holds_something_else(tmp_path: Path) -> None:
    (tmp_path / "cat.jpg").write_bytes(b"cat")
    with pytest.raises(vicinal.NotADatabase, match=r"cat\.jpg"):
        Server(ServerSettings(tmp_path, port=0)).start()
    with pytest.raises(vicinal.NotADatabase, match="file"):
        Server(ServerSettings(tmp_path / "cat.jpg", port=0)).start()


def test_only_tls_and_a_key_let_a_server_be_reached_from_elsewhere(tmp_path: Path) -> None:
    shown = Authority(tmp_path, "ours").issue()
    folder = tmp_path / "db"
    tls = {"tls_cert": shown.certificate, "tls_key": shown.key}
    for options, words in (
        ({}, "TLS .* and a key"),
        (tls, "a key"),
    ):
        with pytest.raises(vicinal.FailedPrecondition, match=words):
            Server(ServerSettings(folder, host="0.0.0.0", port=0, **options)).start()
    with Server(ServerSettings(folder, host="0.0.0.0", port=0, insecure=True)):
        pass
    with KeyStore(folder) as keys:
        keys.create("k", "read")
    with pytest.raises(vicinal.FailedPrecondition, match="takes TLS"):
        Server(ServerSettings(folder, host="0.0.0.0", port=0)).start()
    with Server(ServerSettings(folder, host="0.0.0.0", port=0, **tls)):
        pass


@pytest.mark.parametrize("wrong", ["missing", "garbage", "other key", "folder", "ca"])
def test_tls_files_that_are_none(tmp_path: Path, wrong: str) -> None:
    authority = Authority(tmp_path, "ours")
    shown, other = authority.issue(), authority.issue()
    certificate, key, ca = shown.certificate, shown.key, None
    match wrong:
        case "missing":
            certificate = tmp_path / "none.pem"
        case "garbage":
            certificate = tmp_path / "garbage.pem"
            certificate.write_bytes(b"\xffgarbage")
        case "other key":
            key = other.key
        case "folder":
            key = tmp_path
        case "ca":
            ca = tmp_path / "garbage.pem"
            ca.write_bytes(b"garbage")
    settings = ServerSettings(tmp_path / "db", port=0, tls_cert=certificate, tls_key=key, client_ca=ca)
    with pytest.raises(vicinal.InvalidArgument, match="PEM"):
        Server(settings).start()
    assert not (tmp_path / "db").exists()


def test_stopping_finishes_what_runs_and_lets_nothing_else_in(tmp_path: Path) -> None:
    folder = tmp_path / "db"
    outcomes: list[Outcome] = []
    with running_server(folder) as server:
        create_rooms(server.channel)
        with held_writer(folder) as held:
            upsert = threading.Thread(target=lambda: outcomes.append(server.call("UpsertPoints", UPSERT)))
            upsert.start()
            wait_until(lambda: server.server.runtime.calls.running == 1)
            stopping = threading.Thread(target=server.server.stop, args=(60.0,))
            stopping.start()
            wait_until(lambda: health(server.channel) == NOT_SERVING)
            late = server.call("GetLimits", LIMITS)
            assert late.code is grpc.StatusCode.UNAVAILABLE
            assert "stopping" in late.message
            assert late.retry_after
            assert stopping.is_alive()
            held.release()
            upsert.join()
            stopping.join()
        assert outcomes[0].ok, outcomes
        gone = server.call("GetLimits", LIMITS)
        assert gone.code is grpc.StatusCode.UNAVAILABLE
        assert gone.status == status_pb2.Status()
    with running_server(folder) as server:
        (answer,) = server.call("CountPoints", COUNT).responses
        assert answer == points_pb2.CountPointsResponse(count=2)


def test_stopping_finishes_reads_that_wait(tmp_path: Path) -> None:
    outcomes: list[Outcome] = []
    with running_server(tmp_path / "db", limits=Limits(running_searches=1)) as server:
        create_rooms(server.channel)
        runtime = server.server.runtime
        # The test holds the only place, so that one read waits for it and the others for a thread.
        runtime.line.enter(None, lambda callback: True)
        reads = [
            threading.Thread(target=lambda: outcomes.append(server.call("CountPoints", COUNT)))
            for _ in range(3)
        ]
        for read in reads:
            read.start()
        wait_until(lambda: runtime.metrics.numbers().waiting == 3)
        stopping = threading.Thread(target=server.server.stop, args=(60.0,))
        stopping.start()
        wait_until(lambda: "stopping" in server.call("GetLimits", LIMITS).message)
        runtime.line.leave()
        for thread in (*reads, stopping):
            thread.join()
        assert runtime.calls.running == 0
    assert all(outcome.ok for outcome in outcomes), outcomes
    assert len(outcomes) == 3


@pytest.mark.parametrize("how", ["no grace", "hurry"])
def test_a_call_that_is_not_done_in_time_is_hung_up_on(tmp_path: Path, how: str) -> None:
    folder = tmp_path / "db"
    outcomes: list[Outcome] = []
    with running_server(folder) as server:
        create_rooms(server.channel)
        with held_writer(folder) as held:
            upsert = threading.Thread(target=lambda: outcomes.append(server.call("UpsertPoints", UPSERT)))
            upsert.start()
            wait_until(lambda: server.server.runtime.calls.running == 1)
            stopping = threading.Thread(target=server.server.stop, args=(0.0 if how == "no grace" else 60.0,))
            stopping.start()
            if how == "hurry":
                wait_until(lambda: health(server.channel) == NOT_SERVING)
                server.server.hurry()
            upsert.join()
            assert outcomes[0].code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
            held.release()
            stopping.join()


def test_a_silent_caller_does_not_hold_up_the_end(tmp_path: Path) -> None:
    with running_server(tmp_path / "db") as server, socket.create_connection(("127.0.0.1", server.port)):
        silent = server.channel.stream_unary(BY_NAME["GetLimits"].path)
        ask = threading.Event()

        def questions() -> Iterator[bytes]:
            ask.wait(60)
            yield from ()

        pending = silent.future(questions())
        wait_until(lambda: server.server.runtime.receiving.receiving == 1)
        server.server.stop()
        assert pending.exception(timeout=60) is not None
        ask.set()


def test_a_chosen_port_is_the_one(tmp_path: Path) -> None:
    port = free_port()
    with Server(ServerSettings(tmp_path / "db", port=port)) as server:
        assert server.port == port
        assert server.address == f"127.0.0.1:{port}"
