"""The documents run: each one's blocks of Python and of ``sh`` as one session in an empty folder.

What `vicinal serve` starts in a block of ``sh`` runs beside the rest of the session, as in another terminal,
on a free port that stands for the one in the text. Blocks of ``console`` show what not every machine has.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from serving.running_server import free_port
from serving.served_process import served_process

ROOT = Path(__file__).resolve().parent.parent
# The blocks of this page are files of a package: tests/test_add_an_index.py runs them as one.
PACKAGE = ROOT / "docs" / "add-an-index.md"
DOCUMENTS = [ROOT / "README.md", *sorted(set((ROOT / "docs").glob("*.md")) - {PACKAGE})]
BLOCK = re.compile(r"^```(python|sh)\n(.*?)^```", flags=re.MULTILINE | re.DOTALL)
PORTS = ("7700", "7701")


def blocks(document: Path) -> list[tuple[int, str, str]]:
    """Return the line, the language and the text of every block that runs."""
    text = document.read_text()
    return [(text.count("\n", 0, match.start(2)), match[1], match[2]) for match in BLOCK.finditer(text)]


class Session:
    """A reader who types in one document, in a folder of their own."""

    def __init__(self, folder: Path, servers: ExitStack) -> None:
        self.values: dict[str, object] = {"__name__": "__main__"}
        self._folder = folder
        self._servers = servers
        self._ports = {port: str(free_port()) for port in PORTS}

    def run(self, document: Path, line: int, language: str, text: str) -> None:
        """Run one block."""
        text = re.sub(r"\b(?:" + "|".join(PORTS) + r")\b", lambda port: self._ports[port[0]], text)
        if language == "python":
            # Empty lines in front make tracebacks name the line of the document.
            exec(compile("\n" * line + text, str(document), "exec"), self.values)
            return
        for command in text.splitlines():
            words = shlex.split(command)
            if words[:2] == ["vicinal", "serve"]:
                self._serve(words[2], words[3:])
            else:
                # The installed command, whatever else of that name there is.
                path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
                environment = os.environ | {"PATH": path}
                done = subprocess.run(
                    command, shell=True, capture_output=True, text=True, check=False, env=environment
                )
                assert done.returncode == 0, f"{document}: {command}\n{done.stdout}{done.stderr}"

    def _serve(self, database: str, options: list[str]) -> None:
        log = self._folder.parent / "serve.log"
        default = [] if "--port" in options else ["--port", self._ports["7700"]]
        self._servers.enter_context(served_process(Path(database), log, (*options, *default)))


@pytest.mark.parametrize(
    "document",
    [path for path in DOCUMENTS if blocks(path)],
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_code_runs(document: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "session"
    folder.mkdir()
    monkeypatch.chdir(folder)
    with ExitStack() as servers:
        session = Session(folder, servers)
        for block in blocks(document):
            session.run(document, *block)
        for value in session.values.values():
            if hasattr(value, "close"):
                value.close()


def test_first_query_fits_in_ten_lines() -> None:
    _, language, code = blocks(ROOT / "README.md")[0]
    assert language == "python"
    assert len([line for line in code.splitlines() if line.strip()]) <= 10
    assert ".search(" in code


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text()):
        if "://" not in target:
            assert (document.parent / target).exists(), target


def test_decisions_are_numbered_in_order() -> None:
    decisions = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [path.name[:4] for path in decisions] == [f"{number:04}" for number in range(len(decisions))]
    for path in decisions[1:]:
        assert path.read_text().startswith(f"# {path.name[:4]}: "), path
