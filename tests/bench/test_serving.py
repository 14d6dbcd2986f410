"""The measurements of the server run on small data; what decides here is what came back, never how fast."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from typer.testing import CliRunner

import vicinal
from vicinal.bench.cli import app
from vicinal.bench.datasets import open_dataset
from vicinal.bench.harness.loaded import COLLECTION, create_collection, load
from vicinal.bench.measure.server import PARTS
from vicinal.bench.serving.load import rounds
from vicinal.bench.serving.load.background import Background, NotStartedError
from vicinal.bench.serving.load.closed_loop import loop_threads
from vicinal.bench.serving.load.endpoints import Bytes, cut, echo
from vicinal.bench.serving.load.messages import message_sizes, search_requests
from vicinal.bench.serving.load.open_loop import Calls, Outcome, offer
from vicinal.bench.serving.load.placement import apart, on_cores
from vicinal.bench.serving.load.rounds import Measured
from vicinal.bench.serving.load.usage import cpu_seconds, resident_bytes, watching_memory
from vicinal.bench.serving.load.worker import results, workers
from vicinal.bench.serving.scenes import connections, overload, peers_beside, scaling
from vicinal.bench.serving.scenes.overload import Overload
from vicinal.server.service.server import Server
from vicinal.server.service.settings.settings import ServerSettings


def bench(*arguments: str) -> Any:
    return CliRunner(env={"COLUMNS": "240"}).invoke(app, ["server", *arguments], catch_exceptions=False)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[dict[str, Any]]]:
    """What a run of all parts printed and recorded, beside a server whose client is not installed."""
    folder = tmp_path_factory.mktemp("measured")
    # An interpreter that sees no installed packages but what the adapters need.
    bare, out = folder / "bare", folder / "out"
    packages = Path(np.__file__).parent.parent
    bare.write_text(f'#!/bin/sh\nexport BARE="{packages}"\nexec "{sys.executable}" -I -S -c "$SCRIPT" "$@"\n')
    bare.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(overload, "LEAD_SECONDS", 0.3)
        patch.setattr(overload, "TAIL_SECONDS", 0.6)
        patch.setattr(overload, "GENERATORS", 1)
        patch.setattr(connections, "CONNECTIONS", {"idle": 20, "slow": 20})
        patch.setattr(connections, "TURNS", 1)
        patch.setattr(rounds, "WARM_UP_CALLS", 3)
        patch.setattr(scaling, "CLIENTS", 1)
        patch.setattr(scaling, "TURNS", 1)
        patch.setattr(peers_beside, "EFFORTS", (10, 200))
        patch.setenv("SCRIPT", _BARE)
        result = bench(
            *("--dataset", "sample", "--rows", "1500", "--queries", "40", "--seconds", "0.1"),
            *("--overload-seconds", "0.5", "--overload-work", "indexed", "--callers", "4"),
            *("--peers", "chroma", "--peers-python", str(bare), "--out", str(out)),
        )
    assert result.exit_code == 0, result.output
    assert not list((out / "scratch").iterdir())
    return result.output, [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]


def test_everything_is_measured_on_small_data(measured: tuple[str, list[dict[str, Any]]]) -> None:
    output, records = measured
    assert {record["kind"] for record in records} == {"server"}
    named = {record["figure"]: record for record in records}
    assert len(named) == len(records)
    for record in records:
        assert record["measured"]
        assert record["holds"] in (True, False) or not record["asked"]
    check_latencies(named)
    check_throughput(named)
    check_overload(named)
    for beside in ("", ", beside 4 readers"):
        written = named[f"durable upserts, 4 clients, batches of 100{beside}"]
        there = (written["rows"], written["counted"], written["missing"], written["batches"])
        assert there == (1500, 1500, 0, 15)
    assert written["searches_meanwhile"] > 0
    assert set(named["4 callers, single queries: two workers beside one"]["per_second"]) == {"1", "2"}
    best = max(records, key=lambda record: record.get("recall", 0))
    assert best["peer"] == "vicinal"
    assert best["recall"] > 0.99
    for part in PARTS:
        assert f"\n{part}" in output


def test_a_server_that_is_not_installed_is_named(measured: tuple[str, list[dict[str, Any]]]) -> None:
    output, _ = measured
    assert "chroma skipped" in output
    assert "install chromadb" in output


def check_latencies(named: dict[str, Any]) -> None:
    for kind, answer_bytes in (("with payloads", 1_000), ("ids and scores", 128)):
        for share in ("p50", "p99"):
            record = named[f"single query, {kind}: {share}"]
            over = record[f"search_{share}_us"] - record[f"echo_{share}_us"]
            assert record["over_echo_us"] == pytest.approx(over, abs=0.2)
            assert record["request_bytes"] > 4 * 384
            assert record["response_bytes"] >= answer_bytes
    for kind in ("idle", "slow"):
        record = named[f"beside 20 {kind} connections"]
        assert record["last_turn"]["opened"] == 20
        assert record["last_turn"]["calls"] == (20 if kind == "slow" else 0)
        assert record["calls"] > 0


def check_throughput(named: dict[str, Any]) -> None:
    for name in ("threads", "tasks"):
        for kind in ("with payloads", "ids and scores"):
            record = named[f"4 {name}, single queries, {kind}"]
            assert record["search"]["calls"] > 0
            share = record["search"]["calls_per_second"] / record["echo"]["calls_per_second"]
            assert record["share"] == pytest.approx(share, abs=0.01)
    record = named["4 threads, batches of 32"]
    assert record["request_bytes"] > 32 * 4 * 384
    assert set(record["embedded_queries_per_second"]) == {"32", "40"}


def check_overload(named: dict[str, Any]) -> None:
    for work in ("indexed", "indexed, through clients"):
        load = named[f"overload, {work}: load"]
        assert load["failed"] == 0
        assert load["capacity"]["calls"] > 0
        assert load["accepted_per_second"] > 0
        assert named[f"overload, {work}: memory"]["memory_budget"] == 256 << 20
        assert named[f"overload, {work}: accepted calls"]["accepted_p99_ms"] > 0
        goodput = load["accepted_per_second"] / load["capacity"]["calls_per_second"]
        assert named[f"overload, {work}: goodput"]["goodput_share"] == pytest.approx(goodput, abs=0.01)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--only", "singles,nothing"), "expected some of singles, throughput"),
        (("--only", ","), "expected some of singles, throughput"),
        (("--overload-work", "hard"), "expected some of exact, indexed"),
        (("--peers", "milvus"), "there are adapters for milvus-lite, chroma"),
    ],
)
def test_mistakes_are_told(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    result = bench("--out", str(tmp_path), *arguments)
    assert result.exit_code == 2
    assert message in result.output


_BARE = """
import importlib.machinery, os, runpy, sys
class Numpy:
    def find_spec(self, name, path=None, target=None):
        if name == "numpy" or name.startswith("numpy."):
            return importlib.machinery.PathFinder.find_spec(name, path or [os.environ["BARE"]], target)
