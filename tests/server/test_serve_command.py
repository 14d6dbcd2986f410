"""`vicinal serve` as a process: what it says, what it refuses, and that it loses nothing when stopped."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.request import urlopen

import grpc
import numpy as np
import pytest
from serving.calls import call
from serving.certificates import Authority
from serving.held_writer import held_writer
from serving.raw_http2 import RawConnection
from serving.rpcs import BY_NAME
from serving.running_server import plain_channel
from serving.served_process import ServedProcess, served_process
from serving.valid_requests import DIM, collection_schema, dense

import vicinal
from vicinal.proto.v1 import collections_pb2, points_pb2, vectors_pb2
from vicinal.server.service.access.key_store import KeyStore

PATIENCE = 60.0
WRITERS = 8


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "vicinal", "serve", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@contextmanager
def started(
    folder: Path, *options: str, files: int | None = None
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start a server, with so many files at most; give its process and the line it said."""
    command = [
        sys.executable,
        "-m",
        "vicinal",
        "serve",
        str(folder),
        "--port",
        "0",
        "--workers",
        "0",
        *options,
    ]
    if files is not None:
        command = ["sh", "-c", f'ulimit -n {files}; exec "$@"', "sh", *command]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline()
        finally:
            process.kill()


def upsert(writer: int, turn: int) -> points_pb2.UpsertPointsRequest:
    first = (writer * 100_000 + turn) * 10
    points = points_pb2.PointColumns(
        ids=vectors_pb2.PointIds(numbers=range(first, first + 10)),
        vectors=[vectors_pb2.FieldVectors(field="vector", vectors=dense(np.ones((10, DIM))))],
    )
    return points_pb2.UpsertPointsRequest(scope=points_pb2.Scope(collection="films"), points=points)


def test_it_says_where_it_listens(tmp_path: Path) -> None:
    with started(tmp_path / "db", "--metrics-port", "0", "--log-calls") as (process, line):
        assert f"vicinal serves {tmp_path / 'db'}: listening on 127.0.0.1:" in line
        assert "no TLS; no keys" in line
        port = int(line.partition("listening on 127.0.0.1:")[2].partition(" ")[0])
        with plain_channel(port) as channel:
            assert call(channel, BY_NAME["GetLimits"], b"").ok
            failed = call(channel, BY_NAME["GetLimits"], b"\xff")
            assert failed.code is grpc.StatusCode.INVALID_ARGUMENT
        metrics = line.partition("metrics on ")[2].rstrip(")\n")
        with urlopen(metrics, timeout=PATIENCE) as answer:
            assert (
                b'vicinal_requests_total{code="OK",method="/vicinal.v1.DatabaseService/GetLimits"} 1.0'
                in answer.read()
            )
        process.send_signal(signal.SIGINT)
        _, complaints = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    events = [json.loads(one) for one in complaints.splitlines()]
    calls = [event for event in events if event["event"] == "call"]
    assert [event["code"] for event in calls] == ["OK", "INVALID_ARGUMENT"]
    assert {event["method"] for event in calls} == {"/vicinal.v1.DatabaseService/GetLimits"}
    assert len({event["request_id"] for event in calls}) == 2
    assert events[-1]["event"] == "stopped"


def test_it_says_what_protects_it(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "ours")
    shown = authority.issue()
    with vicinal.open(tmp_path / "db"):
        pass
    with KeyStore(tmp_path / "db") as keys:
        key = keys.create("k", "read")[1]
    options = ["--tls-cert", shown.certificate, "--tls-key", shown.key, "--host", "0.0.0.0"]
    options += ["--client-ca", authority.certificate, "--metrics-port", "0"]
    with started(tmp_path / "db", *map(str, options)) as (_, line):
        assert "(TLS, client certificates; keys; metrics on https://0.0.0.0:" in line
        port = int(line.partition("listening on 0.0.0.0:")[2].partition(" ")[0])
        mine = authority.issue("client")
        credentials = grpc.ssl_channel_credentials(
            authority.certificate.read_bytes(), mine.key.read_bytes(), mine.certificate.read_bytes()
        )
        with grpc.secure_channel(f"127.0.0.1:{port}", credentials) as channel:
            assert call(channel, BY_NAME["GetLimits"], b"", key).ok
            assert call(channel, BY_NAME["GetLimits"], b"").code is grpc.StatusCode.UNAUTHENTICATED


def test_connections_leave_files_for_the_database_and_the_metrics(tmp_path: Path) -> None:
    with started(tmp_path / "db", "--metrics-port", "0", files=256) as (_, line):
        port = int(line.partition("listening on 127.0.0.1:")[2].partition(" ")[0])
        metrics = line.partition("metrics on ")[2].rstrip(")\n")
        with plain_channel(port) as channel, ExitStack() as stack:
            create(channel)
            refused = 0
            for _ in range(150):
                idle = stack.enter_context(RawConnection(port))
                refused += not greeted(idle)
            assert 0 < refused < 60
            assert call(channel, BY_NAME["UpsertPoints"], upsert(0, 0)).ok
            with urlopen(metrics, timeout=PATIENCE) as answer:
                assert b'vicinal_points{collection="films"} 10.0' in answer.read()


