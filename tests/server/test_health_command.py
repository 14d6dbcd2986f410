"""`vicinal health` against servers that serve, that do not serve yet, and that are not there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from serving.certificates import Authority
from serving.running_server import free_port, running_server

from vicinal.server.cli import main
from vicinal.server.service.server import Server
from vicinal.server.service.settings.settings import ServerSettings

Ask = Callable[..., tuple[int, str, str]]


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str]) -> Ask:
    """Run `vicinal health`; return its exit code, what it printed, and what it complained."""

    def run(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as done:
            main(["health", *map(str, arguments)])
        printed = capsys.readouterr()
        code = done.value.code
        return (code if isinstance(code, int) else 0), printed.out, printed.err

    return run


def test_a_server_that_serves(ask: Ask, tmp_path: Path) -> None:
    with running_server(tmp_path / "db") as running:
        address = f"127.0.0.1:{running.port}"
        assert ask(address) == (0, f"{address}: SERVING\n", "")


def test_no_key_is_needed(ask: Ask, tmp_path: Path) -> None:
    with running_server(tmp_path / "db") as running:
        running.key("read")
        assert ask(f"127.0.0.1:{running.port}")[0] == 0


def test_a_server_that_opens_its_database(ask: Ask, tmp_path: Path) -> None:
    server = Server(ServerSettings(tmp_path / "db", port=0))
    server.bind()
    try:
        code, out, err = ask(server.address)
        assert (code, out, err) == (1, f"{server.address}: NOT_SERVING\n", "")
        server.load()
        assert ask(server.address)[0] == 0
    finally:
        server.stop()


def test_no_server(ask: Ask) -> None:
    address = f"127.0.0.1:{free_port()}"
    code, out, err = ask(address, "--timeout", 10)
    assert (code, out) == (1, "")
    assert f"cannot reach {address}" in err
    assert len(err.splitlines()) == 1


def test_tls(ask: Ask, tmp_path: Path) -> None:
    authority = Authority(tmp_path, "authority")
    other = Authority(tmp_path, "other")
    issued = authority.issue()
    settings = ServerSettings(tmp_path / "db", port=0, tls_cert=issued.certificate, tls_key=issued.key)
    with Server(settings) as server:
        assert ask(server.address, "--ca", authority.certificate)[:2] == (0, f"{server.address}: SERVING\n")
        for arguments in [["--ca", other.certificate], ["--tls"], []]:
            code, out, err = ask(server.address, "--timeout", 10, *arguments)
            assert (code, out) == (1, "")
            assert "tls=" in err


def test_tls_of_both_sides(ask: Ask, tmp_path: Path) -> None:
    authority = Authority(tmp_path, "authority")
    issued, client = authority.issue(), authority.issue("client")
    settings = ServerSettings(
        tmp_path / "db",
        port=0,
        tls_cert=issued.certificate,
        tls_key=issued.key,
        client_ca=authority.certificate,
    )
    trust = ["--ca", authority.certificate, "--timeout", 10]
    with Server(settings) as server:
        shown = ["--cert", client.certificate, "--key", client.key]
        assert ask(server.address, *trust, *shown)[0] == 0
        assert ask(server.address, *trust)[0] == 1


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["nowhere:port"], "host:port"),
        (["--ca", "missing.pem"], "missing.pem"),
        (["--cert", "missing.pem"], "both or neither"),
    ],
)
def test_what_makes_no_sense(ask: Ask, arguments: list[str], complaint: str) -> None:
    code, out, err = ask(*arguments)
    assert (code, out) == (2, "")
    assert complaint in err
