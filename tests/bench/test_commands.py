"""Every measurement of this engine runs on small data and records what it says it records."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from typer.testing import CliRunner

import vicinal
from vicinal.bench.cli import app
from vicinal.bench.measure import write, writing
from vicinal.bench.measure.kinds import encodings
from vicinal.bench.multi_peers import MULTI_PEERS
from vicinal.bench.multi_peers.vicinal import VicinalPeer
from vicinal.bench.sparse_peers import vicinal as sparse_vicinal


def measure(out: Path, command: str, dataset: str, *options: str) -> tuple[str, list[dict[str, Any]]]:
    arguments = [command, "--dataset", dataset, "--out", str(out), *options]
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    lines = (out / "results.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    assert {record["kind"] for record in records} == {command}
    assert not list((out / "scratch").iterdir())
    return result.output, records


def test_single(tmp_path: Path) -> None:
    output, records = measure(tmp_path, "single", "random-800x16", "--queries", "20", "--repetitions", "2")
    assert [record["target"] for record in records] == [0.90, 0.95, 0.99]
    for record in records:
        expected = record["single_mean_us"] - record["batch_us_per_query"]
        assert record["single_over_share_us"] == pytest.approx(expected, abs=0.02)
        assert record["recall"] >= record["target"] - 0.1
    assert "single over share" in output


def test_recall(tmp_path: Path) -> None:
    options = ("--queries", "120", "--calibrating", "60", "--repetitions", "1")
    _, records = measure(tmp_path, "recall", "random-800x16", *options)
    states = [(record["state"], record["queries_measured"], record["calibrated_on"]) for record in records]
    assert states == [("unseen", 120, 0)] * 3 + [("calibrated", 60, 60)] * 3
    for record in records:
        assert record["plan"]
        assert record["over_target"] == pytest.approx(record["recall"] - record["target"], abs=1e-5)


def test_answers_without_the_index_are_not_passed_off_as_its_recall(tmp_path: Path) -> None:
    # Below 512 rows there is no graph.
    options = ("--queries", "120", "--calibrating", "60", "--repetitions", "1")
    output, records = measure(tmp_path, "recall", "random-300x16", *options)
    assert {record["recall"] for record in records} == {1.0}
    assert {record["hops_per_query"] for record in records} == {0.0}
    assert "6 of 6 rows were answered by exact scans" in output


def test_calibrating_on_all_queries_is_refused(tmp_path: Path) -> None:
    arguments = ["recall", "--dataset", "random-300x8", "--out", str(tmp_path), "--queries", "60"]
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, [*arguments, "--calibrating", "60"])
    assert result.exit_code == 2
    assert "leaves none to measure" in result.output


def test_filtered(tmp_path: Path) -> None:
    chosen = ("--k", "10", "--selectivity", "0.1,10,100", "--correlation=-1,0,0.5")
    few = ("--groups", "2", "--group-size", "6", "--plans", "--peers", "faiss")
    output, records = measure(tmp_path, "filtered", "sample", *chosen, *few)
    made = [record for record in records if record["shape"] != "natural"]
    natural = [record for record in records if record["shape"] == "natural"]
    assert {record["shape"] for record in made} == {"keyword", "and", "or", "in", "range", "not", "text"}
    cells = [(0.001, -1), (0.001, 0), (0.001, 0.5), (0.1, -1), (0.1, 0), (0.1, 0.5), (1, 0)]
    assert sorted({(one["selectivity"], one["correlation"]) for one in made}) == cells
    assert len(made) == 7 * len(cells)
    assert {record["filter"].split()[0] for record in natural} == {"domain", "pos", "length"}
    for record in records:
        assert record["rows_failing_filter"] == 0
        assert record["queries_with_too_few_rows"] == 0
        assert record["filters_counted_wrong"] == 0
        assert record["recall"] > 0.85
        assert record["worst_tenth_recall"] <= record["recall"]
        ways = {"vicinal", "exact", "codes", "walk", "faiss HNSW", "faiss IVF"}
        assert {one["name"] for one in record["entries"]} >= ways
        assert record["regret"] >= 1
        assert record["plan"]
    assert {record["plan"] for record in made if record["selectivity"] == 0.001} == {"exact"}
    assert "text, k 10: recall" in output
    assert "Over all cells" in output
    assert "Times the p50 of each" in output


def test_filtered_in_short_begins_no_cell_when_time_is_over(tmp_path: Path) -> None:
    few = ("--group-size", "4", "--shape", "keyword,natural")
    output, records = measure(tmp_path, "filtered", "sample", "--short", "--minutes", "0", *few)
    assert len(records) == 1
    assert records[0]["k"] == 10
    assert records[0]["queries"] == 2 * 4
    assert " sets of passing rows were left when time was over" in output


@pytest.mark.parametrize(
    "options",
    [("--shape", "round"), ("--k", "0"), ("--selectivity", "101"), ("--correlation", "2"), ("--k", "ten")],
)
def test_filtered_says_what_it_takes(options: tuple[str, str], tmp_path: Path) -> None:
    said = ["filtered", "--dataset", "sample", "--out", str(tmp_path), *options]
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, said)
    assert result.exit_code == 2
    assert "expected" in result.output


def test_promise(tmp_path: Path) -> None:
    few = (
        "--sets",
        "texts,few-texts,binary,sparse-copies-12",
        "--size",
        "2100",
        "--asked",
        "20",
        "--k",
        "1,10",
    )
    output, records = measure(tmp_path, "promise", "sample", *few, "--targets", "0.9,0.99")
    cells = {(one["set"], one["index"]) for one in records}
    lists = {(name, "Ivf(codec=RaBitQ())") for name in ("texts", "few-texts")}
    graphs = {(name, "Hnsw()") for name in ("texts", "few-texts", "binary")}
    assert cells == lists | graphs | {("sparse-copies-12", "Seismic()")}
    assert len(records) == 6 * 2 * 2
    for record in records:
        mean, worst = record["recall"] - record["target"], record["worst_tenth_recall"] - record["target"]
        # Rounded alike.
        assert record["met"] == (mean >= -0.02 and worst >= -0.1)
        assert record["distances_per_query"] + record["rescored_per_query"] > 0
    assert {record["met"] for record in records if record["set"] in ("texts", "sparse-copies-12")} == {True}
    assert "binary: index 'ivf' is of vectors of numbers" in output
    assert "4 of 4" in output


@pytest.mark.parametrize(
    "options", [("--sets", "kind"), ("--k", "501"), ("--targets", "1.5"), ("--seeds", "one")]
)
def test_promise_says_what_it_takes(options: tuple[str, str], tmp_path: Path) -> None:
    said = ["promise", "--dataset", "sample", "--out", str(tmp_path), *options]
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, said)
    assert result.exit_code == 2
    assert "expected" in result.output


def test_limit(tmp_path: Path) -> None:
    _, records = measure(tmp_path, "limit", "random-800x16", "--queries", "20", "--repetitions", "1")
    assert [record["target"] for record in records] == [0.95, 0.99]
    for record in records:
        assert (record["code_bytes"], record["vector_bytes"], record["links_bytes"]) == (64, 64, 128)
        assert record["bound_us"] > 0
        assert record["times_bound"] == pytest.approx(record["us_per_query"] / record["bound_us"], rel=0.05)


def test_sparse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sparse_vicinal, "HEAP_FACTORS", (0.8,))
    monkeypatch.setattr(sparse_vicinal, "QUERY_CUTS", (4, 20))
    options = ("--peers", "", "--queries", "100", "--repetitions", "1", "--keep", str(tmp_path / "kept"))
    output, records = measure(tmp_path, "sparse", "splade-2000", *options)
    searched = [record for record in records if record["part"] == "search"]
    assert {record["engine"] for record in searched} == {"vicinal"}
    for record in searched:
        written = record["bytes_per_nonzero"] * record["dataset"]["nonzeros"]
        assert record["projected_gib"] == pytest.approx(written / 2_000 * 138_364_198 / 2**30, rel=0.01)
        assert record["recall"] >= 0.85
        assert record["single_mean_us"] > 0
        assert record["batch_us"] > 0
        assert record["scored"] >= 1
        assert record["bytes_per_nonzero"] > 1
    filtered = [record for record in records if record["part"] == "filter"]
    assert {record["share"] for record in filtered} == {1.0, 0.001, 0.01, 0.1, 0.5}
    for record in filtered:
        assert record["recall"] >= 0.85
        assert record["matches"] == pytest.approx(2_000 * record["share"], rel=0.3, abs=4)
    (written,) = [record for record in records if record["part"] == "write"]
    assert (written["rows"], written["rows_per_second"] > 0) == (2_000, True)
    assert "At equal recall" in output
    assert len(list((tmp_path / "kept").iterdir())) == 1


def test_keyword(tmp_path: Path) -> None:
    output, records = measure(tmp_path, "keyword", "sample", "--peers", "", "--repetitions", "1")
    assert [record["replaced"] for record in records] == [0.0, 0.3]
    for record in records:
        assert record["engine"] == "vicinal"
        assert record["largest_difference"] < 1e-4
        assert record["single_mean_us"] > 0
        assert record["batch_us"] > 0
    assert records[0]["replace_seconds"] is None
    assert "scores of vicinal are off" not in output


class FailingPeer(VicinalPeer):
    """Another engine, which does not open what it has built."""

    name = "failing"

    def __init__(self) -> None:
        super().__init__({"scan": vicinal.Flat()})

    def open(self, *given: Any) -> Any:
        raise OSError("no such index")


def test_multi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter = ModuleType("failing")
    adapter.__dict__["FailingPeer"] = FailingPeer
    monkeypatch.setitem(sys.modules, "vicinal.bench.multi_peers.failing", adapter)
    monkeypatch.setitem(MULTI_PEERS, "failing", ("failing", "FailingPeer", "failing"))
    monkeypatch.setattr(encodings, "DOCUMENTS", 10)
    index = json.dumps({"name": "muvera", "repetitions": 4})
    options = ("--peers", "failing", "--index", index, "--queries", "20", "--compared", "10")
    output, records = measure(tmp_path, "multi", "tokens-2100x4x16", "--repetitions", "1", *options)
    parts: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        parts.setdefault(record["part"], []).append(record)
    assert [one["engine"] for one in parts["kernels"]][:2] == ["NumPy", "vicinal float32"]
    assert parts["encode"][0]["dimensions"] == 10_240
    for one in parts["search"]:
        assert (one["engine"], one["build"]) == ("vicinal", index)
        assert one["single_over_share_us"] == pytest.approx(one["single_mean_us"] - one["batch_us"], abs=0.02)
        assert one["disk_bytes_per_token"] > 2 * 16
    for one in parts["candidates"]:
        assert one["scored"] == min(int(one["effort"].removeprefix("candidates ")), 2_100)
    assert parts["candidates"][-1]["recall"] > 0.8
    assert "failing scan is left out: OSError: no such index" in output
    assert "At equal recall" in output


def test_multi_refuses_what_it_does_not_measure(tmp_path: Path) -> None:
    command = ["multi", "--dataset", "tokens-20x2x8", "--out", str(tmp_path)]
    for options, words in (
        (["--only", "reading"], "expected some of kernels"),
        (["--peers", "unheard-of"], "unheard-of"),
        (["--index", "lists"], "--index"),
        (["--index", '"hnsw"'], "of dense vectors"),
        (["--element", "float64"], "expected one of 'float32', 'float16'"),
    ):
        result = CliRunner(env={"COLUMNS": "200"}).invoke(app, [*command, *options])
        assert result.exit_code == 2
        assert words in result.output


def test_sparse_refuses_what_it_does_not_measure_and_whom_it_does_not_know(tmp_path: Path) -> None:
    command = ["sparse", "--dataset", "splade-20", "--out", str(tmp_path)]
    for options, words in ((["--only", "reading"], "reading"), (["--peers", "unheard-of"], "unheard-of")):
        result = CliRunner(env={"COLUMNS": "200"}).invoke(app, [*command, *options])
        assert result.exit_code == 2
        assert words in result.output


def test_scan(tmp_path: Path) -> None:
    output, records = measure(tmp_path, "scan", "random-3000x4-l2", "--repetitions", "1")
    assert [record["field"] for record in records][:2] == ["genre", "title"]
    for record in records:
        assert record["counted"] == record["matches"] > 0
        assert min(record["first_seconds"], record["later_ms"], record["indexed_ms"]) > 0
    assert "Fields without an index, 3,000 payloads" in output


@pytest.mark.parametrize("coherent", [False, True])
def test_tenants(tmp_path: Path, coherent: bool) -> None:
    options = ["--tenants", "30", "--sampled", "2", "--queries", "3", "--repetitions", "1", "--grants", "60"]
    options += ["--coherent"] if coherent else []
    output, records = measure(tmp_path, "tenants", "clustered-900x8", *options)
    *deciles, grants, costs = records
    expected = [(state, decile) for state in ("written", "churned") for decile in range(1, 11)]
    assert [(one["state"], one["decile"]) for one in deciles] == expected
    sizes = [one["most_points"] for one in deciles[:10]]
    assert sizes == sorted(sizes)
    # The largest of Zipf's has a quarter of all where there are thirty.
    assert sizes[-1] == pytest.approx(900 / 4, rel=0.1)
    assert {one["recall"] for one in deciles} == {1.0}
    assert (costs["state"], costs["coherent"], costs["rows"]) == ("costs", coherent, 900)
    assert costs["left_after_drop"] == 900 - costs["dropped_points"]
    assert 0 < costs["dropped"] < 30
    assert costs["drop_calls_per_second"] > 0
    assert costs["over_plain"] < 1.3
    assert "What tenants cost" in output
    assert (grants["state"], grants["grants"]) == ("grants", 60)
    assert min(grants["grant_calls_per_second"], grants["revoke_calls_per_second"]) > 0
    assert "What grants cost" in output


def test_tenants_are_fewer_than_half_of_the_rows(tmp_path: Path) -> None:
    arguments = ["tenants", "--dataset", "clustered-50x8", "--out", str(tmp_path), "--tenants", "30"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert "--tenants" in result.output


def test_bitset(tmp_path: Path) -> None:
    output, records = measure(tmp_path, "bitset", "random-3000x4-l2")
    assert len(records) == 8
    for record in records:
        assert record["counted"] == record["matches"]
        assert min(record["matches"]) > 0
        assert min(record["first_us"], record["later_us"]) > 0
    assert "Filter to bitset, 3,000 rows, processor time" in output


def test_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write, "WARM_UP_ROWS", 300)
    monkeypatch.setattr(write, "REOPENINGS", 1)
    output, (record,) = measure(tmp_path, "write", "random-1200x16", "--batch-rows", "100")
    assert record["recall_right_after"] == 1.0
    assert len(record["peer_builds_seconds"]) == 2
    assert record["indexed_after_first_write_seconds"] >= record["written_seconds"]
    for name in (
        "rows_per_second",
        "reopen_load_seconds",
        "reopen_open_seconds",
        "reopen_start_to_answer_seconds",
    ):
        assert record[name] > 0
    assert "process start to first answer" in output


def test_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "REST_SEARCHES", 50)
    output, records = measure(
        tmp_path, "writing", "random-1200x16", "--minutes", "2", "--period", "0.3", "--rows-per-second", "400"
    )
    rest, first, second = records
    assert rest["rows"] == 600
    assert rest["rows_per_second"] == 0
    assert second["rows"] > first["rows"] > 600
    for record in (first, second):
        assert record["growing_rows"] + 600 == record["rows"]
        assert min(record["search_p50_us"], record["upsert_p50_ms"], record["catalog_bytes"]) > 0
    assert "Small batches, minute by minute" in output


def test_multi_disk(tmp_path: Path) -> None:
    """As `test_disk`: of so few tokens most of the memory is the interpreter's."""
    options = ("--queries", "40", "--memory", "400", "--candidates", "40", "--batch", "20")
    output, records = measure(tmp_path, "multi-disk", "tokens-2500x16x64", *options)
    mapped, cached, limited = records
    assert mapped["recall"] == cached["recall"] == limited["recall"] >= 0.8
    assert mapped["vector_bytes"] == 2500 * 16 * 64 * 4
    point_bytes = 16 * 64 * 4
    for record in (cached, limited):
        assert record["rescored"] == 40
        assert record["asked_bytes"] == pytest.approx(40 * point_bytes, rel=0.2)
        assert record["read_ahead"] is not None
    assert mapped["read_ahead"] is None
    assert mapped["asked_bytes"] < point_bytes
    assert limited["disk_bytes"] >= 10 * point_bytes
    assert limited["peak_bytes"] <= limited["allowed_bytes"]
    assert "read ahead" in output


def test_disk(tmp_path: Path) -> None:
    """What is read decides, and not the time; an interpreter alone takes more than all of so few vectors."""
    small = json.dumps({"name": "scalar", "bits": 4})
    options = ("--queries", "40", "--memory", "400", "--rescore", "30", "--batch", "20", "--codec", small)
    output, records = measure(tmp_path, "disk", "embedded-4000x256", *options)
    mapped, cached, limited = records
    assert [record["where"] for record in records] == ["in memory", "on disk, cached", "on disk, limited"]
    assert mapped["recall"] == cached["recall"] == limited["recall"] >= 0.95
    row_bytes = 256 * 4
    for record in (cached, limited):
        assert record["rescored"] == 30
        assert record["asked_bytes"] == pytest.approx(30 * row_bytes, rel=0.1)
    # Mapped vectors are not read by calls, and no cold page of them is spared where they are.
    assert mapped["asked_bytes"] < row_bytes
    assert limited["disk_bytes"] >= 10 * row_bytes
    assert limited["peak_bytes"] <= limited["allowed_bytes"]
    assert limited["major_faults"] < 1
    assert "Memory of the processes" in output
