"""Command lines of `vicinal`, checked against the command table without running them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from typer.main import get_command

from vicinal.server.cli.app import app


def resolve(words: Sequence[str]) -> tuple[Any, list[str]]:
    """Return the command that the first words name and the words that are left; fails when there is none."""
    command: Any = get_command(app)
    rest = list(words)
    while hasattr(command, "commands"):
        if not rest or rest[0].startswith("-"):
            return command, rest
        name = rest.pop(0)
        found = command.get_command(None, name)
        assert found is not None, f"{name!r} of {' '.join(words)!r} is no command"
        command = found
    return command, rest


def parameters(words: Sequence[str]) -> dict[str, Any]:
    """Return what a command would be called with, everything checked that is checked before it runs."""
    command, rest = resolve(words)
    # What it raises for a wrong command line names the option or the argument.
    context = command.make_context(command.name, rest)
    return dict(context.params)


def check_mentioned(words: Sequence[str]) -> None:
    """Fail for a command, an option or a number of arguments that does not exist; placeholders may stand for
    values, and what is required may be left out.
    """
    command, rest = resolve(words)
    options = {name: param for param in command.params for name in [*param.opts, *param.secondary_opts]}
    places = sum(param.nargs for param in command.params if param.param_type_name == "argument")
    arguments = []
    while rest:
        word = rest.pop(0)
        if not word.startswith("-"):
            arguments.append(word)
            continue
        name, has_value, _ = word.partition("=")
        assert name in options or name == "--help", f"{' '.join(words)}: there is no {name}"
        if name in options and not options[name].is_flag and not has_value and rest:
            rest.pop(0)
    assert len(arguments) <= places, f"{' '.join(words)}: {arguments} are more than {places} arguments"
