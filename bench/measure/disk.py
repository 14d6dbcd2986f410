"""`vicinal bench disk`: vectors that are larger than the memory a process may have."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

import typer

import vicinal

from ...indexes.codecs.registry import codec_from_json
from ..harness.loaded import COLLECTION, FIELD, load
from ..harness.scratch import scratch_folder
from ..harness.truth import recall
from .limited import LESS, MIB, Limited, limited_finding, searched_in_processes, store_queries
from .measurement import Finding, Needs, Prepared
from .options import OUT, DatasetOption, KOption, LockOption, OutOption, QueriesOption


@dataclass(frozen=True)
class DiskMeasurement:
    """Searches of vectors on disk in a process of limited memory, beside the same vectors in memory."""

    name: ClassVar = "disk"
    needs: ClassVar = Needs(truth=True, watched=False)
    dataset: DatasetOption = "embedded-300000x2048-l2"
    k: KOption = 10
    out: OutOption = OUT
    memory: Annotated[
        int | None, typer.Option(min=1, help="MiB allowed; an eighth of the vectors unless given.")
    ] = None
    codec: Annotated[
        str | None,
        typer.Option(
            help="Of the graph, as JSON; 4 bits of the first eighth of the dimensions unless given."
        ),
    ] = None
    m: Annotated[int, typer.Option(min=2, help="Links of a row in the build.")] = 12
    ef_construction: Annotated[int, typer.Option(min=8, help="Width of the build.")] = 60
    ef: Annotated[int, typer.Option(min=1, help="Width of the walk.")] = 200
    rescore: Annotated[int, typer.Option(min=1, help="Vectors read for a query.")] = 60
    batch: Annotated[int, typer.Option(min=1, help="Queries of one call, where they are not alone.")] = 20
    queries: QueriesOption = None
    lock: LockOption = None

    def run(self, ready: Prepared) -> Iterator[Finding]:
        """Load one collection, and search it in three processes."""
        data = ready.data
        field = vicinal.Dense(data.dim, metric=data.metric, index=self._index(data.dim), on_disk=True)
        with scratch_folder(ready.scratch) as place:
            store_queries(place, data.queries)
            with vicinal.open(place / "database") as database:
                collection = database.create_collection(COLLECTION, vectors={FIELD: field})
                load(collection, data, payloads=False, step=ready.step)
                file_bytes = sum(segment.bytes_disk for segment in collection.info().segments)
            vector_bytes = data.vectors.nbytes
            asked = Limited(
                "dense",
                place,
                COLLECTION,
                {"k": self.k, "effort": {"ef": self.ef, "rescore": self.rescore}},
                self.batch,
                vector_bytes,
                vector_bytes // LESS if self.memory is None else self.memory * MIB,
                lambda ids: recall(data, ready.truth, ids),
                {
                    "file_bytes": file_bytes,
                    "ef": self.ef,
                    "codec": self._index(data.dim).to_json().get("codec"),
                },
            )
            found = limited_finding(searched_in_processes(asked, ready))
        yield found

    def _index(self, dim: int) -> vicinal.Hnsw:
        first = {"name": "truncation", "dim": max(1, dim // LESS)}
        small = {"name": "transformed", "transform": first, "codec": {"name": "scalar", "bits": 4}}
        codec = codec_from_json(small if self.codec is None else json.loads(self.codec))
        return vicinal.Hnsw(m=self.m, ef_construction=self.ef_construction, codec=codec)
