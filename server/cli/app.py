"""The command table of `vicinal`, and what becomes of errors."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import metadata
from typing import Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperGroup
from typer.main import get_command

from ...engine.errors import InvalidArgument, VicinalError
from ...engine.release import release
from .check import check
from .health import health
from .info import info
from .key import key
from .serve import serve
from .tenant import tenant
from .transfer import export_file, import_file
from .warmup import warmup

COMMANDS_GROUP = "vicinal.commands"
EXIT_FAILED = 1
EXIT_USAGE = 2


class CommandTable(TyperGroup):
    """The built-in commands and those that installed packages add, loaded only when they are called.

    The layers below never import the benchmark, so it comes in by this door, as anyone's commands may.
    """

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all commands, built-in ones first."""
        added = {entry.name for entry in metadata.entry_points(group=COMMANDS_GROUP)}
        return [*super().list_commands(ctx), *sorted(added - set(self.commands))]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the command of that name, None when there is none."""
        built_in = super().get_command(ctx, cmd_name)
        if built_in is not None:
            return built_in
        for entry in metadata.entry_points(group=COMMANDS_GROUP, name=cmd_name):
            return _as_command(entry)
        return None


def _as_command(entry: metadata.EntryPoint) -> Any:
    """Load an added command: a Typer application, or a function that becomes one command."""
    loaded = entry.load()
    if not isinstance(loaded, typer.Typer):
        function, loaded = loaded, typer.Typer(add_completion=False)
        loaded.command()(function)
    command = get_command(loaded)
    command.name = entry.name
    return command


app = typer.Typer(
    cls=CommandTable,
    help="A vector database engine: embedded, served, and measured.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def _show_version(asked: bool) -> None:
    if asked:
        version()
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """A vector database engine: embedded, served, and measured."""


app.command("info")(info)
app.command("check")(check)
app.command("import")(import_file)
app.command("export")(export_file)
app.command("warmup")(warmup)
app.command("serve")(serve)
app.add_typer(key, name="key")
app.add_typer(tenant, name="tenant")
app.command("health")(health)


@app.command("version")
def version() -> None:
    """Print the version."""
    print(f"vicinal {release()}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; an error of the engine becomes one line and an exit code, never a traceback.

    Exits with 0 when all went well, 1 when the work failed or `check` found damage, 2 when what was asked
    for makes no sense.
    """
    try:
        app(args=None if arguments is None else list(arguments), prog_name="vicinal")
    except InvalidArgument as error:
        sys.exit(_complain(error, EXIT_USAGE))
    except (VicinalError, OSError) as error:
        sys.exit(_complain(error, EXIT_FAILED))


def _complain(error: Exception, exit_code: int) -> int:
    console = Console(stderr=True, highlight=False)
    console.print("error:", style="bold red", end=" ")
    console.print(str(error), markup=False, soft_wrap=True)
    return exit_code
