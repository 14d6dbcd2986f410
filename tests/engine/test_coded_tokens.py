"""Tokens that sealed segments keep in codes: when they are learnt, that merges copy them, what comes back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vicinal
from vicinal import F, Multi, Product
from vicinal.engine.collection import columnar
from vicinal.engine.schema.vector_field import vector_field_from_json
from vicinal.engine.vector_kinds.registry import kind_of
from vicinal.indexes.exact.multi import MultiScan
from vicinal.indexes.product import token_coding
from vicinal.indexes.rows.metric import Metric
from vicinal.indexes.rows.multi import MultiRows
from vicinal.storage.verify.folder_check import check_folder
from vicinal.testing import oracle

QUIET = vicinal.MergePolicySettings(quiet_seconds=1e9, tier_factor=1000)
ROWS, DIM, M = 600, 12, 6
RNG = np.random.default_rng(0)
TOPICS = RNG.standard_normal((30, DIM))
SIZES = RNG.integers(0, 9, ROWS)
TOKENS = [
    (TOPICS[RNG.integers(0, 30, size)] + RNG.standard_normal((size, DIM)) / 3).astype(np.float32)
    for size in SIZES
]
QUERY = TOKENS[int(np.argmax(SIZES > 4))][:3] + np.float32(0.1)


@pytest.fixture(autouse=True)
def few_tokens_are_coded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_coding, "LEAST_TOKENS", 400)


@pytest.fixture(params=["disk", "memory"])
def db(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[vicinal.Database]:
    folder = tmp_path / "db" if request.param == "disk" else ":memory:"
    with vicinal.open(folder, merge_policy=QUIET) as database:
        yield database


def tokens_of(points: vicinal.Collection, ids: Any) -> list[np.ndarray]:
    found = points.get(list(ids), with_vectors=True)
    return [point.vectors["vector"] for point in found if point is not None]


def errors(points: vicinal.Collection, ids: Any) -> float:
    """Return which share of the squares of tokens is lost."""
    lost = [np.square(found - TOKENS[i]).sum() for i, found in zip(ids, tokens_of(points, ids), strict=True)]
    return float(np.sum(lost) / np.sum([np.square(TOKENS[i]).sum() for i in ids]))


@pytest.mark.parametrize("on_disk", [False, True])
@pytest.mark.parametrize("metric", ["dot", "cosine", "l2"])
def test_scores_are_those_of_what_comes_back(db: vicinal.Database, metric: str, on_disk: bool) -> None:
    field = Multi(DIM, metric=metric, element="float32", codec=Product(M), on_disk=on_disk)
    points = db.create_collection("points", field, fields={"half": "integer"})
    points.upsert(range(ROWS), TOKENS, [{"half": i % 2} for i in range(ROWS)])
    points.delete(range(0, ROWS, 7))
    assert errors(points, range(1, 7)) == 0
    points.merge()
    live = [i for i in range(ROWS) if i % 7]
    assert 1e-4 < errors(points, live) < 0.1
    back = tokens_of(points, live)
    assert [len(tokens) for tokens in back] == SIZES[live].tolist()
    rows = MultiRows(np.cumsum([0, *map(len, back)]), np.concatenate(back), Metric(metric))
    query = MultiRows(np.array([0, 3]), QUERY)
    table = oracle.maxsim_scores(rows, query)
    filled = SIZES[live] > 0
    scored = points.score(QUERY, live)
    np.testing.assert_allclose(scored[filled], table[0, filled], rtol=1e-4, atol=1e-4)
    assert np.isnan(scored[~filled]).all()
    for some, allowed in ((None, filled), (F("half") == 1, filled & (np.array(live) % 2 == 1))):
        _, truth = oracle.top(table, 10, rows.metric.higher_is_nearer, np.flatnonzero(allowed))
        for exact in (True, False):
            found = points.search(QUERY, 10, filter=some, exact=exact)
            np.testing.assert_allclose(found.scores, truth[0], rtol=1e-4, atol=1e-4)
    own = int(np.argmax(SIZES > 4))
    sizes = kind_of(field).sizes(field, columnar(points).view(None)[0].views[0].rows("vector"), np.arange(9))
    np.testing.assert_array_equal(sizes, SIZES[live[:9]] * DIM * 4)
    assert len(points.search(by_id=own, k=5)) == 5


@pytest.mark.parametrize("on_disk", [False, True])
def test_merging_again_and_again_changes_no_code(tmp_path: Path, on_disk: bool) -> None:
    field = Multi(DIM, codec=Product(M), on_disk=on_disk)
    with vicinal.open(tmp_path / "db", merge_policy=QUIET) as database:
        points = database.create_collection("points", field)
        points.upsert(range(400), TOKENS[:400])
        points.merge()
        before = tokens_of(points, range(400))
        for step in range(10):
            points.upsert([400 + step], TOKENS[400 + step : 401 + step])
            points.delete([step])
            points.merge()
        for found, expected in zip(tokens_of(points, range(10, 400)), before[10:], strict=True):
            np.testing.assert_array_equal(found, expected)
        # What came later is coded in the same way, however few they were.
        assert 1e-4 < errors(points, range(400, 410)) < 0.3
        assert before[0].dtype == np.float16
    assert check_folder(tmp_path / "db") == []
    with vicinal.open(tmp_path / "db", read_only=True) as database:
        kept = tokens_of(database.collection("points"), range(10, 400))
        for found, expected in zip(kept, before[10:], strict=True):
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("on_disk", [False, True])
def test_segments_of_few_tokens_are_not_coded(db: vicinal.Database, on_disk: bool) -> None:
    field = Multi(DIM, element="float32", codec=Product(M), on_disk=on_disk)
    points = db.create_collection("points", field)
    points.upsert(range(50), TOKENS[:50])
    points.flush()
    assert errors(points, range(50)) == 0
    points.upsert(range(50, ROWS), TOKENS[50:])
    points.flush()
    # Each is coded as it is: searched together, and scored as what comes back.
    assert errors(points, range(50)) == 0
    assert errors(points, range(50, ROWS)) > 1e-4
    every = tokens_of(points, range(ROWS))
    rows = MultiRows(np.cumsum([0, *map(len, every)]), np.concatenate(every))
    truth = MultiScan(rows).search(MultiRows(np.array([0, 3]), QUERY), 10)
    np.testing.assert_allclose(points.search(QUERY, 10).scores, truth.scores[0], rtol=1e-4)
    points.merge()
    assert errors(points, range(50)) > 1e-4


def test_codes_are_learnt_from_segments_too(db: vicinal.Database) -> None:
    field = Multi(DIM, element="float32", codec=Product(M), on_disk=True)
    points = db.create_collection("points", field)
    for start in range(0, 400, 50):
        points.upsert(range(start, start + 50), TOKENS[start : start + 50])
        points.flush()
    assert len(points.info().segments) == 8
    assert errors(points, range(400)) == 0
    points.merge()
    assert 1e-4 < errors(points, range(400)) < 0.1


def test_tenants_and_points_without_tokens(db: vicinal.Database) -> None:
    fields = {"near": Multi(DIM, codec=Product(M)), "other": vicinal.Dense(2)}
    points = db.create_collection("points", fields, partitioned=True)
    for tenant in ("ada", "bob"):
        points.upsert(range(300), {"near": TOKENS[:300]}, tenant=tenant)
        points.upsert(range(300, 320), {"other": np.ones((20, 2))}, tenant=tenant)
    points.merge()
    for tenant in ("ada", "bob"):
        found = points.search(QUERY, 400, field="near", tenant=tenant)
        assert sorted(found.ids) == np.flatnonzero(SIZES[:300]).tolist()
        [point, other] = points.get([5, 310], with_vectors=True, tenant=tenant)
        assert point is not None
        assert other is not None
        assert point.vectors["near"].shape == (SIZES[5], DIM)
        assert "near" not in other.vectors


def test_the_schema_says_it_and_refuses_what_cannot_be() -> None:
    field = Multi(16, codec=Product(4, rotation=None))
    assert field.to_json()["codec"] == {"name": "product", "bits": 8, "rotation": None, "m": 4}
    assert vector_field_from_json(field.to_json(), "it") == field
    assert field != Multi(16)
    assert "codec" not in Multi(16).to_json()
    for said, message in (
        ({"codec": Product(bits=4)}, "of 8 bits and without a loss"),
        ({"codec": Product(loss="error")}, "of 8 bits and without a loss"),
        ({"codec": vicinal.Scalar(8)}, r"takes None or Product\(m="),
        ({"codec": "product"}, r"takes None or Product\(m="),
        ({"codec": Product(17)}, "at most as many parts"),
        ({"codec": Product(4), "element": "int8"}, "'float16' or 'float32' until then"),
        ({"codec": Product(2), "element": "binary"}, "'float16' or 'float32' until then"),
    ):
        with pytest.raises(vicinal.InvalidArgument, match=message) as error:
            Multi(16, **said)
        assert error.value.field == "codec"
    with pytest.raises(vicinal.InvalidArgument, match="the codec of it cannot be read"):
        vector_field_from_json(field.to_json() | {"codec": {"name": "nothing"}}, "it")
