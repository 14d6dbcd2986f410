"""`vicinal bench multi`: generated tokens, exact answers, and a run from end to end."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from vicinal.bench.cli import app
from vicinal.bench.datasets import DatasetError
from vicinal.bench.datasets.multi.dataset import tokens_of
from vicinal.bench.datasets.multi.opening import open_multi_dataset
from vicinal.bench.harness.multi_truth import exact_multi_truth, multi_recall


def test_generated_tokens_are_the_same_again_and_answers_are_those_of_numpy(tmp_path: Path) -> None:
    data = open_multi_dataset("tokens-300x6x16", tmp_path, queries=8)
    again = open_multi_dataset("tokens-300x6x16", tmp_path / "again", queries=8)
    assert data.content_hash == again.content_hash
    assert (data.rows, data.dim, len(data.queries)) == (300, 16, 8)
    truth = exact_multi_truth(data, 5)
    for number in range(8):
        asked = np.asarray(tokens_of(data.queries, number), np.float64)
        scores = [
            (asked @ np.asarray(tokens_of(data.documents, row), np.float64).T).max(axis=1).sum()
            for row in range(300)
        ]
        nearest = np.argsort(scores)[::-1][:5]
        np.testing.assert_allclose(truth.scores[number][:5], np.array(scores)[nearest], rtol=1e-4)
    assert multi_recall(data, truth, truth.ids[:, :5]) == 1.0


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="301 rows asked for"):
        open_multi_dataset("tokens-300x6x16", tmp_path, rows=301)
    with pytest.raises(DatasetError):
        open_multi_dataset(str(tmp_path / "nothing"), tmp_path)


def test_a_run_records_an_index_and_the_scan(tmp_path: Path) -> None:
    options = [
        "multi",
        "--dataset",
        "tokens-600x4x16",
        "--peers",
        "",
        "--queries",
        "20",
        "--repetitions",
        "1",
    ]
    options += ["--only", "search", "--index", json.dumps({"name": "flat"}), "--out", str(tmp_path)]
    done = CliRunner().invoke(app, options)
    assert done.exit_code == 0, done.output
    records = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    assert records
    assert all(one["kind"] == "multi" for one in records)