def greeted(connection: RawConnection) -> bool:
    """Return whether the server speaks to a connection, rather than to hang up on it."""
    try:
        return connection.read_frame() is not None
    except ConnectionError:
        return False


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--host", "0.0.0.0"], 1, "0.0.0.0 can be reached from other machines"),
        (["--port", "70000"], 2, "port is 70000"),
        (["--tls-cert", "no-such-file.pem"], 2, "private key"),
        (["--tls-cert", "no-such.pem", "--tls-key", "no-such.key"], 2, "no-such.pem: No such file"),
        (["--client-ca", "ca.pem"], 2, "client certificates"),
        (["--max-calls", "0"], 2, "max_calls is 0"),
        (["--max-calls-per-second", "-1"], 2, "calls_per_second is -1"),
        (["--receive-seconds", "nan"], 2, "receive_seconds is nan"),
        (["--no-such-option"], 2, "No such option"),
    ],
)
def test_what_makes_no_sense_is_one_line(tmp_path: Path, options: list[str], code: int, words: str) -> None:
    done = run(tmp_path / "db", "--port", "0", *options)
    assert done.returncode == code, done
    assert words in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    if words != "No such option":
        assert len(done.stderr.splitlines()) == 1


def test_what_is_taken_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run(tmp_path / "db", "--port", port)
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    with vicinal.open(tmp_path / "db"):
        done = run(tmp_path / "db", "--port", 0)
        assert done.returncode == 1
        assert f"open for writing by process {os.getpid()}" in done.stderr
        assert len(done.stderr.splitlines()) == 1
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_bytes(b"cat")
    done = run(tmp_path / "photos", "--port", 0)
    assert done.returncode == 1
    assert "cat.jpg" in done.stderr


def test_stopping_under_load_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    folder = tmp_path / "db"
    acknowledged: set[int] = set()
    enough = threading.Event()

    def write(channel: grpc.Channel, writer: int) -> None:
        for turn in range(10_000):
            request = upsert(writer, turn)
            outcome = call(channel, BY_NAME["UpsertPoints"], request)
            if not outcome.ok:
                # Told to come again, or hung up on when the connection was closed.
                assert outcome.code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED), outcome
                return
            acknowledged.update(request.points.ids.numbers)
            if turn >= 20:
                enough.set()

    with (
        served_process(folder, tmp_path / "log") as process,
        plain_channel(process.port) as channel,
        ThreadPoolExecutor(WRITERS) as pool,
    ):
        create(channel)
        writers = [pool.submit(write, channel, writer) for writer in range(WRITERS)]
        assert enough.wait(PATIENCE)
        assert process.stop() == 0, process.complaints()
        for writer in writers:
            writer.result(timeout=PATIENCE)
    with vicinal.open(folder) as db:
        films = db.collection("films")
        stored = {int(point.id) for page in pages(films) for point in page}
    assert len(acknowledged) > 200
    assert acknowledged <= stored
    # Batches are there as a whole.
    assert len(stored) % 10 == 0


def create(channel: grpc.Channel) -> None:
    schema = collection_schema()
    schema.partitioned = False
    request = collections_pb2.CreateCollectionRequest(name="films", schema=schema)
    assert call(channel, BY_NAME["CreateCollection"], request).ok


def pages(films: vicinal.Collection) -> Iterator[list[vicinal.Point]]:
    after = None
    while True:
        page = films.scroll(limit=10_000, after=after)
        yield list(page.points)
        if page.next is None:
            return
        after = page.next


def test_a_second_signal_stops_at_once(tmp_path: Path) -> None:
    with started(tmp_path / "db", "--grace", "600") as (process, line):
        port = int(line.partition("listening on 127.0.0.1:")[2].partition(" ")[0])
        with plain_channel(port) as channel:
            create(channel)
            # Held up by this process, which is no server: the call runs until the test lets it end.
            with held_writer(tmp_path / "db") as held:
                path = BY_NAME["UpsertPoints"].path
                pending = channel.unary_unary(path).future(upsert(0, 0).SerializeToString())
                wait_until(lambda: told_to_come_again(channel, process))
                assert not pending.done()
                process.send_signal(signal.SIGTERM)
                assert isinstance(pending.exception(timeout=PATIENCE), grpc.RpcError)
                held.release()
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 0


def told_to_come_again(channel: grpc.Channel, process: subprocess.Popen[str]) -> bool:
    """Ask the server to stop, once; return whether it lets no more calls in."""
    if call(channel, BY_NAME["GetLimits"], b"").ok:
        process.send_signal(signal.SIGTERM)
        return False
    return True


def test_a_killed_server_starts_again(tmp_path: Path) -> None:
    folder = tmp_path / "db"
    first = ServedProcess(folder, tmp_path / "log")
    with plain_channel(first.port) as channel:
        create(channel)
        assert call(channel, BY_NAME["UpsertPoints"], upsert(0, 0)).ok
    first.kill()
    with served_process(folder, tmp_path / "log") as process, plain_channel(process.port) as channel:
        count = points_pb2.CountPointsRequest(scope=points_pb2.Scope(collection="films"))
        (answer,) = call(channel, BY_NAME["CountPoints"], count).responses
        assert answer == points_pb2.CountPointsResponse(count=10)
