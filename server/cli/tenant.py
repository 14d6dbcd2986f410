"""`vicinal tenant`: the tenants of a partitioned collection in a folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ...engine.collection_tenants import Tenants
from ...engine.opening.opening import open as open_database
from ...engine.tenants.grant import GRANTS_LIMIT
from ...engine.tenants.tenant import LIST_LIMIT
from ...engine.tenants.tenant_quota import TenantQuota
from .opening import check_exists, open_existing
from .screen import console
from .tables import show_table
from .units import human_bytes

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The database.")]
Partitioned = Annotated[str, typer.Argument(metavar="COLLECTION", help="A partitioned collection of it.")]
Names = Annotated[list[str], typer.Argument(metavar="NAME...", help="Tenants.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The tenant.")]
PointIds = Annotated[
    list[str],
    typer.Argument(metavar="ID...", help="Points of it; what is all digits is a number unless quoted."),
]
Grantees = Annotated[list[str], typer.Option("--to", help="Who may read them; may be given several times.")]

tenant = typer.Typer(
    help="Tenants of a partitioned collection. While a server has the database open they are changed through "
    "its clients.",
    no_args_is_help=True,
)


@tenant.command("list")
def list_tenants(
    database: Folder,
    collection: Partitioned,
    prefix: Annotated[str, typer.Option(help="Only names that begin with this.")] = "",
) -> None:
    """Print the names of all tenants, one a line."""
    with open_existing(database) as opened:
        tenants = opened.collection(collection).tenants
        after: str | None = None
        while page := tenants.list(prefix=prefix, limit=LIST_LIMIT, after=after):
            for name in page:
                print(name)
            after = page[-1]


@tenant.command("create")
def create(database: Folder, collection: Partitioned, names: Names) -> None:
    """Create tenants; those that are there stay as they are."""
    with _changing(database, collection) as tenants:
        created = tenants.create(names)
    console.print(f"Created {created:,} of {len(set(names)):,}.")


@tenant.command("drop")
def drop(database: Folder, collection: Partitioned, names: Names) -> None:
    """Drop tenants with all they have; their rows leave the disk when segments are merged."""
    with _changing(database, collection) as tenants:
        dropped = tenants.drop(names)
    console.print(f"Dropped {dropped:,} of {len(set(names)):,}.")


@tenant.command("stats")
def stats(database: Folder, collection: Partitioned, names: Names) -> None:
    """Show what tenants have, and what they may have."""
    with open_existing(database) as opened:
        tenants = opened.collection(collection).tenants
        found = [tenants.stats(name) for name in names]
    table = Table("tenant", "points", "bytes", "segments", "quota", box=None)
    for one in found:
        table.add_row(
            one.name, f"{one.points:,}", human_bytes(one.bytes), f"{one.segments:,}", _in_words(one.quota)
        )
    show_table(table)


@tenant.command("quota")
def quota(
    database: Folder,
    collection: Partitioned,
    name: Name,
    points: Annotated[int | None, typer.Option(help="Most points; no limit if not said.")] = None,
    bytes: Annotated[
        int | None, typer.Option(help="Most bytes of payloads and vectors; no limit if not said.")
    ] = None,
    requests_per_second: Annotated[
        float | None, typer.Option(help="Calls a second that a server answers; no limit if not said.")
    ] = None,
) -> None:
    """Say what a tenant may have, in the place of what was said before."""
    with _changing(database, collection) as tenants:
        tenants.set_quota(name, points=points, bytes=bytes, requests_per_second=requests_per_second)
    said = _in_words(TenantQuota(points, bytes, requests_per_second))
    console.print(f"{name}: {said}.", markup=False, soft_wrap=True)


@tenant.command("grant")
def grant(database: Folder, collection: Partitioned, name: Name, ids: PointIds, to: Grantees) -> None:
    """Let further tenants read points of one, beside their own."""
    with _changing(database, collection) as tenants:
        granted = tenants.grant(_read_ids(ids), tenant=name, to=to)
    console.print(f"Granted {granted:,}.")


@tenant.command("revoke")
def revoke(database: Folder, collection: Partitioned, name: Name, ids: PointIds, to: Grantees) -> None:
    """Take back what tenants were granted of another."""
    with _changing(database, collection) as tenants:
        revoked = tenants.revoke(_read_ids(ids), tenant=name, to=to)
    console.print(f"Revoked {revoked:,}.")


@tenant.command("grants")
def list_grants(database: Folder, collection: Partitioned, name: Name) -> None:
    """Print what a tenant was granted: the id as JSON and the owner, a point a line."""
    with open_existing(database) as opened:
        tenants = opened.collection(collection).tenants
        after: int | str | None = None
        while page := tenants.grants(name, limit=GRANTS_LIMIT, after=after):
            for one in page:
                print(f"{json.dumps(one.id, ensure_ascii=False)}\t{one.owner}")
            after = page[-1].id


@contextmanager
def _changing(database: Path, collection: str) -> Iterator[Tenants]:
    check_exists(database)
    with open_database(database) as opened:
        yield opened.collection(collection).tenants


def _read_ids(ids: list[str]) -> list[int | str]:
    """Return ids as numbers where they are digits, and as texts where they are in quotes or anything else."""
    return [
        int(point_id) if point_id.isdecimal() and point_id.isascii() else _unquoted(point_id)
        for point_id in ids
    ]


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 2 and text[0] == text[-1] == '"' else text


def _in_words(quota: TenantQuota) -> str:
    parts = []
    if quota.points is not None:
        parts.append(f"{quota.points:,} points")
    if quota.bytes is not None:
        parts.append(human_bytes(quota.bytes))
    if quota.requests_per_second is not None:
        parts.append(f"{quota.requests_per_second:g} calls a second")
    return ", ".join(parts) or "no limits"