sys.meta_path.append(Numpy())
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_the_echo_answers_with_as_many_bytes_as_its_method_says(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "vicinal.bench.serving.load.echo_server"]
    with Background(command, tmp_path / "log") as server:
        for size in (0, 7, 5_000_000):
            with echo(server.address, 100, size).calling() as call:
                answer = call(0)
                assert isinstance(answer, bytes)
                assert len(answer) == size
        used, resident = cpu_seconds(server.pid), resident_bytes(server.pid)
        if used is not None:
            assert used > 0
            assert resident is not None
            assert resident > 1 << 20
            with watching_memory(server.pid) as memory:
                pass
            assert memory.peak is not None
        pid = server.pid
    assert cpu_seconds(pid) is None


def test_a_process_that_ends_is_told_with_what_it_printed(tmp_path: Path) -> None:
    script = "print('no such thing'); raise SystemExit(3)"
    with (
        pytest.raises(NotStartedError, match=r"ended with code 3; it printed:\nno such thing"),
        Background([sys.executable, "-c", script], tmp_path / "log"),
    ):
        pass


def test_requests_are_those_of_the_client(tmp_path: Path) -> None:
    data = open_dataset("random-600x16", queries=40)
    with vicinal.open(tmp_path / "database") as database:
        load(create_collection(database, data), data, payloads=False)
    with Server(ServerSettings(tmp_path / "database", port=0)) as server:
        with vicinal.connect(server.address) as remote:
            expected = remote.collection(COLLECTION).search(data.queries[:32], k=5)
        for asked in (list(data.queries), cut(data.queries, 32)):
            sizes = message_sizes(server.address, asked, k=5)
            path, requests = search_requests(server.address, asked, k=5)
            assert sizes.request == len(requests[0])
            with Bytes(server.address, path, requests).calling() as call:
                answer = call(0)
                assert isinstance(answer, bytes)
                assert abs(len(answer) - sizes.response) < 200
        assert len(expected.ids) == 32


