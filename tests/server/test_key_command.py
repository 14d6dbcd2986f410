"""`vicinal key` as a user types it."""

from __future__ import annotations

import datetime
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import vicinal
from vicinal.server.cli import main
from vicinal.server.cli.key import parse_expiry
from vicinal.server.service.access.key_store import KeyStore
from vicinal.server.service.access.principal import Right

KEY = re.compile(r"vicinal_([0-9a-f]{12})_[A-Za-z0-9_-]{43}")
START = datetime.datetime(2030, 1, 31, 12, tzinfo=datetime.UTC)

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `vicinal key ...`; return its exit code, what it printed, and what it complained."""
    monkeypatch.setenv("COLUMNS", "250")

    def run_command(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as done:
            main(["key", *map(str, arguments)])
        printed = capsys.readouterr()
        code = done.value.code
        return (code if isinstance(code, int) else 0), printed.out, printed.err

    return run_command


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "films.vicinal"
    vicinal.open(path).close()
    return path


def create(run: Run, folder: Path, *options: object) -> tuple[str, str]:
    """Create a key; return its id and its text."""
    code, out, err = run("create", folder, *options)
    assert code == 0, err
    found = KEY.fullmatch(out.strip())
    assert found is not None
    return found[1], found[0]


def test_a_key_is_printed_alone_and_works(run: Run, folder: Path) -> None:
    identifier, text = create(
        run,
        folder,
        *("--name", "search", "--rights", "write", "--tenant", "anna", "--tenant", "boris"),
        *("--collection", "films", "--expires", "30d"),
    )
    with KeyStore(folder, read_only=True) as keys:
        principal = keys.lookup(text)
        record = keys.list()[identifier]
    assert principal is not None
    assert principal.key_id == identifier
    assert principal.right is Right.WRITE
    assert principal.tenants == {"anna", "boris"}
    assert principal.collections == {"films"}
    assert record.expires is not None
    assert record.expires - record.created < datetime.timedelta(days=30, seconds=1)


def test_what_is_said_about_a_key_goes_beside_it(run: Run, folder: Path) -> None:
    _, out, err = run("create", folder, "--name", "a", "--rights", "read", "--tenant", "anna")
    assert "read access to tenants anna" in err
    assert "this once" in err
    assert "first key" in err
    assert out.strip() not in err
    _, _, err = run("create", folder, "--name", "b", "--rights", "admin")
    assert "admin access to everything" in err
    assert "first key" not in err


def test_keys_are_listed_without_their_secrets(run: Run, folder: Path) -> None:
    assert "no keys" in run("list", folder)[1]
    identifier, text = create(run, folder, "--name", "a", "--rights", "read", "--tenant", "[red]")
    other, _ = create(run, folder, "--name", "b", "--rights", "admin", "--expires", "2999-12-31")
    assert run("revoke", folder, identifier)[:2] == (0, f"Key {identifier} (a) is revoked.\n")
    code, out, _ = run("list", folder)
    assert code == 0
    first, second = (next(line for line in out.splitlines() if one in line) for one in (identifier, other))
    assert re.search(r"a +read +\[red\] +all .* never +revoked", first)
    assert re.search(r"b +admin +all +all .* 2999-12-31 00:00 UTC +valid", second)
    assert text[-43:] not in out
    with KeyStore(folder, read_only=True) as keys:
        assert keys.lookup(text) is None


def test_unknown_keys_cannot_be_revoked(run: Run, folder: Path) -> None:
    code, _, err = run("revoke", folder, "0123456789ab")
    assert code == 1
    assert err.startswith("error: no key has the id '0123456789ab'")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    "command", [("create", "--name", "a", "--rights", "read"), ("list",), ("revoke", "x")]
)
def test_a_folder_without_a_database(run: Run, tmp_path: Path, command: tuple[str, ...]) -> None:
    missing = tmp_path / "missing"
    code, out, err = run(command[0], missing, *command[1:])
    assert (code, out) == (1, "")
    assert "vicinal serve" in err
    assert "--new" in err
    assert not missing.exists()


def test_a_database_is_created_when_that_is_said(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "new"
    _, text = create(run, path, "--name", "a", "--rights", "admin", "--new")
    # Saying it again is no harm.
    _, second = create(run, path, "--name", "b", "--rights", "read", "--new")
    with vicinal.open(path) as db, KeyStore(path, read_only=True) as keys:
        assert db.collections() == []
        assert keys.lookup(text) is not None
        assert keys.lookup(second) is not None
    (tmp_path / "notes.txt").write_text("mine")
    code, _, err = run("create", tmp_path, "--name", "a", "--rights", "read", "--new")
    assert code == 1
    assert "not a vicinal database" in err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--name", "a"), "--rights"),
        (("--rights", "read"), "--name"),
        (("--name", "a", "--rights", "root"), "root"),
        (("--name", "a b", "--rights", "read"), "'a b'"),
        (("--name", "a", "--rights", "read", "--tenant", ""), "1 to 255"),
        (("--name", "a", "--rights", "read", "--collection", "x/y"), "x/y"),
        (("--name", "a", "--rights", "read", "--expires", "soon"), "30d"),
        (("--name", "a", "--rights", "read", "--expires", "2001-01-01"), "has passed"),
    ],
)
def test_mistakes_make_no_key(run: Run, folder: Path, options: tuple[str, ...], said: str) -> None:
    code, out, err = run("create", folder, *options)
    assert (code, out) == (2, "")
    assert said in err
    with KeyStore(folder, read_only=True) as keys:
        assert not keys.any_exist()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90m", START + datetime.timedelta(minutes=90)),
        ("12h", START + datetime.timedelta(hours=12)),
        ("30d", START + datetime.timedelta(days=30)),
        ("4w", START + datetime.timedelta(weeks=4)),
        ("2031-02-03", datetime.datetime(2031, 2, 3, tzinfo=datetime.UTC)),
        ("2031-02-03T10:00+02:00", datetime.datetime(2031, 2, 3, 8, tzinfo=datetime.UTC)),
    ],
)
def test_times_of_expiry(text: str, expected: datetime.datetime) -> None:
    assert parse_expiry(text, START) == expected


@pytest.mark.parametrize(
    "text", ["", "0d", "-1d", "1y", "d", "30 d", "999999w", "2031-02-30", "tomorrow", "٣d"]
)
def test_times_of_expiry_that_are_none(text: str) -> None:
    with pytest.raises(vicinal.InvalidArgument, match="--expires"):
        parse_expiry(text, START)


def in_another_process(*arguments: object) -> str:
    command = [sys.executable, "-m", "vicinal", "key", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def test_another_process_makes_keys_while_the_database_is_open_here(folder: Path) -> None:
    with vicinal.open(folder) as db, KeyStore(folder, read_only=True) as keys:
        films = db.create_collection("films", vicinal.Dense(4))
        made = in_another_process("create", folder, "--name", "a", "--rights", "read").strip()
        principal = keys.lookup(made)
        assert principal is not None
        films.upsert([1], np.ones((1, 4)))
        in_another_process("revoke", folder, principal.key_id)
        assert keys.lookup(made) is None
        assert films.count() == 1


def test_keys_are_handled_without_loading_the_compiler() -> None:
    script = (
        "import sys; from vicinal.server.cli import key; print('numba' in sys.modules, 'grpc' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"


def test_a_key_is_revoked_by_a_beginning_or_its_name(run: Run, folder: Path) -> None:
    first, _ = create(run, folder, "--name", "app", "--rights", "read")
    second, _ = create(run, folder, "--name", "app", "--rights", "read")
    third, _ = create(run, folder, "--name", "web", "--rights", "read")
    code, _, err = run("revoke", folder, "app")
    assert code == 2
    assert err == f"error: 'app' means 2 keys; say the id of one: {first} (app); {second} (app)\n"
    assert run("revoke", folder, first[:11])[:2] == (0, f"Key {first} (app) is revoked.\n")
    assert run("revoke", folder, "app")[:2] == (0, f"Key {second} (app) is revoked.\n")
    assert run("revoke", folder, "web")[:2] == (0, f"Key {third} (web) is revoked.\n")
    assert run("revoke", folder, "web")[0] == 1
    assert run("revoke", folder, "")[0] == 1
