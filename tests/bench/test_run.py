"""A whole run on small data: tables, picture, records, and engines that are not there."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from vicinal.bench.cli import app
from vicinal.bench.comparison import running
from vicinal.bench.comparison.running import Comparison, MemoryShortageError, chosen_builds, run
from vicinal.bench.comparison.sweep import SweepOptions
from vicinal.bench.datasets import Dataset, open_dataset
from vicinal.bench.harness.timing import Watch
from vicinal.bench.harness.truth import exact_truth
from vicinal.bench.peers import PEERS, UnknownPeerError, find_peers
from vicinal.bench.report.drawing import draw_fronts
from vicinal.bench.report.tables import count, seconds, size

PNG = b"\x89PNG\r\n\x1a\n"


def bench(*arguments: str) -> str:
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, [*arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def compare(data: Dataset, names: list[str], plan: SweepOptions, folder: Path) -> Comparison:
    peers, _ = find_peers(names)
    wanted = [(peer, build) for peer in peers for build in peer.builds(data)]
    return run(data, exact_truth(data, plan.k), wanted, plan, folder, Watch(), lambda stage, share: None)


def read_records(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]


def test_run_writes_tables_picture_and_records(tmp_path: Path) -> None:
    arguments = ("--dataset", "random-500x16", "--peers", "hnswlib", "--out", str(tmp_path))
    output = bench("run", *arguments, "--repetitions", "2", "--singles", "5", "--queries", "40")
    assert "exact truth of 40 queries: computed" in output
    assert "At equal recall" in output
    assert (tmp_path / "recall-random-500x16-k10.png").read_bytes().startswith(PNG)
    records = read_records(tmp_path)
    assert {record["peer"] for record in records} == {"vicinal", "hnswlib"}
    for record in records:
        assert record["kind"] == "run"
        assert record["dataset"]["hash"] == open_dataset("random-500x16", queries=40).content_hash
        assert record["machine"].keys() >= {"cpu", "cores", "caches", "memory_bytes"}
        assert record.keys() >= {"commit", "dirty", "source", "packages", "parameters", "repetitions"}
        assert 0 < record["recall"] <= 1
        for name in ("qps", "us_per_query", "p50_us", "p95_us", "p99_us", "bytes_per_vector"):
            assert record[name] > 0, name
        assert record["p50_us"] <= record["p95_us"] <= record["p99_us"]
    assert max(record["recall"] for record in records if record["peer"] == "hnswlib") > 0.99
    assert not list((tmp_path / "scratch").iterdir())
    again = bench(
        "run", *arguments, "--repetitions", "1", "--singles", "1", "--queries", "40", "--peers-only"
    )
    assert "from the cache" in again
    assert len(read_records(tmp_path)) > len(records)


def test_a_missing_peer_is_named_and_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PEERS, "absent", ("absent_adapter", "AbsentPeer", "absent-package"))
    output = bench(
        *("run", "--dataset", "random-200x16", "--peers", "hnswlib,absent", "--out", str(tmp_path)),
        *("--repetitions", "1", "--singles", "1", "--queries", "10", "--peers-only"),
    )
    assert "absent skipped" in output
    assert "pip install absent-package" in output
    assert {record["peer"] for record in read_records(tmp_path)} == {"hnswlib"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--peers", "hnswlb"), "unknown peers ['hnswlb']"),
        (("--dataset", "nowhere"), "no dataset at 'nowhere'"),
        (("--dataset", "random-5x4", "--peers-only", "--peers", "hnswlib"), "k = 10 with 5 rows"),
        (("--dataset", "random-50x4", "--metric", "hamming"), "metric 'hamming'"),
        (("--dataset", "random-50x4", "--peers-only", "--peers", ""), "nothing to measure"),
    ],
)
def test_mistakes_are_told_in_one_line(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    runner = CliRunner(env={"COLUMNS": "400"})
    result = runner.invoke(app, ["run", "--out", str(tmp_path), *arguments], catch_exceptions=False)
    assert result.exit_code == 2
    assert message in result.output


def test_an_engine_that_refuses_the_data_is_named(tmp_path: Path) -> None:
    pytest.importorskip("rabitqlib")
    data = open_dataset("random-200x16", queries=10)
    plan = SweepOptions(k=5, repetitions=1, singles=1)
    outcome = compare(data, ["rabitqlib", "hnswlib"], plan, tmp_path)
    assert all("rabitqlib" in refusal for refusal in outcome.refused)
    assert {built.peer for built in outcome.builds} >= {"hnswlib"}


@pytest.mark.parametrize("metric", ["cosine", "dot", "l2"])
@pytest.mark.parametrize("name", sorted(PEERS))
def test_every_installed_engine_finds_the_neighbours(
    tmp_path: Path, name: str, metric: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Threads that wait for each other by spinning take minutes beside other tests.
    monkeypatch.setattr(running, "cores", lambda: 1)
    peers, missing = find_peers([name])
    if missing:
        pytest.skip(str(missing[0]))
    data: Dataset = open_dataset(f"clustered-400x64-{metric}", queries=40)
    outcome = compare(data, [name], SweepOptions(k=5, repetitions=1, singles=2), tmp_path)
    assert not outcome.refused
    assert {built.build.label for built in outcome.builds} == {build.label for build in peers[0].builds(data)}
    for point in outcome.points:
        assert math.isfinite(point.seconds)
    reached = {
        built.label: max(p.recall for p in outcome.points if p.built is built) for built in outcome.builds
    }
    # Codes of few bits for 64 dimensions and 8-bit integers without rescoring lose some.
    assert min(reached.values()) > 0.75, reached
    assert max(reached.values()) > 0.93, reached


def test_indexes_that_would_not_fit_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(running, "available_bytes", lambda: 1000)
    data = open_dataset("random-200x16", queries=10)
    with pytest.raises(MemoryShortageError, match="name fewer engines"):
        compare(data, ["hnswlib"], SweepOptions(k=5), tmp_path)


def test_unknown_peers_are_refused() -> None:
    with pytest.raises(UnknownPeerError, match="there are adapters for vicinal, hnswlib"):
        find_peers(["annoy"])


def test_the_picture_needs_no_display(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    data = open_dataset("random-200x16", queries=10)
    outcome = compare(data, ["hnswlib"], SweepOptions(k=5, repetitions=1, singles=1), tmp_path)
    draw_fronts(outcome.points, "a title", 5, tmp_path / "deep" / "x.png")
    assert (tmp_path / "deep" / "x.png").read_bytes().startswith(PNG)


def test_human_units() -> None:
    assert [seconds(value) for value in (250.0, 3.21, 0.0123, 4.2e-5)] == [
        "250 s",
        "3.2 s",
        "12.3 ms",
        "42.0 us",
    ]
    assert [size(value) for value in (512, 2048, 3.5 * 2**20)] == ["512 B", "2.0 KiB", "3.5 MiB"]
    assert [count(None), count(1234.4)] == ["-", "1,234"]


def test_builds_are_chosen_by_patterns_of_labels() -> None:
    data = open_dataset("random-200x16", queries=10)
    (peer,), _ = find_peers(["hnswlib"])
    assert [build.label for build in chosen_builds(peer, data, ["M=?4", "IVF*"])] == ["M=24"]
    assert chosen_builds(peer, data, ["IVF*"]) == peer.builds(data)


@pytest.mark.parametrize(("rows", "more"), [(200, 0), (3_000, 3), (201_000, 2)])
def test_this_engine_builds_lists_and_scans_of_codes_where_they_would_be_built(rows: int, more: int) -> None:
    data = open_dataset(f"random-{rows}x2", queries=1)
    (peer,), _ = find_peers(["vicinal"])
    labels = [build.label for build in peer.builds(data)]
    coded = ["Ivf(codec=RaBitQ())", "Ivf(codec=RaBitQ(bits=4))", "Flat(codec=RaBitQ())"]
    assert labels == ["M=16", "M=24", "M=32", *coded[:more]]


def test_this_engine_builds_the_indexes_that_are_asked_for(tmp_path: Path) -> None:
    codec = {"name": "scalar", "bits": 8}
    wanted = [{"name": "hnsw", "m": 8, "codec": codec}, {"name": "flat"}]
    asked = [*map(json.dumps, wanted), "IVF20,PQ4x4"]
    indexes = [word for one in asked for word in ("--index", one)]
    output = bench(
        *("run", "--dataset", "random-900x16", "--queries", "20", "--peers", "", "--out", str(tmp_path)),
        *("--repetitions", "1", "--singles", "1", *indexes),
    )
    records = read_records(tmp_path)
    assert {record["build"] for record in records} == {
        "Hnsw(m=8, codec=Scalar(bits=8))",
        "Flat()",
        "Ivf(n_lists=20, codec=Product(m=4, bits=4, rotation=None))",
    }
    (exact,) = (record for record in records if record["build"] == "Flat()")
    assert (exact["recall"], exact["effort"]) == (1.0, "exact")
    # The vectors and ids; the graph besides.
    assert exact["bytes_per_vector"] >= 16 * 4 + 8
    for record in records:
        assert record["disk_bytes_per_vector"] > record["bytes_per_vector"] >= exact["bytes_per_vector"]
    assert "no more bytes a vector" in output


@pytest.mark.parametrize("index", ["{", '{"name": "annoy"}', '"flat', "[]", "IVF", "IVF20,LSQ8"])
def test_an_index_that_there_is_not_is_refused_before_anything_is_read(tmp_path: Path, index: str) -> None:
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["run", "--out", str(tmp_path), "--index", index])
    assert result.exit_code == 2
    assert "--index" in result.output
