"""Cut the shipped sample out of a larger folder of WordNet embeddings.

    python -m vicinal.bench.demo.cut_sample FOLDER OUT

FOLDER holds docs.jsonl.gz, queries.jsonl.gz, dense.npy, sparse.npz, tokens.npy, tokens_offsets.npy, the same
three for the queries, and the exact truths truth_dense_ip.npy, truth_sparse_ip.npy, truth_tokens_maxsim.npy.
"""

from __future__ import annotations

import gzip
import sys
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from .sample import CsrMatrix, Embeddings, TokenVectors, write_embeddings

N_POINTS = 5_000
N_QUERIES = 200
N_WITH_TOKENS = 700
NEIGHBOURS = 10
Rows = NDArray[np.int64]


def cut(folder: Path, out: Path) -> None:
    """Write points, queries and their embeddings into ``out``."""
    docs = _read_json_lines(folder / "docs.jsonl.gz")
    all_queries = _read_json_lines(folder / "queries.jsonl.gz")
    queries = choose_queries(folder, all_queries)
    rows = choose_points(folder, all_queries, queries, len(docs))
    place = {row: i for i, row in enumerate(rows.tolist())}
    _write_json_lines(out / "points.jsonl.gz", [docs[row] for row in rows.tolist()])
    chosen = [all_queries[query] for query in queries.tolist()]
    _write_json_lines(
        out / "queries.jsonl.gz",
        [{"text": query["text"], "gold_row": place[query["gold_row"]]} for query in chosen],
    )
    write_embeddings(out / "points.npz", take(folder, "", rows, rows[:N_WITH_TOKENS]))
    write_embeddings(out / "queries.npz", take(folder, "queries_", queries, queries))


def choose_queries(folder: Path, queries: list[dict[str, Any]]) -> Rows:
    """Choose queries that have token vectors, first those whose own synset has them too."""
    n_with_tokens = len(np.load(folder / "queries_tokens_offsets.npy")) - 1
    n_documents = len(np.load(folder / "tokens_offsets.npy")) - 1
    gold = np.array([query["gold_row"] for query in queries[:n_with_tokens]])
    inside = np.flatnonzero(gold < n_documents)
    outside = np.flatnonzero(gold >= n_documents)
    return np.sort(np.concatenate([inside, outside])[:N_QUERIES])


def choose_points(folder: Path, queries: list[dict[str, Any]], chosen: Rows, n_synsets: int) -> Rows:
    """Choose the synsets the queries belong to, their true neighbours, and strangers up to the number wanted.

    Rows with token vectors come first; among them those that are near to a query by tokens.
    """
    gold = np.array([queries[query]["gold_row"] for query in chosen.tolist()])
    near_tokens = _nearest(folder, "tokens_maxsim", chosen, 2)
    n_documents = len(np.load(folder / "tokens_offsets.npy")) - 1
    with_tokens = _unique(gold[gold < n_documents], near_tokens, np.arange(n_documents))[:N_WITH_TOKENS]
    near = [_nearest(folder, kind, chosen, NEIGHBOURS) for kind in ("dense_ip", "sparse_ip")]
    rest = _unique(with_tokens, gold, *near, np.arange(n_synsets))[:N_POINTS]
    generator = np.random.default_rng(0)
    head = generator.permutation(rest[:N_WITH_TOKENS])
    return np.concatenate([head, generator.permutation(rest[N_WITH_TOKENS:])])


def take(folder: Path, prefix: str, rows: Rows, token_rows: Rows) -> Embeddings:
    """Read the embeddings of some rows."""
    dense = np.load(folder / f"{prefix}dense.npy")[rows].astype(np.float32)
    with np.load(folder / f"{prefix}sparse.npz") as stored:
        indptr, indices, values = stored["indptr"], stored["indices"], stored["values"]
        n_terms = int(stored["shape"][1])
    places, sparse_offsets = _ranges(indptr, rows)
    sparse = CsrMatrix(
        sparse_offsets,
        indices[places].astype(np.uint32),
        values[places].astype(np.float32),
        (len(rows), n_terms),
    )
    tokens = np.load(folder / f"{prefix}tokens.npy")
    places, token_offsets = _ranges(np.load(folder / f"{prefix}tokens_offsets.npy"), token_rows)
    return Embeddings(dense, sparse, TokenVectors(tokens[places].astype(np.float32), token_offsets))


def _ranges(offsets: Rows, rows: Rows) -> tuple[Rows, Rows]:
    sizes = offsets[rows + 1] - offsets[rows]
    places = np.concatenate([np.arange(offsets[row], offsets[row + 1]) for row in rows])
    return places, np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])


def _nearest(folder: Path, kind: str, queries: Rows, k: int) -> Rows:
    nearest: Rows = np.load(folder / f"truth_{kind}.npy")[queries, :k].ravel().astype(np.int64)
    return nearest


def _unique(*parts: Rows) -> Rows:
    """Return the distinct rows in order of first appearance."""
    rows = np.concatenate(parts)
    _, first = np.unique(rows, return_index=True)
    return rows[np.sort(first)]


def _read_json_lines(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path) as lines:
        return [orjson.loads(line) for line in lines]


def _write_json_lines(path: Path, records: list[dict[str, Any]]) -> None:
    lines = b"".join(orjson.dumps(record) + b"\n" for record in records)
    # A fixed time in the gzip header gives the same bytes at every run.
    path.write_bytes(gzip.compress(lines, compresslevel=9, mtime=0))


if __name__ == "__main__":
    cut(Path(sys.argv[1]), Path(sys.argv[2]))
