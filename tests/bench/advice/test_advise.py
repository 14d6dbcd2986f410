"""`vicinal advise`: what it draws, tries, marks and says on small data."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import vicinal
from vicinal.bench.advice.choice import bytes_in, meeting, unbeaten, worth_indexing
from vicinal.bench.advice.codec_trial import CodecTrial
from vicinal.bench.advice.field_trial import FieldTrial
from vicinal.bench.advice.source import Wanted, open_source
from vicinal.bench.datasets import DatasetError
from vicinal.bench.report.plotting import HEIGHT, plotted
from vicinal.server.cli.app import app

WANTED = Wanted(rows=1_000, queries=50)
TRIAL = FieldTrial(vicinal.Dense(8), 0.95, 0.96, 1e-5, 100.0, 200.0, 1.0)


def advise(*arguments: str) -> tuple[int, str]:
    result = CliRunner(env={"COLUMNS": "250"}).invoke(app, ["advise", *arguments])
    return result.exit_code, result.output


def test_a_sample_is_advised_on(tmp_path: Path) -> None:
    code, output = advise(
        *("sample", "--memory", "1GB", "--recall", "0.9", "--rows", "1000", "--held-out", "100"),
        *(
            "--codec",
            '{"name": "scalar", "bits": 4}',
            "--codec",
            '{"name": "rabitq"}',
            "--out",
            str(tmp_path),
        ),
    )
    assert code == 0, output
    records = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    assert {record["kind"] for record in records} == {"advise"}
    lines = [record["line"] for record in records]
    for index in ("Flat()", "Hnsw()", "Ivf(codec=RaBitQ())"):
        assert f"Dense(384, index={index})" in lines
    for codec in ("RaBitQ()", "Scalar(bits=4)"):
        for index in (f"Hnsw(codec={codec})", f"Ivf(codec={codec})"):
            assert f"Dense(384, index={index}, on_disk=True)" in lines
    exact = records[lines.index("Dense(384, index=Flat())")]
    assert exact["recall"] == 1.0
    assert exact["memory_per_vector"] >= 4 * 384
    on_disk = records[lines.index("Dense(384, index=Hnsw(), on_disk=True)")]
    assert on_disk["memory_per_vector"] < exact["memory_per_vector"] < on_disk["disk_per_vector"]
    assert on_disk["memory"] == pytest.approx(on_disk["memory_per_vector"] * 5_000, rel=0.01)
    names = {name: getattr(vicinal, name) for name in vicinal.__all__}
    for record in records:
        assert record["us_per_query"] > 0
        assert record["projected_build_seconds"] > record["build_seconds"]
        assert isinstance(eval(record["line"], names), vicinal.Dense)
    good = [record for record in records if record["recall"] >= 0.9]
    quickest = min(good, key=lambda record: record["us_per_query"])
    assert f"\n    {quickest['line']}\n" in output
    assert (tmp_path / "advice.png").read_bytes().startswith(b"\x89PNG")


def test_a_database_is_drawn_from(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    vectors = rng.standard_normal((1_200, 12)).astype(np.float32)
    with vicinal.open(tmp_path / "films") as db:
        points = db.create_collection(
            "plots", {"text": vicinal.Dense(12, metric="l2"), "tags": vicinal.Sparse()}
        )
        points.upsert(range(1_200), {"text": vectors})
    source = open_source(str(tmp_path / "films"), WANTED)
    assert (source.total, source.data.metric, source.field.metric) == (1_200, "l2", "l2")
    assert (source.data.rows, len(source.data.queries)) == (1_000, 50)
    drawn = np.concatenate([source.data.vectors, source.data.queries])
    known = {tuple(row) for row in vectors.tolist()}
    rows = [tuple(row) for row in drawn.tolist()]
    assert set(rows) <= known
    assert len(set(rows)) == len(rows)
    asked = rng.standard_normal((30, 12)).astype(np.float32)
    np.save(tmp_path / "asked.npy", asked)
    given = open_source(str(tmp_path / "films"), replace(WANTED, query_file=tmp_path / "asked.npy"))
    np.testing.assert_array_equal(given.data.queries, asked)
    for wrong in (replace(WANTED, collection="films"), replace(WANTED, field="tags")):
        with pytest.raises(DatasetError, match=r"there are: (plots|text)"):
            open_source(str(tmp_path / "films"), wrong)


def test_binary_vectors_need_no_advice(tmp_path: Path) -> None:
    with vicinal.open(tmp_path / "bits") as db:
        db.create_collection("bits", vicinal.Dense(8, metric="hamming", element="binary"))
    with pytest.raises(DatasetError, match="binary"):
        open_source(str(tmp_path / "bits"), WANTED)


def test_a_file_is_drawn_from_evenly(tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", np.random.default_rng(2).standard_normal((4_000, 6)).astype(np.float32))
    source = open_source(str(tmp_path / "v.npy"), replace(WANTED, metric="dot"))
    assert (source.data.rows, len(source.data.queries), source.data.metric) == (1_000, 50, "dot")
    assert source.total == 3_000


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nowhere",), "no dataset at 'nowhere'"),
        (("sample", "--memory", "much"), "'much' is no size"),
        (("random-150x4",), "some hundreds"),
    ],
)
def test_mistakes_are_told_in_one_line(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    code, output = advise(*arguments, "--out", str(tmp_path))
    assert code == 2
    assert words in output


def test_sizes() -> None:
    sizes = [bytes_in(text) for text in ("200MB", "1.5 GiB", "64k", "7", "2tb")]
    assert sizes == [200_000_000, 3 * 2**29, 64_000, 7, 2 * 10**12]
    for wrong in ("", "MB", "3 i", "1e3", "-4"):
        with pytest.raises(ValueError, match="no size"):
            bytes_in(wrong)


def test_codecs_worth_an_index_are_those_that_no_smaller_one_equals() -> None:
    base = CodecTrial("", 0.0, 1.0, 1.0, 0.5, 0.5, 0.0)
    trials = [
        replace(base, row_bytes=size, recall_10=found, rescored=found)
        for size, found in ((8, 0.6), (16, 0.98), (20, 0.97), (32, 0.99), (34, 1.0))
    ]
    assert worth_indexing(trials, 0.95) == [trials[1], trials[4]]
    assert worth_indexing(trials[:1], 0.95) == trials[:1]


def test_what_is_beaten_in_nothing_stands_on_the_front_and_the_quickest_in_memory_is_taken() -> None:
    slow, wide = replace(TRIAL, seconds=2e-5, memory=50.0), replace(TRIAL, memory=150.0)
    poor = replace(TRIAL, recall=0.9, seconds=5e-6)
    trials = [TRIAL, slow, wide, poor]
    assert unbeaten(trials) == [TRIAL, slow, poor]
    assert meeting(trials, 0.95, 120.0) == [TRIAL, slow]
    assert meeting(trials, 0.95, 60.0) == [slow]
    assert meeting(trials, 0.99, None) == []


def test_points_stand_where_they_belong_in_a_terminal() -> None:
    lines = plotted([(10.0, 0.5, "A"), (100.0, 0.75, "B"), (1000.0, 1.0, "C")], "bytes", "recall")
    inside = [line.partition("|")[2] for line in lines[1 : HEIGHT + 1]]
    places = {
        letter: (row, line.index(letter))
        for row, line in enumerate(inside)
        for letter in "ABC"
        if letter in line
    }
    assert places["C"] == (0, 63)
    assert places["A"] == (HEIGHT - 1, 0)
    assert places["B"][1] in (31, 32)
    assert "1.000" in lines[1]
    assert lines[-1].split() == ["10", "bytes", "1,000"]
