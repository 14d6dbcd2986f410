"""Every `vicinal ...` in the documents is a command line that exists."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from serving.command_table import check_mentioned, parameters

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]

FENCED = re.compile(r"^```(\w*)\n(.*?)^```", flags=re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"^ {4}(vicinal .*)$", flags=re.MULTILINE)
INLINE = re.compile(r"`(vicinal [^`]+)`")
# The command, wherever it is installed, or the image of that name.
COMMAND = re.compile(r"(?:^|.*[\s/])vicinal ([a-z].*)")
# What follows is another command, the output, or a remark.
END = re.compile(r" [>|&#] | {2,}|, (?=vicinal )")


def shell_lines(document: Path) -> Iterator[str]:
    """Yield the lines of the blocks of shell."""
    for language, block in FENCED.findall(document.read_text()):
        if language in {"sh", "console"}:
            yield from (" ".join(line.split()) for line in block.replace("\\\n", " ").splitlines())


def mentions(document: Path) -> Iterator[str]:
    """Yield what stands after `vicinal` everywhere else in code."""
    text = document.read_text()
    for language, block in FENCED.findall(text):
        if language not in {"sh", "console", "python", "text"}:
            yield from (found[1] for line in block.splitlines() if (found := COMMAND.fullmatch(line)))
    text = FENCED.sub("", text)
    for found in [*INDENTED.findall(text), *INLINE.findall(text)]:
        for part in re.split(r", (?=vicinal )", found):
            yield " ".join(END.split(part.replace("\n", " "))[0].split()[1:])


def words(line: str) -> list[str]:
    """Return the words of a command line without the marks of what may be left out."""
    return [word for word in shlex.split(line.replace("[", " ").replace("]", " ")) if word != "..."]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_what_is_mentioned_exists(document: Path) -> None:
    for line in mentions(document):
        check_mentioned(words(line))


def test_command_lines_in_blocks_of_shell_are_complete() -> None:
    lines = [line for document in DOCUMENTS for line in shell_lines(document)]
    commands = [END.split(found[1])[0] for line in lines if (found := COMMAND.fullmatch(line))]
    assert len(commands) > 10
    for command in commands:
        parameters(shlex.split(command))


def test_targets_of_make_exist() -> None:
    rules = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    code = re.compile(r"(?:^ {4}|`)make ([\w-]+)", flags=re.MULTILINE)
    named = {name for document in DOCUMENTS for name in code.findall(document.read_text())}
    assert len(named) > 5
    assert named <= rules


@pytest.mark.parametrize(
    "line", ["searve films", "serve films --prot 1", "info films more", "key make films", "health a b"]
)
def test_a_wrong_one_would_be_found(line: str) -> None:
    with pytest.raises(AssertionError):
        check_mentioned(line.split())


def test_an_incomplete_one_would_be_found() -> None:
    with pytest.raises(Exception, match="rights"):
        parameters(["key", "create", "films", "--name", "app"])
