"""A dataset loaded into a database, as every measurement of this engine starts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import vicinal

from ...engine.progress import Progress, silent
from ...indexes.codecs.scalar import bits_for, code_bytes
from ...storage.segments.file import SegmentFile
from ..datasets import Dataset
from ..datasets.dataset import Floats
from .scratch import scratch_folder

if TYPE_CHECKING:
    from ...engine.api import CollectionApi
    from ...engine.collection import Collection
    from ...engine.database import Database
    from ...engine.results.explanation import Explanation
    from ...indexes.protocol import IndexSpec

FIELD = "vector"
COLLECTION = "bench"
LOAD_ROWS = 10_000
M = 16
EF_CONSTRUCTION = 200
LINE = 64
# What arrays of a segment are called that a search without filters reads.
SEARCHED = ("index.", "vector.", "id.")
_ROWS = f"vector.{FIELD}.rows"


def create_collection(database: Database, dataset: Dataset, index: IndexSpec | None = None) -> Collection:
    """Create the collection that fits the dataset: one dense field, and the fields worth filtering on."""
    dense = dense_field(dataset, index)
    return database.create_collection(COLLECTION, vectors={FIELD: dense}, fields=dict(dataset.fields))


def dense_field(dataset: Dataset, index: IndexSpec | None = None) -> vicinal.Dense:
    """Return the vector field that holds the dataset, in a graph unless another index is given."""
    index = index or vicinal.Hnsw(m=M, ef_construction=EF_CONSTRUCTION)
    return vicinal.Dense(dataset.dim, metric=dataset.metric, element="float32", index=index)


def upsert_rows(
    collection: CollectionApi, dataset: Dataset, start: int, stop: int, *, payloads: bool
) -> None:
    """Write rows `start` to `stop`; a point's id is its row number."""
    rows: list[dict[str, Any]] | None = None
    if payloads and dataset.payloads is not None:
        rows = dataset.payloads[start:stop]
    ids = np.arange(start, stop, dtype=np.uint64)
    collection.upsert(ids, vectors={FIELD: dataset.vectors[start:stop]}, payloads=rows)


def found_ids(collection: Collection, queries: Floats, **options: Any) -> NDArray[Any]:
    """Search, and read the ids of the answer, as any caller would."""
    ids: NDArray[Any] = collection.search(queries, **options).ids
    return ids


@dataclass(frozen=True)
class Sizes:
    """Bytes of what a walk reads at one place: a row's codes, a row's vector, a node's links."""

    code: int
    vector: int
    links: int

    @classmethod
    def of(cls, dim: int, m: int = M) -> Sizes:
        """Sizes for float32 vectors of `dim` dimensions, in whole cache lines."""
        vector, links = (-(-size // LINE) * LINE for size in (4 * dim, 8 * m))
        return cls(code_bytes(dim, bits_for(dim)), vector, links)


def exact_note(records: Sequence[Mapping[str, Any]]) -> str | None:
    """What to tell the reader when searches did not use the index, so that recall 1 is no merit of it."""
    scanned = sum(record["hops_per_query"] == 0 for record in records)
    if not scanned:
        return None
    return (
        f"{scanned} of {len(records)} rows were answered by exact scans, without the index: "
        "their recall says nothing about it"
    )


def bytes_touched(work: Explanation, sizes: Sizes) -> float:
    """Bytes a query of an explained batch reads on average."""
    walked = work.distances * sizes.code + work.rescored * sizes.vector + work.hops * sizes.links
    return walked / work.queries


def searched_bytes(folder: Path, *, on_disk: bool = False) -> int:
    """Return the bytes of what searches read of a database's segments: indexes, vectors, ids.

    They are pages of the files, of which those that are read are kept in memory; not so vectors on disk.
    """
    total = 0
    for path in folder.rglob("*.seg"):
        with closing(SegmentFile.open(path)) as file:
            names = [name for name in file.names() if name.startswith(SEARCHED)]
            total += sum(file.array(name).nbytes for name in names if not (on_disk and name == _ROWS))
    return total


def load(collection: Collection, dataset: Dataset, *, payloads: bool, step: Progress = silent) -> None:
    """Write every row and wait until one fully indexed segment holds them."""
    for start in range(0, dataset.rows, LOAD_ROWS):
        upsert_rows(collection, dataset, start, min(start + LOAD_ROWS, dataset.rows), payloads=payloads)
        step("write", min(1.0, (start + LOAD_ROWS) / dataset.rows))
    collection.merge(progress=step)


@contextmanager
def loaded_folder(below: Path, dataset: Dataset, step: Progress = silent) -> Iterator[Path]:
    """Load the dataset with its payloads into a new database for the time of the context, and close it.

    Its folder lies in one of its own, where others may put what goes with it.
    """
    with scratch_folder(below) as inside:
        folder = inside / "database"
        with vicinal.open(folder) as database:
            load(create_collection(database, dataset), dataset, payloads=True, step=step)
        yield folder


@contextmanager
def loaded_collection(
    folder: Path, dataset: Dataset, *, payloads: bool = False, step: Progress = silent
) -> Iterator[Collection]:
    """Load the dataset into a new database below `folder` for the time of the context."""
    with scratch_folder(folder) as inside, vicinal.open(inside) as database:
        collection = create_collection(database, dataset)
        load(collection, dataset, payloads=payloads, step=step)
        yield collection
