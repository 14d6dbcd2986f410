"""`vicinal import` and `vicinal export`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ...engine.errors import InvalidArgument, NotFound
from ...engine.opening.opening import open as open_database
from ...engine.schema.declared import DeclaredFields
from ..files.batch import FileRequest
from ..files.exporting import ExportRequest, write_file
from ..files.importing import NewCollection, import_points
from .opening import open_existing
from .screen import bars, console, stages
from .units import human_bytes, human_seconds

EXIT_INTERRUPTED = 130


def import_file(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="npy, fvecs, bvecs, hdf5, parquet, jsonl (also .jsonl.gz), bin of hnswlib."
        ),
    ],
    database: Annotated[
        Path, typer.Argument(metavar="DIR", help="The database; created if it is not there.")
    ],
    collection: Annotated[str, typer.Option(help="Into which collection; created if it is not there.")],
    metric: Annotated[str | None, typer.Option(help="cosine (if not said), dot, l2 or hamming.")] = None,
    element: Annotated[
        str | None, typer.Option(help="float32, float16, int8 or binary; if not said, as in the file.")
    ] = None,
    id_field: Annotated[
        str | None,
        typer.Option(help="The column of ids; if not said, 'id' if there is one, else row numbers."),
    ] = None,
    vector_field: Annotated[
        list[str] | None, typer.Option(help="A column of vectors; may be said several times.")
    ] = None,
    fields: Annotated[
        str,
        typer.Option(
            metavar="NAME:TYPE,...",
            help="Payload fields to index, as year:integer,genre:keyword; or auto.",
        ),
    ] = "",
    partitioned: Annotated[bool, typer.Option("--partitioned", help="Create it parted by tenant.")] = False,
    tenant: Annotated[str | None, typer.Option(help="Whose points these are, in a partitioned one.")] = None,
    no_index: Annotated[
        bool,
        typer.Option("--no-index", help="Leave indexing to the next process that has it open for writing."),
    ] = False,
) -> None:
    """Read vectors, ids and payloads from a file into a collection, and index it.

    Every batch is durable when the next one is read: stopped by Ctrl-C, it keeps what was read.
    """
    request = FileRequest(file, id_field, tuple(vector_field or ()))
    new = NewCollection(collection, metric, element, parse_fields(fields), partitioned)
    start = time.perf_counter()
    if not file.is_file():
        raise NotFound(f"there is no file {file}")
    try:
        with open_database(database) as opened:
            with bars() as shown:
                task = shown.add_task("reading", total=1.0, note="")

                def told(n_points: int, fraction: float) -> None:
                    shown.update(task, completed=fraction, note=f"{n_points:,} points")

                into, n_points = import_points(opened, request, new, tenant, told)
            if not no_index:
                with stages() as report:
                    into.wait_indexed(progress=report)
                    # The rest, which background work would leave in the log as too few to matter.
                    into.flush(progress=report)
            points, size = into.info().points, opened.info().bytes_disk
    except KeyboardInterrupt:
        _tell_what_stays(database, collection)
        raise typer.Exit(EXIT_INTERRUPTED) from None
    took = human_seconds(time.perf_counter() - start)
    for line in (
        f"{n_points:,} points read into {collection} in {took}.",
        f"It now has {points:,} points; the database takes {human_bytes(size)} on disk.",
    ):
        console.print(line, markup=False, soft_wrap=True)
    if no_index:
        console.print("They are not indexed yet: they are searched exactly.")


def _tell_what_stays(database: Path, collection: str) -> None:
    """Say what an interrupted import leaves, once the database was closed."""
    with open_existing(database) as opened:
        held = {one.name: one.points for one in opened.info().collections}
    if collection in held:
        words = f"{collection} has {held[collection]:,} points, those that were read included, and they stay."
    else:
        words = f"nothing was read into {collection}."
    Console(stderr=True, highlight=False).print(f"interrupted: {words}", markup=False, soft_wrap=True)


def export_file(
    database: Annotated[Path, typer.Argument(metavar="DIR", help="The database.")],
    collection: Annotated[str, typer.Option(help="Which collection.")],
    out: Annotated[Path, typer.Option(help="The new file, ending in .parquet or .jsonl.")],
    id_field: Annotated[str, typer.Option(help="The name of the column of ids.")] = "id",
    without_vectors: Annotated[
        bool, typer.Option("--without-vectors", help="Ids and payloads only.")
    ] = False,
    tenant: Annotated[str | None, typer.Option(help="Whose points, in a partitioned collection.")] = None,
) -> None:
    """Write the points of a collection to a file that `vicinal import` reads back."""
    start = time.perf_counter()
    request = ExportRequest(out, id_field, not without_vectors, tenant)
    with open_existing(database) as opened, bars() as shown:
        source = opened.collection(collection)
        task = shown.add_task("writing", total=max(1, source.count(tenant=tenant)), note="")

        def told(n_points: int) -> None:
            shown.update(task, completed=n_points, note=f"{n_points:,} points")

        n_points = write_file(source, request, told)
    took = human_seconds(time.perf_counter() - start)
    console.print(f"{n_points:,} points written in {took}.")
    console.print(f"{out} ({human_bytes(out.stat().st_size)})", markup=False, soft_wrap=True)


def parse_fields(text: str) -> DeclaredFields:
    """Read ``year:integer,genre:keyword`` into names and types, or ``auto``."""
    if text == "auto":
        return "auto"
    parsed: dict[str, str] = {}
    for part in filter(None, text.split(",")):
        name, colon, kind = part.strip().rpartition(":")
        if not colon or not name or name in parsed:
            raise InvalidArgument(f"--fields {part!r}: expected NAME:TYPE, each name once, as year:integer")
        parsed[name] = kind
    return parsed
