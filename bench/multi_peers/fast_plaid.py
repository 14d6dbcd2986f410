"""fast-plaid: PLAID over PyTorch; centroids near a query bring documents, residuals of 4 bits score them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import numpy as np

from ..datasets.dataset import Floats
from ..datasets.multi.dataset import MultiDataset, tokens_of
from ..peers import Build, Effort, grid

_SEED = 20


class FastPlaidPeer:
    """Each search reads the parts of the index from files, as it does for its users.

    Raises
    ------
    ImportError
        It is not installed, or was compiled for another PyTorch than is installed: then it crashes.
    """

    name = "fast-plaid"

    def __init__(self) -> None:
        torch, library = import_module("torch"), import_module("fast_plaid.search")
        wanted = required_torch(metadata.requires("fast-plaid") or [])
        if torch.__version__.partition("+")[0] != wanted:
            named = "a torch that it does not name" if wanted is None else f"torch {wanted}"
            raise ImportError(
                f"fast-plaid {metadata.version('fast-plaid')} is compiled for {named}, and ends the process "
                f"by a segmentation fault beside {torch.__version__}, which is installed; docs/multi.md says "
                "what goes together"
            )
        torch.set_num_threads(1)
        self._torch, self._library = torch, library

    def builds(self, dataset: MultiDataset) -> Sequence[Build]:
        return [Build("4 bits", {"nbits": 4})]

    def efforts(self, build: Build) -> Sequence[Effort]:
        return grid(n_ivf_probe=(4, 8, 16, 32), n_full_scores=(256, 1_024, 4_096))

    def prepare(self, dataset: MultiDataset, build: Build, folder: Path, scratch: Path) -> None:
        pass

    def build(self, dataset: MultiDataset, build: Build, folder: Path, scratch: Path) -> Callable[[], None]:
        index, rows = self._library.FastPlaid(index=str(folder), device="cpu"), dataset.documents
        documents = [self._tensor(tokens_of(rows, number)) for number in range(len(rows))]
        index.create(documents_embeddings=documents, seed=_SEED, **build.parameters)
        return lambda: None

    def open(self, dataset: MultiDataset, build: Build, folder: Path) -> FastPlaidSearcher:
        return FastPlaidSearcher(self._library.FastPlaid(index=str(folder), device="cpu"), self._tensor)

    def _tensor(self, tokens: Any) -> Any:
        return self._torch.from_numpy(np.array(tokens, np.float32))


class FastPlaidSearcher:
    def __init__(self, index: Any, tensor: Callable[[Any], Any]) -> None:
        self._index, self._tensor = index, tensor

    def asked(self, tokens: Floats) -> Any:
        return self._tensor(tokens)

    def search(self, effort: Effort, k: int) -> Callable[[Any], Any]:
        search_all = self.search_all(effort, k)
        return lambda asked: search_all([asked])[0]

    def search_all(self, effort: Effort, k: int) -> Callable[[Sequence[Any]], Sequence[Any]]:
        search, told = self._index.search, {"top_k": k, "show_progress": False, **effort.parameters}
        return lambda asked: search(queries_embeddings=list(asked), **told)

    def rows(self, answer: Any) -> Iterable[int]:
        return [row for row, _ in answer]

    def close(self) -> None:
        del self._index


def required_torch(requirements: Sequence[str]) -> str | None:
    """Return the one version of torch that a package asks for, None where it says none."""
    found = (re.fullmatch(r"torch==([\d.]+)", one.replace(" ", "")) for one in requirements)
    return next((one[1] for one in found if one is not None), None)
