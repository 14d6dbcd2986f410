"""`vicinal advise`: codecs and indexes tried on a sample of a user's vectors, and the line to take."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from ...engine.progress import Progress
from ...indexes.codecs.protocol import CodecSpec
from ...server.cli.units import human_bytes, human_seconds
from ..datasets import DatasetError
from ..harness.spelling import spelled
from ..harness.truth import Truth, exact_truth
from ..measure.options import CodecsOption, codecs_in
from ..report.drawing import StoragePoint, draw_storage
from ..report.plotting import plotted
from ..report.tables import records_table
from ..report.terminal import console, measuring, progress_bar, remark, report, show
from .candidates import codecs, fields, in_nibbles
from .choice import bytes_in, holds_enough, meeting, unbeaten, worth_indexing
from .codec_trial import CANDIDATES, CodecTrial, K, dense_rows, try_codec
from .codecs import codecs_table
from .field_trial import FieldTrial, try_field
from .source import Source, Wanted, open_source


def _size(text: str) -> int:
    try:
        return bytes_in(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def advise(
    place: Annotated[
        str,
        typer.Argument(
            metavar="DIR|FILE",
            help="A database's folder, or vectors as `vicinal bench run --dataset` takes them.",
        ),
    ],
    memory: Annotated[
        int | None,
        typer.Option(
            parser=_size, metavar="SIZE", help="What all vectors may take in memory, such as 200MB."
        ),
    ] = None,
    recall: Annotated[
        float, typer.Option(min=0.5, max=0.999, help="Of the 10 nearest, how many to find.")
    ] = 0.95,
    collection: Annotated[str | None, typer.Option(help="Of a database that has several.")] = None,
    field: Annotated[str | None, typer.Option(help="Vector field, where there are several.")] = None,
    tenant: Annotated[str | None, typer.Option(help="Whose vectors, of a partitioned collection.")] = None,
    queries: Annotated[
        Path | None, typer.Option(help="Queries; otherwise vectors are held out, which are nearer than most.")
    ] = None,
    metric: Annotated[str | None, typer.Option(help="cosine, dot or l2, instead of a file's own.")] = None,
    rows: Annotated[int, typer.Option(min=1_000, help="Vectors of the sample.")] = 50_000,
    held_out: Annotated[int, typer.Option(min=20, help="Queries, half of them to choose efforts on.")] = 500,
    codec: CodecsOption = None,
    out: Annotated[Path, typer.Option(help="Folder for the picture and the records.")] = Path("advice"),
) -> None:
    """Try codecs and indexes on a sample of your vectors: what each takes, finds and costs."""
    given = codecs_in(codec or ())
    with measuring():
        wanted = Wanted(rows, held_out, metric, queries, collection, field, tenant)
        source = open_source(place, wanted)
        data = source.data
        if data.rows < 2 * CANDIDATES or len(data.queries) < 2:
            raise DatasetError(f"{data.rows} vectors and {len(data.queries)} queries; expected some hundreds")
        remark(
            f"{data.name}: {data.rows:,} of {source.total:,} vectors, {len(data.queries)} queries", data.note
        )
        limit = None if memory is None else memory / source.total
        with progress_bar() as step:
            truth = exact_truth(data, CANDIDATES, progress=lambda share: step("exact answers", share))
            coded = _try_codecs(source, given or codecs(source.field.shape), truth, step)
            tried = _try_fields(source, coded, truth, recall, step)
        show(codecs_table([asdict(one) for one in coded.values()], data.dim))
        _show(source, tried, recall, limit, coded, out)
        report(out, "advise", data, [_record(source, one) for one in tried])


def _try_codecs(
    source: Source, specs: Sequence[CodecSpec], truth: Truth, step: Progress
) -> dict[CodecSpec, CodecTrial]:
    rows = dense_rows(source.data)
    found: dict[CodecSpec, CodecTrial] = {}
    for place, spec in enumerate(specs):
        step(f"codec {spelled(spec)}", place / len(specs))
        found[spec] = try_codec(spec, rows, source.data, truth)
    return dict(sorted(found.items(), key=lambda item: -item[1].row_bytes))


def _try_fields(
    source: Source, coded: dict[CodecSpec, CodecTrial], truth: Truth, target: float, step: Progress
) -> list[FieldTrial]:
    nearest = Truth(truth.ids[:, :K], truth.scores[:, :K])
    chosen = worth_indexing(list(coded.values()), target)
    smallest_first = list(reversed(coded.items()))
    in_graphs = [spec for spec, trial in smallest_first if trial in chosen]
    in_lists = [spec for spec, trial in smallest_first if in_nibbles(spec) and holds_enough(trial, target)]
    wanted = fields(source.field, in_graphs, list(dict.fromkeys([*in_lists, *in_graphs])))
    tried = []
    with tempfile.TemporaryDirectory(prefix="vicinal-advise-") as scratch:
        for place, one in enumerate(wanted):

            def told(stage: str, share: float, place: int = place) -> None:
                step(f"{spelled(wanted[place].index)}, {stage}", (place + share) / len(wanted))

            tried.append(try_field(one, source.data, nearest, target, Path(scratch), told))
    return sorted(tried, key=lambda one: -one.memory)


def _record(source: Source, one: FieldTrial) -> dict[str, Any]:
    """The trial with everything in the units of the table."""
    return {
        "line": spelled(one.field),
        "k": K,
        "memory_per_vector": round(one.memory, 1),
        "disk_per_vector": round(one.disk, 1),
        "memory": round(one.memory * source.total),
        "disk": round(one.disk * source.total),
        "recall": round(one.recall, 5),
        "asked": one.asked,
        "us_per_query": round(one.seconds * 1e6, 2),
        "build_seconds": round(one.build_seconds, 3),
        "projected_build_seconds": round(one.projected(source.data.rows, source.total), 3),
    }


def _show(
    source: Source,
    tried: list[FieldTrial],
    target: float,
    limit: float | None,
    coded: dict[CodecSpec, CodecTrial],
    out: Path,
) -> None:
    front, good = unbeaten(tried), meeting(tried, target, limit)
    letters = [chr(ord("A") + place) for place in range(len(tried))]
    show(_table(source, tried, letters, front, good, limit))
    points = [
        StoragePoint(letter, spelled(one.field), one.memory, one.recall, one.seconds, one in front)
        for letter, one in zip(letters, tried, strict=True)
    ]
    alone = [StoragePoint("", one.label, one.row_bytes, one.recall_10, None, False) for one in coded.values()]
    for line in plotted(
        [(one.bytes, one.recall, one.letter) for one in points], "bytes a vector in memory", "recall"
    ):
        console.print(line, markup=False, highlight=False)
    picture = out / "advice.png"
    draw_storage([*alone, *points], f"{source.data.name}: {source.data.rows:,} vectors, recall@{K}", picture)
    remark(f"picture: {picture}")
    if any(one.field.on_disk for one in tried):
        remark("Vectors on disk were read from the system's cache; from a disk they take longer.")
    _say_what_to_take(source, tried, target, limit, good)


def _table(
    source: Source,
    tried: list[FieldTrial],
    letters: list[str],
    front: list[FieldTrial],
    good: list[FieldTrial],
    limit: float | None,
) -> Table:
    shown = []
    for letter, one in zip(letters, tried, strict=True):
        record = _record(source, one)
        shown.append(
            record
            | {
                "letter": letter,
                "memory": human_bytes(record["memory"]),
                "disk": human_bytes(record["disk"]),
                "build": human_seconds(record["projected_build_seconds"]),
                "front": "*" if one in front else "",
                "meets": "yes" if one in good else "no",
            }
        )
    columns = {
        "": "{letter}",
        "field": "{line}",
        "bytes": "{memory_per_vector:,.0f}",
        "on disk": "{disk_per_vector:,.0f}",
        f"memory of {source.total:,}": "{memory}",
        "disk": "{disk}",
        f"recall@{K}": "{recall:.4f}",
        "recall=": "{asked:.3f}",
        "us/query": "{us_per_query:.1f}",
        "build": "{build}",
        "front": "{front}",
        "meets": "{meets}",
    }
    title = (
        "Indexes; bytes a vector, the build of all in proportion; * none is better in memory, recall and time"
    )
    return records_table(title, columns, shown)


def _say_what_to_take(
    source: Source, tried: list[FieldTrial], target: float, limit: float | None, good: list[FieldTrial]
) -> None:
    """Print the line of the quickest that meets what was asked for, or how near one comes."""
    allowed = "" if limit is None else f" in {human_bytes(round(limit * source.total))}"
    if good:
        one = good[0]
        asked = "" if one.asked == 0.95 else f", searched with recall={one.asked}"
        remark(f"\nThe quickest that finds {target:.3g} of the {K} nearest{allowed}{asked}:\n")
        console.print(f"    {spelled(one.field)}\n", markup=False, highlight=False, soft_wrap=True)
        return
    enough = [one for one in tried if one.recall >= target]
    small = [one for one in tried if limit is None or one.memory <= limit]
    remark(f"\nNothing that was tried finds {target:.3g} of the {K} nearest{allowed}.")
    for words, several, order in (
        ("Least memory at that recall", enough, lambda one: one.memory),
        ("Highest recall in that memory", small, lambda one: -one.recall),
    ):
        if several:
            one = min(several, key=order)
            told = f"{words}: {human_bytes(round(one.memory * source.total))}, recall {one.recall:.3f}:"
            remark(told)
            console.print(f"    {spelled(one.field)}", markup=False, highlight=False, soft_wrap=True)
