"""Generated sparse data has the statistics of learned vectors, and folders are read as they were written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vicinal.bench.datasets import DatasetError
from vicinal.bench.datasets.generated_sparse import ASKED, DOCUMENTS, VOCABULARY, generated_rows
from vicinal.bench.datasets.sparse_dataset import SparseDataset, SparseRows
from vicinal.bench.datasets.sparse_opening import open_sparse_dataset
from vicinal.bench.harness.sparse_truth import exact_sparse_truth

ROWS = 6_000


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> SparseDataset:
    return open_sparse_dataset(f"splade-{ROWS}", tmp_path_factory.mktemp("generated"))


def share_of_largest(rows: SparseRows, count: int) -> float:
    shares = []
    for number in range(min(1_000, len(rows))):
        values = np.sort(rows.row(number)[1])[::-1]
        shares.append(values[:count].sum() / values.sum())
    return float(np.mean(shares))


def test_rows_are_as_long_and_as_concentrated_as_learned_ones(generated: SparseDataset) -> None:
    documents, queries = generated.documents, generated.queries
    assert documents.nonzeros / len(documents) == pytest.approx(120, abs=3)
    assert queries.nonzeros / len(queries) == pytest.approx(43, abs=2)
    assert np.diff(documents.indptr).std() / 120 == pytest.approx(0.28, abs=0.05)
    assert share_of_largest(documents, 50) == pytest.approx(0.75, abs=0.02)
    assert share_of_largest(queries, 10) == pytest.approx(0.75, abs=0.02)
    for rows in (documents, queries):
        assert rows.values.min() > 0
        assert rows.indices.max() < VOCABULARY
        for number in range(0, len(rows), 97):
            assert (np.diff(rows.row(number)[0].astype(np.int64)) > 0).all()


def test_postings_are_as_long_and_as_uneven_as_of_learned_ones(generated: SparseDataset) -> None:
    documents, queries = generated.documents, generated.queries
    frequency = np.bincount(documents.indices, minlength=VOCABULARY) / len(documents)
    touched = frequency[queries.indices].sum() / len(queries)
    assert touched == pytest.approx(2.15, abs=0.25)
    ordered = np.sort(frequency)[::-1]
    ranks = np.array([10, 100, 1_000, 10_000])
    slope = np.polyfit(np.log(ranks), np.log(ordered[ranks - 1]), 1)[0]
    assert -0.9 < slope < -0.5


def test_scores_fall_slowly_from_the_best_on(generated: SparseDataset) -> None:
    truth = exact_sparse_truth(generated, 100)
    share = (truth.scores[:, [9, 99]] / truth.scores[:, :1]).mean(axis=0)
    assert 0.5 < share[0] < 0.75
    assert 0.2 < share[1] < 0.4


def test_documents_of_a_heavy_term_share_more_than_others_do(generated: SparseDataset) -> None:
    rows = generated.documents
    heavy: dict[int, list[int]] = {}
    for number in range(len(rows)):
        terms, values = rows.row(number)
        heavy.setdefault(int(terms[values.argmax()]), []).append(number)
    together = [group[:2] for group in heavy.values() if len(group) > 1]
    shared = [len(np.intersect1d(rows.row(a)[0], rows.row(b)[0])) for a, b in together]
    others = [len(np.intersect1d(rows.row(a)[0], rows.row(a + 1)[0])) for a in range(0, 2_000, 2)]
    assert np.mean(shared) > 2 * np.mean(others)


def test_the_same_rows_come_from_any_start_and_in_any_number(generated: SparseDataset) -> None:
    later = generated_rows(DOCUMENTS, 3_000, 3_010)
    expected = generated.documents.part(3_000, 3_010)
    for name in SparseRows.ARRAYS:
        assert np.array_equal(getattr(later, name), getattr(expected, name))
    assert not np.array_equal(generated_rows(ASKED, 0, 1).indices, generated_rows(DOCUMENTS, 0, 1).indices)


def test_generated_data_is_kept(tmp_path: Path) -> None:
    first = open_sparse_dataset("splade-50", tmp_path)
    (kept,) = tmp_path.iterdir()
    written = (kept / "documents" / "values.npy").stat().st_mtime_ns
    again = open_sparse_dataset("splade-50", tmp_path)
    assert again.content_hash == first.content_hash
    assert (kept / "documents" / "values.npy").stat().st_mtime_ns == written
    assert len(again.documents) == 50


@pytest.mark.parametrize("spec", ["splade-0", "splade-many", "nothing-here"])
def test_what_is_no_sparse_data_is_refused(spec: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=spec):
        open_sparse_dataset(spec, tmp_path)


def write_folder(path: Path, indices: list[int], width: int = 9) -> None:
    arrays = {"indptr": np.array([0, 2, 2, 3]), "values": np.array([1, 2, 0.5], dtype=np.float16)}
    for name in ("sparse.npz", "queries_sparse.npz"):
        np.savez(
            path / name, indices=np.array(indices, dtype=np.uint16), shape=np.array([3, width]), **arrays
        )


def test_a_folder_is_read(tmp_path: Path) -> None:
    write_folder(tmp_path, [3, 7, 1])
    data = open_sparse_dataset(str(tmp_path), tmp_path)
    assert [row.tolist() for row in data.documents.row(0)] == [[3, 7], [1, 2]]
    assert [row.tolist() for row in data.queries.row(1)] == [[], []]
    assert [row.tolist() for row in data.documents.row(2)] == [[1], [0.5]]
    assert (data.vocabulary, data.payloads) == (9, None)
    assert data.describe()["nonzeros"] == 3
    few = open_sparse_dataset(str(tmp_path), tmp_path, queries=1)
    assert [row.tolist() for row in few.query(0)] == [[3, 7], [1, 2]]
    assert len(few.queries) == 1
    with pytest.raises(DatasetError, match=r"4 queries asked for, .* has 3"):
        open_sparse_dataset(str(tmp_path), tmp_path, queries=4)


@pytest.mark.parametrize("indices", [[7, 3, 1], [3, 3, 1], [3, 9, 1]])
def test_a_folder_with_unordered_or_unknown_terms_is_refused(indices: list[int], tmp_path: Path) -> None:
    write_folder(tmp_path, indices)
    with pytest.raises(DatasetError, match="must ascend and lie below the 9"):
        open_sparse_dataset(str(tmp_path), tmp_path)
