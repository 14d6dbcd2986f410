"""`vicinal bench multi-disk`: tokens that are larger than the memory a process may have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

import typer

import vicinal

from ....indexes.rows.element import Element
from ...harness.loaded import COLLECTION
from ...harness.multi_truth import multi_recall, multi_truth
from ...harness.scratch import scratch_folder
from ...multi_peers.vicinal import FIELD, write
from ..limited import LESS, MIB, Limited, limited_finding, searched_in_processes, store_queries
from ..measurement import Finding, Needs, Prepared
from ..options import OUT, KOption, LockOption, MultiDatasetOption, OutOption, QueriesOption


@dataclass(frozen=True)
class MultiDiskMeasurement:
    """Searches of tokens on disk in a process of limited memory, beside the same tokens in memory."""

    name: ClassVar = "multi-disk"
    needs: ClassVar = Needs(data="multi", watched=False)
    dataset: MultiDatasetOption = "tokens-200000x32x128"
    k: KOption = 10
    out: OutOption = OUT
    memory: Annotated[
        int | None, typer.Option(min=1, help="MiB allowed; an eighth of the tokens unless given.")
    ] = None
    element: Annotated[str, typer.Option(help="What tokens are stored as.")] = "float32"
    candidates: Annotated[int, typer.Option(min=1, help="Points read for a query.")] = 60
    batch: Annotated[int, typer.Option(min=1, help="Queries of one call, where they are not alone.")] = 20
    rows: Annotated[int | None, typer.Option(min=1, help="Use only the first so many documents.")] = None
    queries: QueriesOption = None
    lock: LockOption = None

    def run(self, ready: Prepared) -> Iterator[Finding]:
        """Load one collection, and search it in three processes."""
        data = ready.multi
        truth, _ = multi_truth(data, self.k, self.out / "truth", ready.step)
        field = vicinal.Multi(data.dim, element=self.element, on_disk=True)
        with scratch_folder(ready.scratch) as place:
            store_queries(place, data.queries.tokens, data.queries.offsets)
            with vicinal.open(place / "database") as database:
                collection = database.create_collection(COLLECTION, vectors={FIELD: field})
                ready.step("write", 0.0)
                write(collection, data)
                collection.merge(progress=ready.step)
                file_bytes = sum(segment.bytes_disk for segment in collection.info().segments)
            element = Element(self.element)
            token_bytes = len(data.documents.tokens) * element.width(data.dim) * element.dtype.itemsize
            asked = Limited(
                "multi",
                place,
                COLLECTION,
                {"k": self.k, "effort": {"candidates": self.candidates}},
                self.batch,
                token_bytes,
                token_bytes // LESS if self.memory is None else self.memory * MIB,
                lambda ids: multi_recall(data, truth, ids),
                {"file_bytes": file_bytes, "element": self.element, "candidates": self.candidates},
            )
            yield limited_finding(searched_in_processes(asked, ready))
