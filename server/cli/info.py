"""`vicinal info`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from ...engine.collection import Collection
from ...engine.results.info import CollectionInfo
from ...engine.schema.collection_schema import CollectionSchema
from ...engine.vector_kinds.registry import kind_of
from .opening import open_existing
from .screen import console
from .tables import show_table
from .units import human_bytes

# A read takes milliseconds: one that is this far behind was stopped.
_MANY_COMMITS = 100


def info(
    database: Annotated[Path, typer.Argument(metavar="DIR", help="The database.")],
    segments: Annotated[bool, typer.Option("--segments", help="One line a segment too.")] = False,
) -> None:
    """Show collections, points, segments, bytes on disk and in memory."""
    with open_existing(database) as opened:
        whole = opened.info()
        console.print(f"[bold]{escape(str(database))}[/bold]", soft_wrap=True)
        table = Table.grid(padding=(0, 2))
        table.add_row("format", str(whole.format))
        table.add_row("points", f"{whole.points:,}")
        table.add_row(
            "disk", f"{human_bytes(whole.bytes_disk)}, {human_bytes(whole.bytes_catalog)} of them catalog"
        )
        use = whole.catalog_use
        if use is not None and use.used_bytes < whole.bytes_catalog // 2:
            table.add_row("catalog", f"{human_bytes(use.used_bytes)} in use")
        if use is not None and use.commits_behind >= _MANY_COMMITS:
            table.add_row(
                "reader",
                f"process {use.reader} reads what was there {use.commits_behind:,} commits ago; "
                "what they freed waits for it to go on or end",
            )
        table.add_row("memory", human_bytes(whole.bytes_memory))
        show_table(table)
        for collection in whole.collections:
            _show_collection(opened.collection(collection.name), collection, segments)


def _show_collection(collection: Collection, sizes: CollectionInfo, segments: bool) -> None:
    schema = collection.schema
    share = sizes.indexed_rows / max(1, sum(segment.rows for segment in sizes.segments))
    console.print()
    console.print(f"[bold]{escape(sizes.name)}[/bold]", soft_wrap=True)
    table = Table.grid(padding=(0, 2))
    table.add_row(
        "points", f"{sizes.points:,}" + (f" of {sizes.tenants:,} tenants" if schema.partitioned else "")
    )
    table.add_row("segments", f"{len(sizes.segments)}, {share:.0%} of their rows indexed")
    table.add_row("disk", f"{human_bytes(sizes.bytes_disk)} in segment files")
    table.add_row("memory", human_bytes(sizes.bytes_memory))
    described = "; ".join(f"{name}: {text}" for name, text in describe_vectors(schema).items())
    table.add_row("vectors", Text(described))
    if schema.fields:
        fields = ", ".join(f"{name}: {kind}" for name, kind in schema.fields.items())
        table.add_row("indexed fields", Text(fields))
    if schema.declares:
        table.add_row("auto", "the next writes may declare more fields")
    if schema.strict:
        table.add_row("strict", "filters on other fields are refused")
    if sizes.filling:
        table.add_row("filling", Text(f"{', '.join(sizes.filling)}: filters read payloads until it is done"))
    if sizes.activity.stage:
        table.add_row("under way", f"{sizes.activity.stage}, {sizes.activity.fraction:.0%}")
    if sizes.activity.last_error:
        table.add_row("last error", Text(sizes.activity.last_error))
    if sizes.activity.retry_seconds:
        table.add_row("next attempt", f"in {sizes.activity.retry_seconds:.0f} seconds")
    show_table(table)
    if segments:
        _show_segments(sizes)


def _show_segments(sizes: CollectionInfo) -> None:
    table = Table("segment", "rows", "dead", "disk", "memory", "index", box=None)
    for segment in sizes.segments:
        table.add_row(
            segment.uuid,
            f"{segment.rows:,}",
            f"{segment.dead:,}",
            human_bytes(segment.bytes_disk),
            human_bytes(segment.bytes_memory),
            ", ".join(segment.indexed) or "none: searched exactly",
        )
    show_table(table)


def describe_vectors(schema: CollectionSchema) -> dict[str, str]:
    """Say in words what each vector field is."""
    return {name: kind_of(field).describe(field) for name, field in schema.vectors.items()}
