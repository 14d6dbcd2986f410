"""`vicinal check`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from ...engine.error_translation import translated
from ...engine.errors import NotFound
from ...storage.verify.folder_check import check_folder
from .screen import console
from .units import human_seconds

EXIT_DAMAGED = 1


def check(
    database: Annotated[Path, typer.Argument(metavar="DIR", help="The database.")],
) -> None:
    """Verify every checksum and invariant; exits with 1 and names what is damaged."""
    if not database.exists():
        raise NotFound(f"there is no database at {database}")
    start = time.perf_counter()
    with translated():
        damages = check_folder(database)
    took = human_seconds(time.perf_counter() - start)
    for damage in damages:
        console.print(f"[bold red]damaged[/bold red] {damage.path}", soft_wrap=True)
        console.print(f"  what:   {damage.what}", markup=False, soft_wrap=True)
        console.print(f"  remedy: {damage.remedy}", markup=False, soft_wrap=True)
    if damages:
        console.print(f"{len(damages)} damaged, checked in {took}.")
        raise typer.Exit(EXIT_DAMAGED)
    console.print(f"[green]sound[/green]: every checksum and invariant holds, checked in {took}.")
