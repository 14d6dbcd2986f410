"""tachiom: a graph over centroids of tokens, whose lists are summed by document; residuals in 32 bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from ..datasets.dataset import Floats
from ..datasets.multi.dataset import MultiDataset
from ..peers import Build, Effort, grid

SAVED = "index"


class TachiomPeer:
    """It clusters the tokens of each word apart; without words, all tokens together.

    Raises
    ------
    ModuleNotFoundError
        It is not installed. There are no wheels of it: ``pip`` builds it with Rust and fetches two of its
        parts from GitHub.
    """

    name = "tachiom"

    def __init__(self) -> None:
        try:
            self._library = import_module("tachiom")
        except ModuleNotFoundError as error:
            message = f"{error}; it is built with Rust from sources on crates.io and GitHub"
            raise ModuleNotFoundError(message) from error

    def builds(self, dataset: MultiDataset) -> Sequence[Build]:
        return [Build("", {})]

    def efforts(self, build: Build) -> Sequence[Effort]:
        return grid(k_centroids=(10, 20, 40, 80), k_docs_to_score=(50, 100, 250, 500, 1_000, 2_500))

    def prepare(self, dataset: MultiDataset, build: Build, folder: Path, scratch: Path) -> None:
        pass

    def build(self, dataset: MultiDataset, build: Build, folder: Path, scratch: Path) -> Callable[[], None]:
        rows, kinds = dataset.documents, dataset.kinds
        index = self._library.Tachiom.build_from_arrays(
            np.ascontiguousarray(rows.tokens, np.float16).view(np.uint16),
            np.zeros(len(rows.tokens), np.uint32) if kinds is None else np.ascontiguousarray(kinds),
            np.diff(rows.offsets).astype(np.int32),
        )
        return lambda: index.save(str(folder / SAVED))

    def open(self, dataset: MultiDataset, build: Build, folder: Path) -> TachiomSearcher:
        return TachiomSearcher(self._library.Tachiom.load(str(folder / SAVED)))


class TachiomSearcher:
    def __init__(self, index: Any) -> None:
        self._index = index

    def asked(self, tokens: Floats) -> Any:
        return np.ascontiguousarray(tokens)

    def search(self, effort: Effort, k: int) -> Callable[[Any], Any]:
        search, told = self._index.search, self._told(effort)
        return lambda asked: search(asked, k, **told)[1]

    def search_all(self, effort: Effort, k: int) -> Callable[[Sequence[Any]], Sequence[Any]]:
        search, told = self._index.batch_search, self._told(effort)

        def search_all(asked: Sequence[Any]) -> Any:
            offsets = np.concatenate([[0], np.cumsum([len(one) for one in asked])]).astype(np.uint64)
            return search(np.concatenate(asked), len(asked), k, offsets=offsets, num_threads=1, **told)[1]

        return search_all

    def _told(self, effort: Effort) -> dict[str, Any]:
        # The walk over centroids has to be as wide as there are centroids to find.
        return {**effort.parameters, "ef_search": max(30, int(effort.parameters["k_centroids"]))}

    def rows(self, answer: Any) -> Iterable[int]:
        # A place without a row has the largest number.
        return [int(row) for row in answer if row != np.iinfo(np.uint32).max]

    def close(self) -> None:
        del self._index
