"""fvecs, bvecs and ivecs files, alone or as the `*_base` and `*_query` pair of the TEXMEX collections."""

from __future__ import annotations

from pathlib import Path

from ...server.files.texmex import COMPONENTS, read_texmex
from .dataset import Dataset, DatasetError, MetricName, as_floats, split_queries


def read_vecs_file(
    path: Path, query_file: Path | None, metric: MetricName | None, wanted: int | None
) -> Dataset:
    """Read one file of vectors, and its `*_query` neighbour when no query file is named."""
    name = path.stem.removesuffix("_base")
    if query_file is None and path.stem.endswith("_base"):
        found = [path.with_name(f"{name}_query{suffix}") for suffix in COMPONENTS]
        query_file = next((file for file in found if file.exists()), None)
    vectors = as_floats(read_texmex(path))
    if query_file is not None:
        return Dataset(name, metric or "l2", vectors, as_floats(read_texmex(query_file)))
    kept, asked, note = split_queries(vectors, wanted)
    return Dataset(name, metric or "l2", vectors[kept], vectors[asked], note=note)


def base_file(folder: Path) -> Path | None:
    """The one `*_base` file of a TEXMEX folder."""
    found = sorted(file for suffix in COMPONENTS for file in folder.glob(f"*_base{suffix}"))
    if len(found) > 1:
        raise DatasetError(
            f"{folder}: several base files ({[file.name for file in found]}); name one of them"
        )
    return found[0] if found else None
