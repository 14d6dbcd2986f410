"""From what the user typed to documents and queries of tokens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....engine.progress import Progress, silent
from ....indexes.rows.multi import MultiRows
from ..dataset import DatasetError
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
    for what, count, most in (("rows", rows, whole.rows), ("queries", queries, len(whole.queries))):
        if count is not None and not 1 <= count <= most:
            raise DatasetError(f"{count} {what} asked for; {whole.name} has {most}")
    if rows in (None, whole.rows) and queries in (None, len(whole.queries)):
        return whole
    documents = part_of(whole.documents, 0, rows or whole.rows)
    asked = part_of(whole.queries, 0, queries or len(whole.queries))
    return MultiDataset(
        whole.name,
        documents,
        asked,
        None if whole.kinds is None else whole.kinds[: len(documents.tokens)],
        whole.given[: len(asked)] if whole.given is not None and len(documents) == whole.rows else None,
        note=whole.note,
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
