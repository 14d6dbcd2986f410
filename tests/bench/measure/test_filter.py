"""Natural filters pass about the share they are for, counted without the engine."""

from __future__ import annotations

import numpy as np
import pytest

from vicinal.bench.datasets import Dataset, DatasetError, open_dataset
from vicinal.bench.measure.filters.filter import TOLERATED, natural_filters, wrong_note


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
        nearest = min(levels, key=lambda level: abs(np.log(natural.share / level)))
        assert 1 / TOLERATED <= natural.share / nearest <= TOLERATED
        assert len(natural.rows) == round(natural.share * data.rows)


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
        "filter": "a",
        "matches": 3,
        "counted": 3,
        "recall": 0.1,
        "rows_failing_filter": 0,
        "queries_with_too_few_rows": 0,
    }
    assert wrong_note([right]) is None
    for wrong in ({"counted": 2}, {"rows_failing_filter": 1}, {"queries_with_too_few_rows": 1}):
        note = wrong_note([right, {**right, "filter": "b", **wrong}])
        assert note is not None
        assert note.endswith("under b")


def test_data_without_payloads_is_refused() -> None:
    with pytest.raises(DatasetError, match="no payload fields"):
        natural_filters(open_dataset("random-50x4"))
