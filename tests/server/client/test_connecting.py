"""The arguments of ``connect``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from serving.certificates import Authority

import vicinal
from vicinal.server.client.endpoint.address import Address


@pytest.mark.parametrize(
    ("text", "host", "port", "shown"),
    [
        ("localhost:7701", "localhost", 7701, "localhost:7701"),
        ("localhost", "localhost", 7700, "localhost:7700"),
        ("10.0.0.1:1", "10.0.0.1", 1, "10.0.0.1:1"),
        ("[::1]:65535", "::1", 65535, "[::1]:65535"),
        ("[fe80::1]", "fe80::1", 7700, "[fe80::1]:7700"),
        ("db-1.example.org:7700", "db-1.example.org", 7700, "db-1.example.org:7700"),
    ],
)
def test_addresses(text: str, host: str, port: int, shown: str) -> None:
    address = Address.parse(text)
    assert (address.host, address.port, str(address)) == (host, port, shown)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":7700",
        "a b:1",
        "host:0",
        "host:65536",
        "host:x",
        "::1:7700",
        "http://host:1",
        "host:1/x",
        "ü:1",
        None,
        7,
    ],
)
def test_what_is_no_address(text: Any) -> None:
    for make in (vicinal.connect, vicinal.aconnect):
        with pytest.raises(vicinal.InvalidArgument, match="host:port") as raised:
            make(text)
        assert raised.value.field == "address"


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("[::1]", True),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        ("localhost.example.org", False),
        ("127.0.0.1.example.org", False),
    ],
)
def test_a_key_stays_on_this_machine_unless_it_is_encrypted(host: str, loopback: bool) -> None:
    assert Address.parse(host).is_loopback == loopback
    key = "vicinal_abc_secret"
    if loopback:
        vicinal.connect(host, key=key).close()
    else:
        with pytest.raises(vicinal.InvalidArgument, match="plaintext") as raised:
            vicinal.connect(host, key=key)
        assert raised.value.field == "tls"
        assert "secret" not in str(raised.value)
    vicinal.connect(host, key=key, insecure=True).close()
    vicinal.connect(host, key=key, tls=True).close()
    vicinal.connect(host).close()


@pytest.mark.parametrize("key", ["", " ", "a\n", "naïve", " a", b"bytes", 5])
def test_what_is_no_key(key: Any) -> None:
    with pytest.raises(vicinal.InvalidArgument, match="vicinal key create") as raised:
        vicinal.connect("localhost", key=key)
    assert raised.value.field == "key"


@pytest.mark.parametrize(
    ("field", "options"),
    [
        ("timeout", {"timeout": -1}),
        ("timeout", {"timeout": "soon"}),
        ("timeout", {"timeout": float("nan")}),
        ("retries", {"retries": -1}),
        ("retries", {"retries": 1.5}),
        ("retries", {"retries": 101}),
        ("retries", {"retries": True}),
        ("timeout", {"timeout": 10**400}),
        ("retry_seconds", {"retry_seconds": 10**400, "timeout": None}),
        ("retry_seconds", {"retry_seconds": -1}),
        ("retry_seconds", {"retry_seconds": "long"}),
        ("retry_seconds", {"retry_seconds": float("nan")}),
        ("retry_seconds", {"retry_seconds": 61}),
        ("retry_seconds", {"retry_seconds": 6, "timeout": 5}),
        ("tls", {"tls": "yes"}),
        ("tls", {"tls": vicinal.Tls(ca=5)}),  # type: ignore[arg-type]
        ("tls", {"tls": vicinal.Tls(ca="a\0b")}),
        ("tls", {"tls": vicinal.Tls(cert=[], key=[])}),  # type: ignore[arg-type]
    ],
)
def test_other_arguments(field: str, options: dict[str, Any]) -> None:
    with pytest.raises(vicinal.InvalidArgument, match=field) as raised:
        vicinal.connect("localhost", **options)
    assert raised.value.field == field
    vicinal.connect("localhost", timeout=float("inf"), retries=0, tls=False).close()
    vicinal.connect("localhost", timeout=None, retry_seconds=3600.0).close()


def test_files_of_tls_are_read_when_the_client_is_made(tmp_path: Path) -> None:
    authority, other = Authority(tmp_path, "authority"), Authority(tmp_path, "other")
    issued, foreign = authority.issue(), other.issue()
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    sound = vicinal.Tls(ca=authority.certificate, cert=issued.certificate, key=issued.key)
    vicinal.connect("localhost", tls=sound).close()
    wrong = {
        "both or neither": vicinal.Tls(cert=issued.certificate),
        "cannot be read": vicinal.Tls(ca=tmp_path / "missing.pem"),
        "Is a directory": vicinal.Tls(ca=tmp_path),
        "no certificate": vicinal.Tls(ca=empty),
        "no certificate and its": vicinal.Tls(cert=issued.certificate, key=foreign.key),
        "unencrypted key": vicinal.Tls(cert=empty, key=issued.key),
    }
    for message, tls in wrong.items():
        with pytest.raises(vicinal.InvalidArgument, match=message) as raised:
            vicinal.connect("localhost", tls=tls)
        assert raised.value.field == "tls"
