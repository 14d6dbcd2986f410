"""Natural filters pass about the share they are for, counted without the engine."""

from __future__ import annotations

import numpy as np
import pytest

from vicinal.bench.datasets import Dataset, DatasetError, open_dataset
from vicinal.bench.filtered.natural import TOLERATED, natural_filters
from vicinal.bench.report.filtered import broken_notes


def with_payloads(rows: int) -> Dataset:
    plain = open_dataset(f"random-{rows}x8", queries=10)
    rng = np.random.default_rng(1)
    kinds = ["common", "half", "rare"]
    payloads = [
        {"kind": kinds[int(kind)], "length": int(length)}
        for kind, length in zip(
            rng.choice(3, rows, p=[0.5, 0.49, 0.01]), rng.integers(0, 1000, rows), strict=True
        )
    ]
    del payloads[3]["length"]
    return Dataset(
        "x", "cosine", plain.vectors, plain.queries, payloads, {"kind": "keyword", "length": "integer"}
    )


def test_filters_pass_about_the_share_they_are_for() -> None:
    data = with_payloads(5000)
    levels = (0.01, 0.1, 0.5)
    found = natural_filters(data, levels)
    assert {natural.text.split()[0] for natural in found} == {"kind", "length"}
    for natural in found:
        share = len(natural.rows) / data.rows
        nearest = min(levels, key=lambda level: abs(np.log(share / level)))
        assert natural.level == nearest
        assert 1 / TOLERATED <= share / nearest <= TOLERATED


def test_rows_are_those_whose_payload_passes() -> None:
    data = with_payloads(2000)
    assert data.payloads is not None
    for natural in natural_filters(data, (0.01, 0.1, 0.5)):
        field, operator, value = natural.text.split(maxsplit=2)
        passing = [
            row
            for row, payload in enumerate(data.payloads)
            if field in payload
            and (payload[field] >= float(value) if operator == ">=" else payload[field] == value.strip("'"))
        ]
        assert natural.rows.tolist() == passing


def test_no_filter_is_invented_where_none_fits() -> None:
    data = with_payloads(2000)
    assert not [natural for natural in natural_filters(data, (0.1,)) if natural.text.startswith("kind")]


def test_wrong_answers_are_named_whatever_their_recall() -> None:
    right = {
        "shape": "natural",
        "filter": "a",
        "recall": 0.99,
        "rows_failing_filter": 0,
        "queries_with_too_few_rows": 0,
        "filters_counted_wrong": 0,
    }
    assert broken_notes([right], 0.95) == []
    assert broken_notes([right, {**right, "recall": 0.9}], 0.95) == ["recall below 0.95 in 1 of 2 cells"]
    assert broken_notes([{**right, "regret": 1.6}], 0.95) == ["more than 1.5 times the best in 1 of 1 cells"]
    for wrong in ("filters_counted_wrong", "rows_failing_filter", "queries_with_too_few_rows"):
        (note,) = broken_notes([right, {**right, "filter": "b", wrong: 1}], 0.95)
        assert note is not None
        assert note.endswith("under natural b")


def test_data_without_payloads_is_refused() -> None:
    with pytest.raises(DatasetError, match="no payload fields"):
        natural_filters(open_dataset("random-50x4"), (0.1,))
