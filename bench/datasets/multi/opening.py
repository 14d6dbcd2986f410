"""From what the user typed to documents and queries of tokens."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....engine.progress import Progress, silent
from ....indexes.rows.multi import MultiRows
from ..dataset import DatasetError, checked_count
from .dataset import MultiDataset, part_of
from .generated import PREFIX, made_tokens

DOCUMENTS = ("tokens.npy", "tokens_offsets.npy")
QUERIES = ("queries_tokens.npy", "queries_tokens_offsets.npy")
KINDS, GIVEN = "token_ids.npy", "truth_tokens_maxsim.npy"
EXPECTED = f"expected sample, {PREFIX}ROWSxTOKENSxDIM, or a folder with {', '.join(DOCUMENTS + QUERIES)}"


def open_multi_dataset(
    spec: str,
    folder: Path,
    *,
    rows: int | None = None,
    queries: int | None = None,
    step: Progress = silent,
) -> MultiDataset:
    """Read or generate the multi-vectors that a name or a path stands for.

    Parameters
    ----------
    spec : str
        `sample`, `tokens-ROWSxTOKENSxDIM`, or a folder with the tokens of all documents in `tokens.npy`,
        cut by `tokens_offsets.npy`, those of queries in `queries_tokens.npy` and
        `queries_tokens_offsets.npy`; with the word of each token in `token_ids.npy` and exact answers in
        `truth_tokens_maxsim.npy`, if there are any.
    folder : Path
        Where generated data is kept.
    rows, queries : int, optional
        Use only the first so many.
    step : callable, optional
        Told the finished share.

    Raises
    ------
    DatasetError
        Nothing readable stands there, or its content cannot be measured.
    """
    whole = _opened(spec, folder, step)
    kept = checked_count("rows", rows, whole.name, whole.rows)
    asked = checked_count("queries", queries, whole.name, len(whole.queries))
    if (kept, asked) == (whole.rows, len(whole.queries)):
        return whole
    documents = part_of(whole.documents, 0, kept)
    return replace(
        whole,
        documents=documents,
        queries=part_of(whole.queries, 0, asked),
        kinds=None if whole.kinds is None else whole.kinds[: len(documents.tokens)],
        given=whole.given[:asked] if whole.given is not None and kept == whole.rows else None,
    )


def _opened(spec: str, folder: Path, step: Progress) -> MultiDataset:
    if spec == "sample":
        return _sample()
    path, note = Path(spec), ""
    if spec.startswith(PREFIX):
        path, note = made_tokens(spec, folder, step), "artificial vectors"
    elif not all((path / name).exists() for name in DOCUMENTS + QUERIES):
        raise DatasetError(f"no multi-vectors at {spec!r}; {EXPECTED}")
    kinds = _array(path / KINDS).astype(np.uint32) if (path / KINDS).exists() else None
    given = _array(path / GIVEN).astype(np.int64) if (path / GIVEN).exists() else None
    documents, queries = _rows(path, DOCUMENTS), _rows(path, QUERIES)
    asked = MultiRows(queries.offsets, np.ascontiguousarray(queries.tokens, np.float32))
    return MultiDataset(spec if note else path.name, documents, asked, kinds, given, note=note)


def _sample() -> MultiDataset:
    from ...demo.sample import load

    sample = load()
    given = (sample.tokens, sample.queries_tokens)
    documents, queries = (MultiRows(one.offsets, np.ascontiguousarray(one.tokens)) for one in given)
    return MultiDataset("sample", documents, queries)


def _rows(folder: Path, names: tuple[str, str]) -> MultiRows:
    tokens, offsets = (_array(folder / name) for name in names)
    try:
        return MultiRows(np.asarray(offsets, np.int64), tokens)
    except ValueError as error:
        raise DatasetError(f"{folder / names[0]} and {names[1]}: {error}") from error


def _array(path: Path) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: no array ({error})") from error
    return array
