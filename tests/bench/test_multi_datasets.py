"""Generated multi-vectors are what they say, and folders are read as they were written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vicinal.bench.datasets import DatasetError
from vicinal.bench.datasets.multi.dataset import MultiDataset, tokens_of
from vicinal.bench.datasets.multi.opening import open_multi_dataset

ROWS = 1_200


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("generated")


@pytest.fixture(scope="module")
def generated(folder: Path) -> MultiDataset:
    return open_multi_dataset(f"tokens-{ROWS}x6x16", folder)


def test_tokens_have_unit_length_and_words(generated: MultiDataset) -> None:
    assert (generated.rows, generated.dim) == (ROWS, 16)
    assert (np.diff(generated.documents.offsets) == 6).all()
    assert (np.diff(generated.queries.offsets) == 32).all()
    for rows, off in ((generated.documents, 2e-3), (generated.queries, 1e-5)):
        lengths = np.linalg.norm(np.asarray(rows.tokens, np.float64), axis=1)
        np.testing.assert_allclose(lengths, 1.0, atol=off)
    assert generated.kinds is not None
    # Tokens of a word are alike, wherever they stand.
    word = np.bincount(generated.kinds).argmax()
    tokens = np.asarray(generated.documents.tokens, np.float32)
    same, others = tokens[generated.kinds == word], tokens[generated.kinds != word]
    assert (same @ same.T).mean() > (same @ others.T).mean() + 0.1


def test_more_rows_begin_with_the_same_and_are_kept(generated: MultiDataset, folder: Path) -> None:
    few = open_multi_dataset("tokens-5x6x16", folder)
    np.testing.assert_array_equal(few.documents.tokens, generated.documents.tokens[: 5 * 6])
    np.testing.assert_array_equal(few.queries.tokens, generated.queries.tokens)
    (kept,) = folder.glob("tokens-5x6x16-*")
    written = (kept / "tokens.npy").stat().st_mtime_ns
    assert open_multi_dataset("tokens-5x6x16", folder).content_hash == few.content_hash
    assert (kept / "tokens.npy").stat().st_mtime_ns == written


@pytest.mark.parametrize("spec", ["tokens-0x4x8", "tokens-4x4", "nothing-here"])
def test_what_is_no_multi_vectors_is_refused(spec: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=spec):
        open_multi_dataset(spec, tmp_path)


def write_folder(path: Path, offsets: list[int]) -> None:
    tokens = np.arange(12, dtype=np.float16).reshape(6, 2)
    np.save(path / "tokens.npy", tokens)
    np.save(path / "tokens_offsets.npy", np.array(offsets, np.int32))
    np.save(path / "token_ids.npy", np.array([5, 5, 1, 2, 3, 4], np.int16))
    np.save(path / "queries_tokens.npy", tokens[:3])
    np.save(path / "queries_tokens_offsets.npy", np.array([0, 1, 3]))
    np.save(path / "truth_tokens_maxsim.npy", np.array([[2, 1], [2, 0]]))


def test_a_folder_is_read_and_cut(tmp_path: Path) -> None:
    write_folder(tmp_path, [0, 1, 4, 6])
    data = open_multi_dataset(str(tmp_path), tmp_path)
    assert (data.rows, data.documents.tokens.dtype, data.queries.tokens.dtype) == (3, np.float16, np.float32)
    assert tokens_of(data.documents, 1).tolist() == [[2, 3], [4, 5], [6, 7]]
    assert data.query(1)[0].tolist() == [[2, 3], [4, 5]]
    assert data.kinds is not None
    assert data.kinds.tolist() == [5, 5, 1, 2, 3, 4]
    assert data.given is not None
    assert data.describe()["query_tokens"] == 3
    few = open_multi_dataset(str(tmp_path), tmp_path, queries=1)
    assert few.given is not None
    assert few.given.tolist() == [[2, 1]]
    # Answers among all rows are none among fewer.
    part = open_multi_dataset(str(tmp_path), tmp_path, rows=2)
    assert part.given is None
    assert part.kinds is not None
    assert part.kinds.tolist() == [5, 5, 1, 2]


@pytest.mark.parametrize(
    ("offsets", "words"),
    [
        ([0, 1, 4, 7], "tokens_offsets.npy"),
        ([0, 4, 4, 6], "has no token"),
        ([0, 4, 1, 6], "tokens_offsets.npy"),
    ],
)
def test_a_folder_whose_parts_disagree_is_refused(offsets: list[int], words: str, tmp_path: Path) -> None:
    write_folder(tmp_path, offsets)
    with pytest.raises(DatasetError, match=words):
        open_multi_dataset(str(tmp_path), tmp_path)


def test_no_more_is_used_than_there_is(tmp_path: Path) -> None:
    write_folder(tmp_path, [0, 1, 4, 6])
    with pytest.raises(DatasetError, match=r"4 rows asked for, .* has 3"):
        open_multi_dataset(str(tmp_path), tmp_path, rows=4)
    with pytest.raises(DatasetError, match=r"0 queries asked for, .* has 2"):
        open_multi_dataset(str(tmp_path), tmp_path, queries=0)


def test_the_shipped_sample(tmp_path: Path) -> None:
    data = open_multi_dataset("sample", tmp_path)
    assert (data.rows, data.dim, len(data.queries)) == (700, 128, 200)
