"""The real sample that ships with the package: 5,000 WordNet synsets and 200 queries."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from ... import bench

FOLDER = Path(str(files(bench))) / "sample"


@dataclass(frozen=True)
class CsrMatrix:
    """Sparse rows, named as SciPy's ``csr_matrix`` names them.

    Attributes
    ----------
    indptr : (n + 1,) int64
        Row i holds the places ``indptr[i]`` to ``indptr[i + 1]``.
    indices : (nnz,) uint32
        Term numbers, ascending within a row.
    data : (nnz,) float32
        Weights, all positive.
    shape : tuple of int
        Rows and terms.
    """

    indptr: NDArray[np.int64]
    indices: NDArray[np.uint32]
    data: NDArray[np.float32]
    shape: tuple[int, int]


@dataclass(frozen=True)
class TokenVectors:
    """A matrix of token vectors for each row.

    Attributes
    ----------
    tokens : (t, 128) float32
        The token vectors of all rows, one after the other, about unit length.
    offsets : (n + 1,) int64
        Row i holds the tokens ``offsets[i]`` to ``offsets[i + 1]``.
    """

    tokens: NDArray[np.float32]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, row: int) -> NDArray[np.float32]:
        return self.tokens[self.offsets[row] : self.offsets[row + 1]]


@dataclass(frozen=True)
class Embeddings:
    """The three embeddings of the same texts.

    Attributes
    ----------
    dense : (n, 384) float32
        Unit length.
    sparse : CsrMatrix
        n rows, 30,522 terms.
    tokens : TokenVectors
        Of the first ``len(tokens)`` rows only, so that the sample stays small.
    """

    dense: NDArray[np.float32]
    sparse: CsrMatrix
    tokens: TokenVectors


@dataclass(frozen=True)
class Sample:
    """Points and queries over them; row i means the same synset everywhere.

    Attributes
    ----------
    ids : list of str
        Synset ids such as ``"n07610746"``.
    payloads : list of dict
        ``pos``, ``domain``, ``words``, ``n_words``, ``definition``, ``length``.
    dense, sparse, tokens
        The embeddings of "words: definition".
    texts : list of str
        The queries: usage examples from the dictionary.
    gold_rows : (q,) int64
        The row each query is the usage example of.
    queries_dense, queries_sparse, queries_tokens
        The embeddings of the texts.
    """

    ids: list[str]
    payloads: list[dict[str, Any]]
    dense: NDArray[np.float32]
    sparse: CsrMatrix
    tokens: TokenVectors
    texts: list[str]
    gold_rows: NDArray[np.int64]
    queries_dense: NDArray[np.float32]
    queries_sparse: CsrMatrix
    queries_tokens: TokenVectors


def load() -> Sample:
    """Read the sample; about 0.1 s."""
    payloads = _read_json_lines("points.jsonl.gz")
    ids = [str(payload.pop("id")) for payload in payloads]
    queries = _read_json_lines("queries.jsonl.gz")
    points = _read_embeddings("points.npz")
    asked = _read_embeddings("queries.npz")
    return Sample(
        ids=ids,
        payloads=payloads,
        dense=points.dense,
        sparse=points.sparse,
        tokens=points.tokens,
        texts=[query["text"] for query in queries],
        gold_rows=np.array([query["gold_row"] for query in queries], np.int64),
        queries_dense=asked.dense,
        queries_sparse=asked.sparse,
        queries_tokens=asked.tokens,
    )


def write_embeddings(path: Path, embeddings: Embeddings) -> None:
    """Write embeddings the way :func:`load` reads them; lossy, see the README beside the sample."""
    sparse, tokens = embeddings.sparse, embeddings.tokens
    terms = sparse.indices.astype(np.uint16)
    steps = terms - np.concatenate([np.zeros(1, np.uint16), terms[:-1]])
    scales = np.abs(tokens.tokens).max(axis=1) / 127
    np.savez_compressed(
        path,
        dense=_to_planes(embeddings.dense),
        sparse_sizes=np.diff(sparse.indptr).astype(np.uint16),
        sparse_steps=_byte_planes(steps),
        sparse_values=_to_planes(sparse.data),
        sparse_terms=np.int64(sparse.shape[1]),
        token_sizes=np.diff(tokens.offsets).astype(np.uint16),
        token_scales=scales.astype(np.float16),
        tokens=np.rint(tokens.tokens / scales[:, None]).astype(np.int8),
    )


def _read_embeddings(name: str) -> Embeddings:
    with np.load(FOLDER / name) as stored:
        arrays: Mapping[str, NDArray[Any]] = {key: stored[key] for key in stored.files}
    sizes = arrays["sparse_sizes"]
    # Steps wrap at 2**16, which no term number reaches: a row may start below the end of the row before.
    terms = np.cumsum(_from_byte_planes(arrays["sparse_steps"]), dtype=np.uint16)
    sparse = CsrMatrix(
        indptr=_offsets(sizes),
        indices=terms.astype(np.uint32),
        data=_from_planes(arrays["sparse_values"]),
        shape=(len(sizes), int(arrays["sparse_terms"])),
    )
    scales = arrays["token_scales"].astype(np.float32)
    tokens = TokenVectors(
        arrays["tokens"].astype(np.float32) * scales[:, None], _offsets(arrays["token_sizes"])
    )
    return Embeddings(_from_planes(arrays["dense"]), sparse, tokens)


def _read_json_lines(name: str) -> list[dict[str, Any]]:
    with gzip.open(FOLDER / name) as lines:
        return [orjson.loads(line) for line in lines]


def _offsets(sizes: NDArray[Any]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes, dtype=np.int64)])


def _to_planes(values: NDArray[Any]) -> NDArray[np.uint8]:
    # Eight significant bits (0.14 % off on average), the high and the low bytes apart, deflate well, and do
    # not lie on an even grid as 8-bit integers would: that is the grid of scalar quantization.
    bits = values.astype(np.float16).view(np.uint16).astype(np.uint32)
    return _byte_planes(((bits + 4) >> 3 << 3).astype(np.uint16))


def _from_planes(planes: NDArray[np.uint8]) -> NDArray[np.float32]:
    return _from_byte_planes(planes).view(np.float16).astype(np.float32)


def _byte_planes(words: NDArray[np.uint16]) -> NDArray[np.uint8]:
    return np.stack([(words >> 8).astype(np.uint8), (words & 255).astype(np.uint8)])


def _from_byte_planes(planes: NDArray[np.uint8]) -> NDArray[np.uint16]:
    words: NDArray[np.uint16] = (planes[0].astype(np.uint16) << 8) | planes[1]
    return words
