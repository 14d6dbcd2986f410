"""`vicinal key`: the API keys of a database, also while a server has it open."""

from __future__ import annotations

import datetime
import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ...engine.error_translation import translated
from ...engine.errors import InvalidArgument, NotFound
from ...storage.opening.database_folder import check_is_ours
from ..service.access.api_key import ApiKey
from ..service.access.forward_clock import now
from ..service.access.key_store import KeyStore
from .screen import console
from .tables import show_table

_SPAN = re.compile(r"([1-9][0-9]{0,5})([mhdw])", re.ASCII)
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The database.")]

key = typer.Typer(
    help="API keys: who may call a server, and for what. Changes hold from the next call on.",
    no_args_is_help=True,
)


class Rights(StrEnum):
    """What a key allows; each includes those before it."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


@key.command("create")
def create(
    database: Folder,
    name: Annotated[str, typer.Option(help="What it is for, for people.")],
    rights: Annotated[Rights, typer.Option(help="What it allows; each includes those before it.")],
    tenant: Annotated[
        list[str] | None, typer.Option(help="Bind it to this tenant; may be given several times.")
    ] = None,
    collection: Annotated[
        list[str] | None, typer.Option(help="Bind it to this collection; may be given several times.")
    ] = None,
    expires: Annotated[
        str | None, typer.Option(metavar="WHEN", help="A time from now, as in 12h, 30d, 4w, or a date.")
    ] = None,
    new: Annotated[bool, typer.Option("--new", help="Create the database if there is none.")] = False,
) -> None:
    """Create a key and print it, once: it is stored nowhere.

    The key alone goes to standard output, what there is to say about it to standard error.
    """
    ends = None if expires is None else parse_expiry(expires, now())
    if new:
        _create_database(database)
    with KeyStore(database) as keys:
        first = not keys.any_exist()
        identifier, text = keys.create(
            name, rights.value, tenants=tuple(tenant or ()), collections=tuple(collection or ()), expires=ends
        )
    bounds = {"tenants": tenant, "collections": collection}
    bound = [f"{what} {', '.join(names)}" for what, names in bounds.items() if names]
    scope = " and ".join(bound) or "everything"
    until = "" if ends is None else f" until {_minute(ends)}"
    notes = Console(stderr=True, highlight=False)
    notes.print(
        f"Key {identifier} ({name}) gives {rights.value} access to {scope}{until}. It is shown this once: "
        "keep it as you keep a password.",
        markup=False,
        soft_wrap=True,
    )
    if first:
        notes.print("It is the first key of this database: from now on no call is answered without one.")
    print(text)


@key.command("list")
def list_keys(database: Folder) -> None:
    """List all keys, those included that were revoked or have expired."""
    with KeyStore(database, read_only=True) as keys:
        found = keys.list()
    if not found:
        console.print("There are no keys: a server answers whoever reaches it.")
        return
    table = Table("id", "name", "rights", "tenants", "collections", "created", "expires", "state", box=None)
    for identifier, record in found.items():
        table.add_row(
            identifier,
            Text(record.name),
            record.rights,
            _listed(record.tenants),
            _listed(record.collections),
            _minute(record.created),
            "never" if record.expires is None else _minute(record.expires),
            record.state(now()),
        )
    show_table(table)


@key.command("revoke")
def revoke(
    database: Folder,
    said: Annotated[
        str,
        typer.Argument(
            metavar="ID|NAME", help="Its id as `key list` shows it, a beginning of it, or its name."
        ),
    ],
) -> None:
    """Make a key invalid, from the next call on and for ever."""
    with KeyStore(database) as keys:
        identifier = _one_meant(keys.list(), said)
        revoked = keys.revoke(identifier)
    console.print(f"Key {identifier} ({revoked.name}) is revoked.", markup=False, soft_wrap=True)


def _one_meant(keys: dict[str, ApiKey], said: str) -> str:
    """Return the id of the only key that is meant; what was revoked before is meant by its whole id alone."""
    if said in keys:
        return said
    meant = {
        identifier: record
        for identifier, record in keys.items()
        if record.revoked is None and (record.name == said or (said and identifier.startswith(said)))
    }
    if not meant:
        raise NotFound(
            f"no key has the id {said!r}, an id that begins so, or that name; `vicinal key list` shows them",
            field="id",
        )
    if len(meant) > 1:
        matches = "; ".join(f"{identifier} ({record.name})" for identifier, record in meant.items())
        raise InvalidArgument(f"{said!r} means {len(meant)} keys; say the id of one: {matches}", field="id")
    return next(iter(meant))


def parse_expiry(text: str, start: datetime.datetime) -> datetime.datetime:
    """Return the time that ``30d``, ``2027-01-01`` or ``2027-01-01T12:00+02:00`` means; UTC if no zone is
    said.

    Raises
    ------
    InvalidArgument
        It means none.
    """
    span = _SPAN.fullmatch(text)
    try:
        if span is not None:
            return start + datetime.timedelta(**{_UNITS[span[2]]: int(span[1])})
        time = datetime.datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise InvalidArgument(
            f"--expires is {text!r}; expected a time from now, as in 12h, 30d or 4w, or a date, as in "
            "2030-12-31",
            field="expires",
        ) from error
    return time if time.tzinfo is not None else time.replace(tzinfo=datetime.UTC)


def _create_database(folder: Path) -> None:
    # Loads the engine, which takes a moment that nothing else here needs.
    from ...engine.opening.opening import open as open_database

    with translated():
        exists = check_is_ours(folder)
    if not exists:
        open_database(folder).close()


def _listed(bound: tuple[str, ...] | None) -> Text:
    # Not a string, in which brackets would be instructions.
    return Text("all" if bound is None else ", ".join(bound), overflow="fold")


def _minute(time: datetime.datetime) -> str:
    return time.astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
