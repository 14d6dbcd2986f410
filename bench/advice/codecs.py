"""`vicinal bench codecs`: what codes take and find by themselves, beside faiss's of the same bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Annotated, ClassVar

import typer
from rich.table import Table

from ...indexes.protocol import FieldShape
from ...indexes.rows.element import Element
from ...indexes.rows.metric import Metric
from ..datasets import DatasetError
from ..measure.measurement import Finding, Needs, Prepared, Record
from ..measure.options import (
    OUT,
    CodecsOption,
    DatasetOption,
    LockOption,
    OutOption,
    QueriesOption,
    RowsOption,
    codecs_in,
)
from ..report.tables import records_table
from .candidates import codecs
from .codec_trial import CANDIDATES, CodecTrial, K, dense_rows, try_codec


@dataclass(frozen=True)
class CodecsMeasurement:
    """What codecs make of vectors: bytes, rows a second, recall by codes alone and after exact scores."""

    name: ClassVar = "codecs"
    needs: ClassVar = Needs(truth=True)
    k: ClassVar = CANDIDATES
    dataset: DatasetOption = "sample"
    codec: CodecsOption = None
    out: OutOption = OUT
    faiss: Annotated[bool, typer.Option(help="Measure the codes of faiss as well.")] = True
    queries: QueriesOption = None
    rows: RowsOption = None
    lock: LockOption = None

    def __post_init__(self) -> None:
        """Refuse codecs that there are not."""
        codecs_in(self.codec or ())

    def run(self, ready: Prepared) -> Iterator[Finding]:
        """Try every codec on one thread, then those of faiss."""
        data, truth = ready.data, ready.truth
        shape = FieldShape("dense", Metric(data.metric), Element.FLOAT32, data.dim)
        specs, rows, trials = codecs_in(self.codec or ()) or codecs(shape), dense_rows(data), []
        for place, spec in enumerate(specs):
            ready.step(f"codec {spec.name}", place / len(specs))
            with ready.timing():
                trials.append(try_codec(spec, rows, data, truth))
        if self.faiss:
            trials += _faiss_trials(ready)
        records: list[Record] = [{"k": K, "candidates": CANDIDATES, **asdict(one)} for one in trials]
        records.sort(key=lambda one: -one["row_bytes"])
        yield Finding(records, [codecs_table(records, data.dim)])


def _faiss_trials(ready: Prepared) -> Iterator[CodecTrial]:
    from ..peers.faiss_codes import faiss_codes

    ready.step("codes of faiss", 0.0)
    data, truth = ready.data, ready.truth
    try:
        for one in faiss_codes(data, truth.k):
            seconds = one.train_seconds, one.encode_seconds
            yield CodecTrial.of(f"faiss {one.label}", one.row_bytes, seconds, data, truth, one.found)
    except ImportError as error:
        raise DatasetError(f"{error}; pip install faiss-cpu, or say --no-faiss") from error


def codecs_table(records: list[Record], dim: int) -> Table:
    """Codecs from the largest codes to the smallest."""
    shown = [{**one, "times": 4 * dim / one["row_bytes"]} for one in records]
    columns = {
        "codec": "{label}",
        "bytes": "{row_bytes:,.0f}",
        "smaller": "{times:.1f}x",
        "rows/s": "{rows_per_second:,.0f}",
        "training s": "{train_seconds:.2f}",
        f"recall@{K}": "{recall_10:.4f}",
        f"recall@{CANDIDATES}": "{recall_100:.4f}",
        f"of {CANDIDATES} rescored": "{rescored:.4f}",
    }
    return records_table("Codes alone, bytes a vector; CPU time of one thread", columns, shown)
