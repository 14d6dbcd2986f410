"""One vector field on a sample, written, indexed and searched as a user would."""

from __future__ import annotations

import math
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import vicinal

from ...engine.progress import Progress
from ..datasets import Dataset
from ..harness.loaded import COLLECTION, FIELD, load, searched_bytes
from ..harness.timing import timed
from ..harness.truth import Truth, recall

# How much of the way to 1 is asked for besides, in turns, where what is asked for is not reached.
SPARE = (0.0, 0.3, 0.6, 0.85)
REPETITIONS = 3


@dataclass(frozen=True)
class FieldTrial:
    """What came of a field.

    Attributes
    ----------
    field : Dense
    asked : float
        What to say as ``recall=``, chosen on the first half of the queries.
    recall, seconds : float
        Of the second half, in a batch on one thread: recall, and the least time of a query.
    memory, disk : float
        Bytes a vector: what searches read again and again, and the whole file.
    build_seconds : float
        Writing and indexing the sample on all cores.
    """

    field: vicinal.Dense
    asked: float
    recall: float
    seconds: float
    memory: float
    disk: float
    build_seconds: float

    def projected(self, sample: int, total: int) -> float:
        """Return the build's seconds for so many rows, in proportion to rows and to their logarithm."""
        return self.build_seconds * total / sample * math.log(max(total, 2)) / math.log(max(sample, 2))


def try_field(
    field: vicinal.Dense, data: Dataset, truth: Truth, target: float, scratch: Path, step: Progress
) -> FieldTrial:
    """Load the sample into a collection with this field, and search it.

    Parameters
    ----------
    field : Dense
    data : Dataset
        The sample and its queries.
    truth : Truth
        The nearest rows of each, as many as are searched for.
    target : float
        Recall wanted.
    scratch : Path
        Where the database stands meanwhile.
    step : callable
        Told the stages of the build.
    """
    half, k = len(data.queries) // 2, truth.k
    tuning, reported = data.queries[:half], data.queries[half:]
    with (
        tempfile.TemporaryDirectory(dir=scratch, prefix="advise-") as inside,
        vicinal.open(inside) as database,
    ):
        collection = database.create_collection(COLLECTION, vectors={FIELD: field})
        started = time.perf_counter()
        load(collection, data, payloads=False, step=step)
        built = time.perf_counter() - started
        for share in SPARE:
            asked = round(target + share * (1 - target), 4)
            found = collection.search(tuning, k=k, recall=asked).ids
            if recall(data, truth, np.asarray(found)) >= target:
                break

        def search() -> object:
            return collection.search(reported, k=k, recall=asked).ids

        reached = recall(data, truth, np.asarray(search()), first_query=half)
        least = min(timed(search) for _ in range(REPETITIONS)) / len(reported)
        disk = collection.info().bytes_disk / data.rows
        memory = searched_bytes(Path(inside), on_disk=field.on_disk) / data.rows
    return FieldTrial(field, asked, reached, least, memory, disk, built)
