"""What a caller is told when the server cannot be asked at all."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from serving.certificates import Authority
from serving.running_server import free_port
from serving.toy_server import toy_server

import vicinal
from vicinal.server.service.server import Server
from vicinal.server.service.settings.settings import ServerSettings


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"), "authority")


@pytest.fixture(scope="module")
def other_authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("others"), "other")


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[str]:
    issued = authority.issue()
    folder = tmp_path_factory.mktemp("encrypted") / "db"
    with Server(ServerSettings(folder, port=0, tls_cert=issued.certificate, tls_key=issued.key)) as server:
        yield server.address


@pytest.fixture(scope="module")
def mutual(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[str]:
    """A server that asks for certificates of its clients."""
    issued = authority.issue()
    settings = ServerSettings(
        tmp_path_factory.mktemp("mutual") / "db",
        port=0,
        tls_cert=issued.certificate,
        tls_key=issued.key,
        client_ca=authority.certificate,
    )
    with Server(settings) as server:
        yield server.address


def complaint(address: str, tls: vicinal.Tls | bool | None = None) -> str:
    """Return what both clients say of a server that they cannot ask."""
    with (
        vicinal.connect(address, tls=tls, retries=1) as db,
        pytest.raises(vicinal.Unavailable) as blocking,
    ):
        db.collections()

    async def ask() -> None:
        async with vicinal.aconnect(address, tls=tls, retries=1) as db:
            await db.collections()

    with pytest.raises(vicinal.Unavailable) as awaited:
        asyncio.run(ask())
    assert str(blocking.value) == str(awaited.value)
    assert blocking.value.__cause__ is None
    assert blocking.value.__suppress_context__
    return str(blocking.value)


def test_nobody_listens() -> None:
    address = f"127.0.0.1:{free_port()}"
    said = complaint(address)
    assert f"cannot reach {address}" in said
    assert "refused" in said
    assert "is `vicinal serve` running there?" in said


def test_a_name_that_no_machine_has() -> None:
    said = complaint("nobody.invalid:7700")
    assert "cannot reach nobody.invalid:7700" in said


def test_a_server_of_another_authority(encrypted: str, other_authority: Authority) -> None:
    said = complaint(encrypted, vicinal.Tls(ca=other_authority.certificate))
    assert f"TLS handshake with {encrypted} failed" in said
    assert "CERTIFICATE_VERIFY_FAILED" in said
    assert "Tls(ca=...)" in said
    assert "CERTIFICATE_VERIFY_FAILED" in complaint(encrypted, True)


def test_plaintext_to_a_server_of_tls(encrypted: str) -> None:
    said = complaint(encrypted)
    assert encrypted in said
    assert "TLS handshake" in said
    assert "pass tls=" in said


def test_tls_to_a_server_of_plaintext(tmp_path: Path, authority: Authority) -> None:
    with Server(ServerSettings(tmp_path / "db", port=0)) as server:
        said = complaint(server.address, vicinal.Tls(ca=authority.certificate))
    assert f"TLS handshake with {server.address} failed" in said
    assert "leave tls out" in said


def test_a_client_without_a_certificate(mutual: str, authority: Authority) -> None:
    said = complaint(mutual, vicinal.Tls(ca=authority.certificate))
    assert "Tls(cert=..., key=...)" in said


def test_a_client_with_a_certificate(mutual: str, authority: Authority, other_authority: Authority) -> None:
    issued, foreign = authority.issue(), other_authority.issue()
    tls = vicinal.Tls(ca=authority.certificate, cert=issued.certificate, key=str(issued.key))
    with vicinal.connect(mutual, tls=tls) as db:
        assert db.collections() == []
    wrong = vicinal.Tls(ca=authority.certificate, cert=foreign.certificate, key=foreign.key)
    assert mutual in complaint(mutual, wrong)


def test_a_server_that_is_no_vicinal_server() -> None:
    with toy_server() as toy, vicinal.connect(toy.address) as db:
        with pytest.raises(vicinal.FailedPrecondition, match="another release") as raised:
            db.collections()
        assert toy.address in str(raised.value)


def test_a_server_that_does_not_answer() -> None:
    release = threading.Event()

    def hold(request: bytes, context: grpc.ServicerContext) -> bytes:
        release.wait(60)
        return b""

    with toy_server(ListCollections=hold) as toy:
        try:
            with vicinal.connect(toy.address, timeout=0.2) as db:
                with pytest.raises(vicinal.DeadlineExceeded, match="did not answer within") as raised:
                    db.collections()
                assert toy.address in str(raised.value)
            with vicinal.connect(toy.address) as db:
                with (
                    pytest.raises(vicinal.DeadlineExceeded, match="is not done"),
                    vicinal.deadline(0.2),
                ):
                    db.collections()
                assert toy.calls == ["ListCollections"] * 2
        finally:
            release.set()
