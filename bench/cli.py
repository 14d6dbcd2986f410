"""`vicinal bench`: recall and latency, measured so that the figures can be trusted."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, get_type_hints

import typer

from .advice.codecs import CodecsMeasurement
from .datasets import Dataset
from .datasets.multi.dataset import MultiDataset
from .datasets.sparse_dataset import SparseDataset
from .datasets.texts import TextDataset
from .harness.loaded import loaded_collection
from .measure.disk import DiskMeasurement
from .measure.filters.bitset import BitsetMeasurement
from .measure.filters.filtered import FilteredMeasurement
from .measure.filters.scan import ScanMeasurement
from .measure.kinds.keyword import KeywordMeasurement
from .measure.kinds.multi import MultiMeasurement
from .measure.kinds.multi_disk import MultiDiskMeasurement
from .measure.kinds.sparse import SparseMeasurement
from .measure.limit import LimitMeasurement
from .measure.measurement import Measurement, Prepared, Record
from .measure.promise import PromiseMeasurement
from .measure.recall import RecallMeasurement
from .measure.run import RunMeasurement
from .measure.server import ServerMeasurement
from .measure.single import SingleMeasurement
from .measure.tenants.tenants import TenantsMeasurement
from .measure.write import WriteMeasurement
from .measure.writing import WritingMeasurement
from .peers import find_peers
from .report import terminal

# In the order of the help.
MEASUREMENTS: tuple[type[Measurement], ...] = (
    RunMeasurement,
    SingleMeasurement,
    WriteMeasurement,
    WritingMeasurement,
    RecallMeasurement,
    PromiseMeasurement,
    FilteredMeasurement,
    ScanMeasurement,
    BitsetMeasurement,
    TenantsMeasurement,
    LimitMeasurement,
    CodecsMeasurement,
    DiskMeasurement,
    SparseMeasurement,
    MultiMeasurement,
    MultiDiskMeasurement,
    KeywordMeasurement,
    ServerMeasurement,
)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Measure recall and latency, alone or beside other engines.",
)


def measure(measurement: Measurement) -> None:
    """Make ready what the measurement needs, run it, show what it finds and keep the records."""
    needs, scratch = measurement.needs, measurement.out / "scratch"
    data: Dataset | SparseDataset | MultiDataset | TextDataset
    match needs.data:
        case "dense":
            data = terminal.read_dataset(measurement.dataset, vars(measurement))
        case "sparse":
            data = terminal.read_sparse_dataset(
                measurement.dataset, measurement.out / "data", vars(measurement)
            )
        case "multi":
            data = terminal.read_multi_dataset(
                measurement.dataset, measurement.out / "data", vars(measurement)
            )
        case "texts":
            data = terminal.read_texts(measurement.dataset)
    peers, missing = find_peers(needs.peers)
    terminal.skipped(missing)
    records: list[Record] = []
    with terminal.timing_watch() as watch, terminal.progress_bar() as step, ExitStack() as loaded:
        ready = Prepared(peers, scratch, measurement.lock, watch, step)
        match data:
            case SparseDataset():
                ready.sparse = data
            case MultiDataset():
                ready.multi = data
            case TextDataset():
                ready.texts = data
            case Dataset():
                ready.data = data
        if needs.truth:
            ready.truth = terminal.read_truth(ready.data, measurement.k, measurement.out, step)
        if needs.collection:
            loading = loaded_collection(scratch, ready.data, payloads=needs.payloads, step=step)
            ready.collection = loaded.enter_context(loading)
        for finding in measurement.run(ready):
            terminal.show(*finding.tables)
            for words in finding.broken:
                terminal.warn(words)
            records += finding.records
    busy = {"others_busy_cores": watch.others} if needs.watched else {}
    terminal.report(measurement.out, measurement.name, data, [{**record, **busy} for record in records])


def _command(options: Callable[..., Measurement]) -> Callable[..., None]:
    """Return a function with the fields of a measurement as its parameters, of which Typer makes options."""

    def command(**given: Any) -> None:
        with terminal.measuring():
            measure(options(**given))

    signature, hints = inspect.signature(options), get_type_hints(options, include_extras=True)
    parameters = [one.replace(annotation=hints[one.name]) for one in signature.parameters.values()]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__doc__ = options.__doc__
    return command


for _measurement in MEASUREMENTS:
    app.command(_measurement.name)(_command(_measurement))
