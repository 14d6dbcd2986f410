"""Tokens that stay on disk: found as those in memory are, read point by point, and never believed unread."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import memory_and_disk
import numpy as np
import pytest
from memory_and_disk import QUIET, made_folders, opened

import vicinal
from vicinal import F
from vicinal.engine.schema.vector_field import vector_field_from_json

ROWS, DIM = 2400, 24
RNG = np.random.default_rng(0)
TOPICS = RNG.standard_normal((40, DIM))
SIZES = RNG.integers(0, 9, ROWS)
TOKENS = [
    (TOPICS[RNG.integers(0, 40, size)] + RNG.standard_normal((size, DIM)) / 2).astype(np.float32)
    for size in SIZES
]
LONG = [row for row in range(ROWS) if SIZES[row] > 3 and row % 7]
QUERIES = [TOKENS[row][:3] + np.float32(0.1) for row in LONG[::60]]
FIELDS = {
    "lists": {"index": vicinal.TokenLists(n_lists=20)},
    "encoded": {"index": vicinal.Muvera(repetitions=2), "element": "float32", "metric": "cosine"},
    "scanned": {"index": vicinal.Flat(), "element": "int8", "metric": "l2"},
    "signs": {"index": vicinal.Flat(), "element": "binary"},
}
EFFORTS = {"lists": {"candidates": 60}, "encoded": {"candidates": 90}}


def filled(folder: Path | str, on_disk: bool) -> vicinal.Database:
    schema = {name: vicinal.Multi(DIM, on_disk=on_disk, **said) for name, said in FIELDS.items()}
    return memory_and_disk.filled(folder, schema, ROWS, lambda part: dict.fromkeys(FIELDS, TOKENS[part]))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Folders of the same points, in memory and on disk."""
    return made_folders(tmp_path_factory.mktemp("databases"), filled)


@pytest.fixture(scope="module")
def both(folders: tuple[Path, Path]) -> Iterator[list[vicinal.Collection]]:
    with opened(folders) as points:
        yield points


SEARCHES: list[dict[str, Any]] = [
    {},
    {"exact": True},
    {"filter": F("word") == "w3"},
    {"filter": F("word") != "w3"},
    {"threads": 2},
    {"k": ROWS},
]


@pytest.mark.parametrize("options", SEARCHES, ids=str)
@pytest.mark.parametrize("field", FIELDS)
def test_answers_are_those_of_tokens_in_memory(
    both: list[vicinal.Collection], field: str, options: dict[str, Any]
) -> None:
    # Of plans, which differ as their costs do, only an effort that is given makes the same.
    given: dict[str, Any] = {"k": 10, "field": field} | options
    if field in EFFORTS and "exact" not in options:
        given["effort"] = EFFORTS[field]
    found, expected = (points.search(QUERIES, **given) for points in reversed(both))
    np.testing.assert_array_equal(found.ids, expected.ids)
    np.testing.assert_array_equal(found.scores, expected.scores)


def test_points_are_read_and_scored_as_they_were_written(both: list[vicinal.Collection]) -> None:
    rows = [2398, LONG[0], LONG[9], LONG[3], int(np.flatnonzero(SIZES[1:7] == SIZES[1:7].min())[0]) + 1]
    for field in FIELDS:
        stored, expected = (points.get(rows, with_vectors=True) for points in reversed(both))
        for row, found, one in zip(rows, stored, expected, strict=True):
            assert found is not None
            assert one is not None
            np.testing.assert_array_equal(found.vectors[field], one.vectors[field])
            assert found.vectors[field].shape == TOKENS[row].shape
        scored, known = (points.score(QUERIES[0], rows, field=field) for points in both)
        np.testing.assert_array_equal(scored, known)


def test_what_was_read_is_told(both: list[vicinal.Collection]) -> None:
    memory, disk = (points.explain(QUERIES, 10, field="scanned", exact=True) for points in both)
    assert (memory.read_bytes, memory.late_bytes) == (0, 0)
    assert disk.read_bytes == sum(SIZES[row] * DIM for row in range(ROWS - 100) if row % 7)
    assert 0 <= disk.late_bytes <= disk.read_bytes
    assert f"{disk.read_bytes:,} bytes read" in str(disk)
    alone = both[1].explain(QUERIES[0], 10, field="lists", effort={"candidates": 60})
    assert 0 < alone.read_bytes <= 60 * 8 * DIM * 2


def test_damaged_tokens_are_refused_and_no_others(folders: tuple[Path, Path], tmp_path: Path) -> None:
    shutil.copytree(folders[1], tmp_path / "db")
    segments = sorted((tmp_path / "db" / "segments").iterdir(), key=lambda path: -path.stat().st_size)
    raw, damaged, sound = bytearray(segments[0].read_bytes()), LONG[5], LONG[6]
    raw[raw.index(TOKENS[damaged].tobytes()) + 50] ^= 1
    segments[0].write_bytes(raw)
    options: dict[str, Any] = {"k": 1, "field": "encoded", "effort": {"candidates": 1}}
    refused = r"row \d+ of array 'vector.encoded.tokens' fails its checksum"
    with vicinal.open(tmp_path / "db", read_only=True) as database:
        points = database.collection("points")
        assert points.search(TOKENS[sound], **options).ids.tolist() == [sound]
        for _ in range(2):
            with pytest.raises(vicinal.Corruption, match=refused):
                points.search(TOKENS[damaged], **options)
        with pytest.raises(vicinal.Corruption):
            points.search(TOKENS[sound], 1, field="encoded", exact=True)
    with vicinal.open(tmp_path / "db", merge_policy=QUIET) as database:
        # Nothing is built out of them.
        with pytest.raises(vicinal.Corruption):
            database.collection("points").merge()
        with suppress(vicinal.Corruption):
            database.close()


def test_what_was_merged_is_read_and_some_points_may_lack_tokens(tmp_path: Path) -> None:
    for folder in (tmp_path / "db", ":memory:"):
        with vicinal.open(folder, merge_policy=QUIET) as database:
            vectors = {"near": vicinal.Multi(DIM), "far": vicinal.Multi(DIM, on_disk=True)}
            points = database.create_collection("points", vectors)
            points.upsert(range(50), {"near": TOKENS[:50]})
            points.upsert(range(50, 90), {"far": TOKENS[50:90]})
            points.flush()
            points.upsert([90, LONG[0]], {"far": [TOKENS[90], TOKENS[LONG[2]]]})
            found = points.search(TOKENS[LONG[2]], k=1, field="far", with_vectors=True)
            points.merge()
            np.testing.assert_array_equal(found[0].vectors["far"], TOKENS[LONG[2]].astype(np.float16))
            assert points.search(TOKENS[LONG[2]], k=1, field="far").ids.tolist() == [LONG[0]]
            there = points.search(TOKENS[LONG[2]], k=100, field="far").ids
            assert sorted(there) == [LONG[0], *(row for row in range(50, 91) if SIZES[row])]


def test_the_schema_says_it_when_it_is_so() -> None:
    plain, far = vicinal.Multi(8), vicinal.Multi(8, on_disk=True, max_tokens=9)
    assert "on_disk" not in plain.to_json()
    assert vector_field_from_json(plain.to_json(), "it") == plain
    assert far.to_json()["on_disk"] is True
    assert vector_field_from_json(far.to_json(), "it") == far
    assert plain != vicinal.Multi(8, on_disk=True)
    with pytest.raises(vicinal.InvalidArgument, match="expected True or False"):
        vicinal.Multi(8, on_disk=1)  # type: ignore[arg-type]
