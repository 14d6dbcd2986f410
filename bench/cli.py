"""`vicinal bench`: recall and latency, measured so that the figures can be trusted."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .comparison.running import run
from .comparison.sweep import Plan
from .extras import load_extra
from .peers import UnknownPeerError, find_peers
from .report.drawing import draw_fronts
from .report.tables import builds_table, describe, equal_recall, equal_recall_table, front_table, plural
from .report.terminal import (
    console,
    measuring,
    progress_bar,
    read_dataset,
    read_truth,
    report,
    show,
    timing_watch,
    warn,
)
from .serving.command import server_command

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Measure recall and latency, alone or beside other engines.",
)

SCRATCH = "scratch"

DatasetOption = Annotated[
    str,
    typer.Option(
        "--dataset",
        help="sample, random-ROWSxDIM[-cosine|-dot|-l2], clustered-ROWSxDIM, or a file or folder of vectors "
        "(.hdf5, .npy, .fvecs, .bvecs, .ivecs, .parquet).",
    ),
]
OutOption = Annotated[Path, typer.Option("--out", help="Folder for results, pictures and cached truth.")]
KOption = Annotated[int, typer.Option("--k", min=1, help="Neighbours per query.")]
MetricOption = Annotated[str | None, typer.Option(help="cosine, dot or l2, instead of the data's own.")]
QueriesOption = Annotated[int | None, typer.Option(min=1, help="Use only the first so many queries.")]
RowsOption = Annotated[int | None, typer.Option(min=1, help="Use only the first so many vectors.")]
QueryFileOption = Annotated[Path | None, typer.Option(help="Queries for a file that holds vectors only.")]
RepetitionsOption = Annotated[int, typer.Option(min=1, help="Timings of each point; the median is reported.")]
LockOption = Annotated[
    Path | None, typer.Option(help="Hold this file's lock while timing, so that benchmarks take turns.")
]
OUT = Path("bench-results")


@app.command("run")
def run_command(
    dataset: DatasetOption = "sample",
    k: KOption = 10,
    peers: Annotated[
        str, typer.Option(help="Engines to compare with, separated by commas; empty for none.")
    ] = "hnswlib,faiss,usearch,rabitqlib",
    out: OutOption = OUT,
    threads: Annotated[int, typer.Option(min=1, help="Threads of a batch of queries.")] = 1,
    repetitions: RepetitionsOption = 5,
    singles: Annotated[int, typer.Option(min=1, help="Single queries per point and repetition.")] = 200,
    queries: QueriesOption = None,
    rows: RowsOption = None,
    metric: MetricOption = None,
    query_file: QueryFileOption = None,
    peers_only: Annotated[bool, typer.Option("--peers-only", help="Leave this engine out.")] = False,
    lock: LockOption = None,
) -> None:
    """Sweep this engine and others over one dataset; Pareto table, picture and JSON lines."""
    with measuring():
        data = read_dataset(dataset, metric, queries, rows, query_file)
        names = [name.strip() for name in peers.split(",") if name.strip()]
        found, missing = find_peers(names if peers_only else ["vicinal", *names])
        for one in missing:
            console.print(f"[yellow]{one}[/yellow]", highlight=False)
        if not found:
            raise UnknownPeerError("none of the engines asked for is installed; nothing to measure")
        # Without it the picture at the end of a long run would fail.
        load_extra("matplotlib")
        truth = read_truth(data, k, out)
        plan = Plan(k=k, repetitions=repetitions, singles=singles, threads=threads, lock=lock)
        with timing_watch() as watch, progress_bar() as step:
            outcome = run(data, truth, found, plan, out / SCRATCH, watch, step)
        for refusal in outcome.refused:
            console.print("[yellow]refused:[/yellow]", refusal, highlight=False)
        if not outcome.points:
            raise UnknownPeerError("every engine refused this data; nothing was measured")
        show(builds_table(outcome.builds), front_table(outcome.points, k, threads))
        show(equal_recall_table(equal_recall(outcome.points), outcome.points[0].built.peer))
        picture = out / f"recall-{data.name}-k{k}.png"
        title = f"{describe(data)}\nbatches on {plural(threads, 'thread')}"
        draw_fronts(outcome.points, title, k, picture)
        shared = {"k": k, "threads": threads, "others_busy_cores": watch.others}
        report(out, "run", data, [{**shared, **point.record()} for point in outcome.points])
        console.print(f"picture: {picture}", highlight=False)


@app.command("single")
def single_command(
    dataset: DatasetOption = "sample",
    k: KOption = 10,
    out: OutOption = OUT,
    repetitions: RepetitionsOption = 5,
    queries: QueriesOption = None,
    lock: LockOption = None,
) -> None:
    """Cost of a single query over its share of a batch, at recall targets 0.90, 0.95 and 0.99."""
    from .harness.loaded import exact_note, loaded_collection
    from .measure.single import measure_single, single_table

    with measuring():
        data = read_dataset(dataset, queries=queries)
        truth = read_truth(data, k, out)
        with (
            timing_watch() as watch,
            progress_bar() as step,
            loaded_collection(out / SCRATCH, data, step=step) as collection,
        ):
            records = measure_single(collection, data, truth, repetitions, watch, lock, step)
        show(single_table(records))
        warn(exact_note(records))
        report(out, "single", data, [{**row, "others_busy_cores": watch.others} for row in records])


@app.command("write")
def write_command(
    dataset: DatasetOption = "random-60000x384",
    k: KOption = 10,
    out: OutOption = OUT,
    batch_rows: Annotated[int, typer.Option(min=1, help="Rows of one upsert.")] = 1_000,
    lock: LockOption = None,
) -> None:
    """Durable writes per second, time until indexed beside hnswlib alone, and reopening."""
    from .measure.writing import measure_writes, write_table

    with measuring():
        data = read_dataset(dataset)
        found, missing = find_peers(["hnswlib"])
        for one in missing:
            console.print(f"[yellow]{one}[/yellow]", highlight=False)
        with timing_watch() as watch, progress_bar() as step:
            peer = found[0] if found else None
            record = measure_writes(data, k, batch_rows, peer, out / SCRATCH, watch, lock, step)
        show(write_table(record))
        report(out, "write", data, [{**record, "others_busy_cores": watch.others}])


@app.command("recall")
def recall_command(
    dataset: DatasetOption = "sample",
    k: KOption = 10,
    out: OutOption = OUT,
    calibrating: Annotated[int, typer.Option(min=50, help="Queries given to calibrate().")] = 200,
    repetitions: RepetitionsOption = 3,
    queries: QueriesOption = None,
    lock: LockOption = None,
) -> None:
    """What recall targets give: unseen on all queries, then calibrated on some and measured on the others."""
    from .harness.loaded import exact_note, loaded_collection
    from .measure.targets import measure_targets, targets_table

    with measuring():
        data = read_dataset(dataset, queries=queries)
        truth = read_truth(data, k, out)
        with (
            timing_watch() as watch,
            progress_bar() as step,
            loaded_collection(out / SCRATCH, data, step=step) as collection,
        ):
            records = measure_targets(collection, data, truth, calibrating, repetitions, watch, lock, step)
        show(targets_table(records))
        warn(exact_note(records))
        report(out, "recall", data, [{**row, "others_busy_cores": watch.others} for row in records])


@app.command("filter")
def filter_command(
    dataset: DatasetOption = "sample",
    k: KOption = 10,
    out: OutOption = OUT,
    target: Annotated[float, typer.Option(min=0.01, max=1.0, help="Recall asked for.")] = 0.95,
    repetitions: RepetitionsOption = 3,
    queries: QueriesOption = None,
    lock: LockOption = None,
) -> None:
    """Recall, time and plan under natural filters that pass about 0.1, 1, 10 and 50 % of the rows."""
    from .harness.loaded import loaded_collection
    from .measure.filtering import filter_table, measure_filters

    with measuring():
        data = read_dataset(dataset, queries=queries)
        with (
            timing_watch() as watch,
            progress_bar() as step,
            loaded_collection(out / SCRATCH, data, payloads=True, step=step) as collection,
        ):
            records = measure_filters(collection, data, k, target, repetitions, watch, lock, step)
        show(filter_table(records))
        report(out, "filter", data, [{**row, "others_busy_cores": watch.others} for row in records])


@app.command("limit")
def limit_command(
    dataset: DatasetOption = "sample",
    k: KOption = 10,
    out: OutOption = OUT,
    repetitions: RepetitionsOption = 5,
    queries: QueriesOption = None,
    lock: LockOption = None,
) -> None:
    """What this machine could do at best with the dataset, and how far the engine is from it."""
    from .harness.loaded import exact_note, loaded_collection
    from .measure.limit import limit_tables, measure_distance, measure_limit

    with measuring():
        data = read_dataset(dataset, queries=queries)
        truth = read_truth(data, k, out)
        with timing_watch() as watch, progress_bar() as step:
            limit = measure_limit(data, watch, lock, step)
            with loaded_collection(out / SCRATCH, data, step=step) as collection:
                records = measure_distance(collection, data, truth, limit, repetitions, watch, lock, step)
        show(*limit_tables(limit, records))
        warn(exact_note(records))
        report(out, "limit", data, [{**row, "others_busy_cores": watch.others} for row in records])


app.command("server")(server_command)
