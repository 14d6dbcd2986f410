"""What the command line prints is read whole: in a terminal of 80 columns, and in a pipe."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import numpy as np
import pytest

import vicinal
from vicinal.server.service.access.key_store import KeyStore

COLUMNS = 80
ROWS = 600
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07")
LONG = "films-with-a-rather-long-name-for-a-collection"
TENANT = "a-tenant-whose-name-is-an-address-of-some-sixty-characters-or-so"
NAMES = ("a-key-for-the-nightly-import-of-films-and-series", "web")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database with everything that a table may show."""
    folder = tmp_path_factory.mktemp("width")
    path = folder / "films.vicinal"
    rng = np.random.default_rng(2)
    matrix = rng.standard_normal((ROWS, 8)).astype(np.float32)
    with vicinal.open(path) as db:
        films = db.create_collection(
            LONG,
            {"plot": vicinal.Dense(8), "poster": vicinal.Dense(8, metric="l2", element="float16")},
            fields={f"field_number_{i}": "integer" for i in range(8)},
        )
        films.upsert(range(ROWS), {"plot": matrix, "poster": matrix})
        films.flush()
        films.upsert([1], {"plot": matrix[:1], "poster": matrix[:1]})
        rooms = db.create_collection("rooms", vicinal.Dense(8), partitioned=True)
        rooms.upsert(range(ROWS), matrix, tenant=TENANT)
        rooms.tenants.set_quota(TENANT, points=10**9, bytes=10**15, requests_per_second=12_345.5)
    with KeyStore(path) as keys:
        for name in NAMES:
            keys.create(
                name, "read", tenants=("anna", "boris"), collections=("films", "series"), expires=None
            )
    np.save(folder / "v.npy", matrix)
    return folder


def commands(folder: Path) -> dict[str, list[str]]:
    """Return one call of each command that prints something."""
    path, out = str(folder / "films.vicinal"), str(folder / f"{os.urandom(4).hex()}.jsonl")
    bench = (
        "bench",
        "run",
        "--dataset",
        "random-600x8",
        "--peers",
        "",
        "--queries",
        "5",
        "--repetitions",
        "1",
    )
    rooms = [path, "rooms", TENANT]
    helped = ("", "import", "export", "serve", "key create", "bench run", "tenant", "tenant quota", "advise")
    return {
        "info": ["info", path, "--segments"],
        "check": ["check", path],
        "key list": ["key", "list", path],
        "key create": ["key", "create", path, "--name", NAMES[0], "--rights", "read", "--tenant", "anna"],
        "key revoke": ["key", "revoke", path, "no such key"],
        "tenant list": ["tenant", "list", path, "rooms"],
        "tenant stats": ["tenant", "stats", *rooms, "nobody"],
        "tenant create": ["tenant", "create", *rooms],
        "tenant quota": ["tenant", "quota", *rooms, "--points", "1000000000", "--bytes", "1000000000000000"],
        "import": ["import", str(folder / "v.npy"), str(folder / "in"), "--collection", "c"],
        "import refused": ["import", str(folder / "v.npy"), path, "--collection", LONG, "--metric", "l2"],
        "export": ["export", path, "--collection", LONG, "--out", out],
        "warmup": ["warmup"],
        "version": ["--version"],
        "bench": [*bench, "--singles", "5", "--out", str(folder / "bench")],
        **{f"help {command}": [*command.split(), "--help"] for command in helped},
    }


COMMANDS = list(commands(Path("/")))
# All in one process, as they are called otherwise; a line says which one is next.
PROGRAM = """
import json, sys
from vicinal.server.cli import main
for name, arguments in json.loads(sys.argv[1]).items():
    print(f"\x1e{name}\x1f", end="", flush=True)
    sys.argv = ["vicinal", *arguments]
    try:
        main()
    except SystemExit:
        sys.stdout.flush()
"""
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR", "CI")}


def started(folder: Path, output: int, **environment: str) -> subprocess.Popen[bytes]:
    """Start all commands; what they print goes to one place."""
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, json.dumps(commands(folder))],
        stdin=output,
        stdout=output,
        stderr=output,
        env={**ENVIRONMENT, **environment},
    )


def said_by_each(shown: str) -> dict[str, str]:
    """Return what each command printed, by its name."""
    each = dict(part.split("\x1f", 1) for part in shown.split("\x1e")[1:])
    assert list(each) == COMMANDS
    return each


@pytest.fixture(scope="module")
def in_a_terminal(folder: Path) -> dict[str, str]:
    """Return what a terminal of 80 columns shows of each command, without colours."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
    process = started(folder, theirs, TERM="xterm-256color")
    os.close(theirs)
    shown = b""
    # Linux ends a terminal that nobody holds with an error.
    try:
        while part := os.read(ours, 65_536):
            shown += part
    except OSError:
        pass
    os.close(ours)
    process.wait()
    return said_by_each(ESCAPES.sub("", shown.decode()))


@pytest.fixture(scope="module")
def in_a_pipe(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return what each command prints where there is no terminal."""
    path = tmp_path_factory.mktemp("pipe") / "said"
    with path.open("wb") as file:
        started(folder, file.fileno()).wait()
    return said_by_each(path.read_text())


def may_be_wide(line: str) -> bool:
    """Return whether a line holds what must not be cut: a path, or a sentence that the terminal wraps."""
    return "/" in line or line.startswith(("error: ", "Key ", TENANT))


@pytest.mark.parametrize("name", COMMANDS)
def test_nothing_is_cut_in_a_terminal(in_a_terminal: dict[str, str], name: str) -> None:
    shown = in_a_terminal[name]
    assert shown
    assert "Traceback" not in shown
    assert "\N{HORIZONTAL ELLIPSIS}" not in shown
    for line in re.split(r"[\r\n]+", shown):
        assert len(line) <= COLUMNS or may_be_wide(line), line


@pytest.mark.parametrize("name", [name for name in COMMANDS if not name.startswith("help")])
def test_a_pipe_gets_plain_text(in_a_pipe: dict[str, str], name: str) -> None:
    said = in_a_pipe[name]
    assert said
    assert "Traceback" not in said
    assert "\x1b" not in said
    assert "\N{HORIZONTAL ELLIPSIS}" not in said
    if name == "key list":
        header, *keys = said.splitlines()
        assert re.split(r"  +", header.strip())[:3] == ["id", "name", "rights"]
        for line, key in zip(keys, NAMES, strict=False):
            assert re.fullmatch(r"[0-9a-f]{12}", re.split(r"  +", line.strip())[0])
            assert re.split(r"  +", line.strip())[1] == key
