"""`vicinal bench codecs`: every codec is tried, in the figures that it has."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import vicinal
from vicinal.bench.advice.codec_trial import dense_rows, try_codec
from vicinal.bench.cli import app
from vicinal.bench.datasets import open_dataset
from vicinal.bench.harness.truth import exact_truth
from vicinal.bench.peers.faiss_codes import faiss_codes
from vicinal.indexes.protocol import BuildJob


@pytest.mark.parametrize("metric", ["cosine", "dot", "l2"])
def test_what_codes_find_is_what_the_decoded_rows_are_nearest_by(metric: str) -> None:
    data = open_dataset(f"clustered-700x24-{metric}", queries=20)
    truth, rows = exact_truth(data, 100), dense_rows(data)
    spec = vicinal.Scalar(bits=8)
    trial = try_codec(spec, rows, data, truth)
    codec = spec.train(rows, BuildJob(threads=1))
    decoded, queries = codec.decode(codec.encode(rows)), data.peer_queries
    near = queries @ decoded.T - (0.5 * (decoded**2).sum(axis=1) if metric == "l2" else 0.0)
    nearest = np.argsort(-near, axis=1)[:, :10]
    same = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(nearest, truth.ids[:, :10], strict=True)])
    # Kernels round the query as well.
    assert trial.recall_10 == pytest.approx(same, abs=0.02)
    assert trial.recall_10 <= trial.rescored
    assert trial.rescored > 0.99
    assert trial.row_bytes >= 24
    assert trial.rows_per_second > 0


def test_the_command_measures_the_codecs_it_is_given(tmp_path: Path) -> None:
    given = [spec.to_json() for spec in (vicinal.RaBitQ(bits=1), vicinal.RaBitQ(bits=8))]
    named = [word for one in given for word in ("--codec", json.dumps(one))]
    arguments = ["codecs", "--dataset", "random-600x32", "--out", str(tmp_path), "--no-faiss", *named]
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    finer, coarser = (json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines())
    assert (finer["label"], coarser["label"]) == ("RaBitQ(bits=8)", "RaBitQ()")
    assert finer["row_bytes"] > coarser["row_bytes"]
    assert finer["recall_10"] > coarser["recall_10"] + 0.1
    assert "smaller" in result.output


@pytest.mark.parametrize("codec", ["{", '{"name": "huffman"}', "3"])
def test_a_codec_that_there_is_not_is_refused(tmp_path: Path, codec: str) -> None:
    result = CliRunner(env={"COLUMNS": "200"}).invoke(
        app, ["codecs", "--out", str(tmp_path), "--codec", codec]
    )
    assert result.exit_code == 2
    assert "--codec" in result.output


def test_codes_of_faiss_are_measured_beside_them() -> None:
    pytest.importorskip("faiss")
    data = open_dataset("clustered-700x24", queries=20)
    found = list(faiss_codes(data, 100))
    assert [one.label for one in found] == ["SQ8", "SQ4", "PQ12x4", "RaBitQ"]
    for one in found:
        assert one.found.shape == (20, 100)
        assert one.row_bytes > 0
