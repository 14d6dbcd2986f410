"""Vectors that stay on disk: found as those in memory are, read row by row, and never believed unread."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
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

ROWS, DIM = 4000, 300
RNG = np.random.default_rng(0)
VECTORS = (
    RNG.standard_normal((40, DIM))[RNG.integers(0, 40, ROWS)] + RNG.standard_normal((ROWS, DIM)) / 3
).astype(np.float32)
QUERIES = VECTORS[::80] + np.float32(0.1)
INDEX = vicinal.Hnsw(m=8, ef_construction=40)


def filled(folder: Path | str, on_disk: bool = False, **field: Any) -> vicinal.Database:
    dense = vicinal.Dense(DIM, index=INDEX, on_disk=on_disk, **field)
    return memory_and_disk.filled(folder, dense, ROWS, lambda part: VECTORS[part])


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
    {"recall": 0.8},
    {"effort": {"ef": 300}},
    {"exact": True},
    {"filter": F("word") == "w3"},
    {"filter": F("word") != "w3"},
    {"threads": 2},
    {"k": 1},
    {"k": ROWS},
]


@pytest.mark.parametrize("options", SEARCHES, ids=str)
def test_answers_are_those_of_vectors_in_memory(
    both: list[vicinal.Collection], options: dict[str, Any]
) -> None:
    # Of plans, which differ as their costs do, only an effort that is given makes the same.
    given = {"k": 10, "effort": {"ef": 100}} | options
    if "recall" in options or "exact" in options:
        del given["effort"]
    found, expected = (points.search(QUERIES, **given) for points in reversed(both))
    if "recall" in options:
        truth = both[0].search(QUERIES, k=10, exact=True).scores[:, -1:]
        assert (found.scores >= truth - 1e-6).mean() >= 0.7
        return
    np.testing.assert_array_equal(found.ids, expected.ids)
    np.testing.assert_array_equal(found.scores, expected.scores)


def test_points_are_read_as_they_were_written(both: list[vicinal.Collection]) -> None:
    for points in both:
        rows = [3998, 5, 1, 2000]
        found = points.get(rows, with_vectors=True)
        for row, point in zip(rows, found, strict=True):
            assert point is not None
            np.testing.assert_array_equal(point.vectors["vector"], VECTORS[row])


def bytes_read(work: Callable[[], object]) -> int:
    def so_far() -> int:
        lines = Path("/proc/self/io").read_text().splitlines()
        return int(dict(line.split(": ") for line in lines)["rchar"])

    before = so_far()
    work()
    return so_far() - before


@pytest.mark.skipif(not os.path.exists("/proc/self/io"), reason="the system does not count what is read")
def test_a_search_reads_its_candidates_once_and_opening_reads_no_vector(folders: tuple[Path, Path]) -> None:
    with vicinal.open(folders[1], read_only=True) as database:
        points = database.collection("points")
        # Opened, with its kernels loaded, and verified as far as that is done beside searches.
        opening = bytes_read(lambda: points.search(QUERIES[:1], k=10, effort={"ef": 64}))
        wait_for_checks()
        row_bytes = -(-DIM * 4 // 64) * 64
        assert points.explain(QUERIES, k=10, effort={"ef": 64, "rescore": 20}).hops > 0
        spent = bytes_read(lambda: points.search(QUERIES, k=10, effort={"ef": 64, "rescore": 20}))
        candidates = len(QUERIES) * 20
        assert spent <= candidates * row_bytes + 4096
        assert spent >= row_bytes * candidates / 10
        assert opening < ROWS * row_bytes


def wait_for_checks() -> None:
    for thread in threading.enumerate():
        if thread.name == "vicinal-verify":
            thread.join()


def test_a_damaged_row_is_refused_and_no_other(tmp_path: Path) -> None:
    filled(tmp_path / "db", on_disk=True).close()
    segments = sorted((tmp_path / "db" / "segments").iterdir(), key=lambda path: -path.stat().st_size)
    raw = bytearray(segments[0].read_bytes())
    raw[raw.index(VECTORS[1234].tobytes()) + 50] ^= 1
    segments[0].write_bytes(raw)
    with vicinal.open(tmp_path / "db", read_only=True) as database:
        points = database.collection("points")
        far = points.search(VECTORS[1], k=1, effort={"ef": 20})
        wait_for_checks()
        assert far.ids.tolist() == [1]
        for _ in range(2):
            with pytest.raises(
                vicinal.Corruption, match=r"row \d+ of array 'vector.vector.rows' fails its checksum"
            ):
                points.search(VECTORS[1234], k=1, effort={"ef": 20})
    with vicinal.open(tmp_path / "db", merge_policy=QUIET) as database:
        # Nothing is built out of it.
        with pytest.raises(vicinal.Corruption):
            database.collection("points").merge()
        with suppress(vicinal.Corruption):
            database.close()


def test_a_segment_that_was_merged_away_is_read_on(tmp_path: Path) -> None:
    with filled(tmp_path / "db", on_disk=True) as database:
        points = database.collection("points")
        found = points.search(VECTORS[1], k=3, with_vectors=True)
        points.merge()
        np.testing.assert_array_equal(found[0].vectors["vector"], VECTORS[1])
        assert points.info().segments[0].dead == 0
        assert points.search(VECTORS[1], k=1).ids.tolist() == [1]


def test_some_points_may_lack_the_vector_and_memory_has_no_disk(tmp_path: Path) -> None:
    for folder in (tmp_path / "db", ":memory:"):
        with vicinal.open(folder, merge_policy=QUIET) as database:
            vectors = {"near": vicinal.Dense(DIM), "far": vicinal.Dense(DIM, on_disk=True)}
            points = database.create_collection("points", vectors)
            points.upsert(range(50), {"near": VECTORS[:50]})
            points.upsert(range(50, 90), {"far": VECTORS[50:90]})
            points.merge()
            assert points.search(VECTORS[60], k=1, field="far").ids.tolist() == [60]
            assert points.search(VECTORS[6], k=100, field="far").ids.min() == 50


def test_the_schema_says_it_when_it_is_so() -> None:
    plain, far = vicinal.Dense(8), vicinal.Dense(8, on_disk=True)
    assert "on_disk" not in plain.to_json()
    assert vector_field_from_json(plain.to_json(), "it") == plain
    assert far.to_json()["on_disk"] is True
    assert vector_field_from_json(far.to_json(), "it") == far
    assert plain != far
    with pytest.raises(vicinal.InvalidArgument, match="binary vectors are their own codes"):
        vicinal.Dense(8, metric="hamming", element="binary", on_disk=True)
    with pytest.raises(vicinal.InvalidArgument, match="expected True or False"):
        vicinal.Dense(8, on_disk=1)  # type: ignore[arg-type]
