"""HDF5 files of ann-benchmarks: `train`, `test` and a `distance` attribute."""

from __future__ import annotations

from pathlib import Path

from ..extras import load_extra
from .dataset import Dataset, DatasetError, MetricName, as_floats

DISTANCES: dict[str, MetricName] = {
    "angular": "cosine",
    "cosine": "cosine",
    "euclidean": "l2",
    "l2": "l2",
    "dot": "dot",
    "ip": "dot",
    "normalized": "dot",
}


def read_hdf5(path: Path, metric: MetricName | None) -> Dataset:
    """Read an ann-benchmarks file; the neighbours it may hold are ignored, truth is computed."""
    h5py = load_extra("h5py")
    with h5py.File(path, "r") as file:
        missing = [key for key in ("train", "test") if key not in file]
        if missing:
            raise DatasetError(
                f"{path}: no {missing} inside (found {sorted(file)}); expected ann-benchmarks' layout"
            )
        distance = file.attrs.get("distance", "")
        text = distance.decode() if isinstance(distance, bytes) else str(distance)
        if metric is None:
            if text not in DISTANCES:
                raise DatasetError(f"{path}: distance {text!r} is none of {sorted(DISTANCES)}; give --metric")
            metric = DISTANCES[text]
        return Dataset(path.stem, metric, as_floats(file["train"][:]), as_floats(file["test"][:]))