def test_an_overload_tells_accepted_from_refused(tmp_path: Path) -> None:
    data = open_dataset("random-600x16", queries=40)
    with vicinal.open(tmp_path / "database") as database:
        load(create_collection(database, data), data, payloads=False)
    from vicinal.server.service.settings.limits import Limits

    limits = Limits(calls_per_second=20)
    with Server(ServerSettings(tmp_path / "database", port=0, limits=limits)) as server:
        path, requests = search_requests(server.address, list(data.queries), k=5)
        calls = offer(Bytes(server.address, path, requests), 300, time.monotonic(), 0.5, seed=1)
    assert calls.count(Outcome.ACCEPTED) >= 1
    assert calls.count(Outcome.REFUSED) >= 1
    assert calls.count(Outcome.FAILED, Outcome.REFUSED_SILENTLY) == 0
    assert len(calls.seconds) == len(calls.sent) == len(calls.late)


def made_calls(
    sent: np.ndarray[Any, Any], seconds: np.ndarray[Any, Any], outcomes: np.ndarray[Any, Any]
) -> Calls:
    return Calls(sent, np.zeros_like(sent), seconds, outcomes)


@pytest.mark.parametrize(
    ("slow_until", "refused_until", "expected"),
    [(20.0, 20.0, 0.0), (21.0, 20.0, 1.0), (20.0, 22.5, 2.5), (99.0, 20.0, None)],
)
def test_recovery_is_when_answers_come_as_before(
    slow_until: float, refused_until: float, expected: float | None
) -> None:
    sent = np.arange(0, 30, 0.05)
    late = (sent >= 10) & (sent < slow_until)
    seconds = np.where(late, 0.5, 0.01)
    outcomes = np.where((sent >= 10) & (sent < refused_until), Outcome.REFUSED, Outcome.ACCEPTED)
    capacity = Measured(10.0, np.array([0.1]), None, 1.0)
    probes = made_calls(sent, seconds, outcomes)
    seen = Overload(capacity, probes, probes, start=10.0, end=20.0, memory_before=None, memory_peak=None)
    found = seen.seconds_to_recovery
    # The median of the probes ahead is fine a little before all of them are.
    assert found == (None if expected is None else pytest.approx(expected, abs=0.6))


def test_what_fails_in_a_loop_is_raised() -> None:
    def call(number: int) -> None:
        if number == 5:
            raise RuntimeError("the fifth")

    with pytest.raises(RuntimeError, match="the fifth"):
        loop_threads(call, 3, 30.0)


def test_every_caller_gets_numbers_of_its_own() -> None:
    seen: list[int] = []
    loop = loop_threads(seen.append, 3, 0.01)
    assert len(seen) == len(set(seen)) == len(loop.seconds)
    assert {number % 3 for number in seen} == {0, 1, 2}
    assert loop.per_second > 0


def test_workers_run_where_they_should_and_tell_what_failed() -> None:
    clients = apart().clients
    with workers(2, clients) as (first, second):
        if clients is not None:
            assert first.submit(os.sched_getaffinity, 0).result() == clients
        # Functions of this module would have the workers load all that it imports.
        calls = [first.submit(time.sleep, 0.01), second.submit(int, "not today")]
        with pytest.raises(ValueError, match="not today"):
            results(calls, "x", 1.0, lambda stage, share: None)


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system pins no processes")
def test_pinning_ends_with_its_context() -> None:
    before = os.sched_getaffinity(0)
    with on_cores(frozenset([min(before)])):
        assert os.sched_getaffinity(0) == {min(before)}
    assert os.sched_getaffinity(0) == before


def test_batches_are_whole() -> None:
    queries = np.arange(10, dtype=np.float32).reshape(5, 2)
    assert [len(batch) for batch in cut(queries, 2)] == [2, 2]
    (wrapped,) = cut(queries, 8)
    assert wrapped[5:].tolist() == queries[:3].tolist()


def test_a_lost_server_is_no_refusal() -> None:
    target = Bytes("127.0.0.1:1", "/nothing", [b""])
    with pytest.raises(grpc.RpcError):
        offer(target, 10, time.monotonic(), 0.1, seed=1)
