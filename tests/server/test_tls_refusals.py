"""TLS: who is not who it should be is refused, on both sides, and who is not encrypted too."""

from __future__ import annotations

import socket
import ssl
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from serving.calls import call
from serving.certificates import Authority, Issued
from serving.rpcs import BY_NAME
from serving.running_server import health

import vicinal
from vicinal.proto.v1 import database_pb2
from vicinal.server.service.server import Server
from vicinal.server.service.settings.settings import ServerSettings

LIMITS = database_pb2.GetLimitsRequest()
PATIENCE = 30


class World:
    """A server with a certificate, an authority that vouches for it, and one that does not."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ours = Authority(folder, "ours")
        self.theirs = Authority(folder, "theirs")
        self.shown = self.ours.issue()

    @contextmanager
    def server(self, *, asks: bool = False) -> Iterator[int]:
        """Serve, asking for the certificates of clients or not; give the port."""
        settings = ServerSettings(
            folder=self.folder / "db",
            port=0,
            tls_cert=self.shown.certificate,
            tls_key=self.shown.key,
            client_ca=self.ours.certificate if asks else None,
        )
        with Server(settings) as server:
            yield server.port


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def credentials(trusts: Authority, shows: Issued | None = None) -> grpc.ChannelCredentials:
    if shows is None:
        return grpc.ssl_channel_credentials(trusts.certificate.read_bytes())
    return grpc.ssl_channel_credentials(
        trusts.certificate.read_bytes(), shows.key.read_bytes(), shows.certificate.read_bytes()
    )


def reaches(
    port: int, identity: grpc.ChannelCredentials | None, options: Sequence[tuple[str, Any]] = ()
) -> bool:
    """Whether a call gets an answer; if not, it must have been the connection that failed."""
    address, local = f"127.0.0.1:{port}", [("grpc.use_local_subchannel_pool", 1), *options]
    channel = (
        grpc.insecure_channel(address, options=local)
        if identity is None
        else grpc.secure_channel(address, identity, options=local)
    )
    with channel:
        outcome = call(channel, BY_NAME["GetLimits"], LIMITS, timeout=PATIENCE)
        if outcome.ok:
            assert health(channel) == 1
            return True
        assert outcome.code is grpc.StatusCode.UNAVAILABLE, outcome
        return False


def test_the_client_trusts_nobody_else(world: World) -> None:
    with world.server() as port:
        assert reaches(port, credentials(world.ours))
        assert not reaches(port, credentials(world.theirs))
        # The roots of gRPC vouch for nobody here.
        assert not reaches(port, grpc.ssl_channel_credentials())
        other_name = [("grpc.ssl_target_name_override", "elsewhere.example")]
        assert not reaches(port, credentials(world.ours), other_name)
        assert reaches(port, credentials(world.ours))


def test_the_server_asks_who_comes(world: World) -> None:
    with world.server(asks=True) as port:
        assert reaches(port, credentials(world.ours, world.ours.issue("client")))
        assert not reaches(port, credentials(world.ours))
        assert not reaches(port, credentials(world.ours, world.theirs.issue("client")))
        assert not reaches(port, credentials(world.theirs, world.ours.issue("client")))
        assert not reaches(port, None)
        assert reaches(port, credentials(world.ours, world.ours.issue("client")))


def test_plaintext_and_tls_do_not_meet(world: World, tmp_path: Path) -> None:
    with world.server() as port:
        assert not reaches(port, None)
        assert reaches(port, credentials(world.ours))
    with Server(ServerSettings(folder=tmp_path / "plain", port=0)) as server:
        assert not reaches(server.port, credentials(world.ours))
        assert reaches(server.port, None)


def test_old_protocols_are_refused(world: World) -> None:
    with world.server() as port:
        for version, accepted in [(ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True)]:
            assert shakes_hands(port, world, version) is accepted
        assert reaches(port, credentials(world.ours))


def shakes_hands(port: int, world: World, version: ssl.TLSVersion) -> bool:
    context = ssl.create_default_context(cafile=str(world.ours.certificate))
    context.set_alpn_protocols(["h2"])
    # So that this side would agree to an old protocol, and it is the server that does not.
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = version
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as raw:
        try:
            with context.wrap_socket(raw, server_hostname="localhost"):
                return True
        except (ssl.SSLError, ConnectionError):
            return False


def test_handshakes_that_stop(world: World) -> None:
    """Garbage and silence in the place of a handshake are no matter of others."""
    with world.server() as port:
        opened = []
        for data in (b"", b"\x16\x03\x01", b"\x16\x03\x01\x40\x00" + bytes(16384), b"GET / HTTP/1.1\r\n\r\n"):
            raw = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
            raw.sendall(data)
            opened.append(raw)
        assert reaches(port, credentials(world.ours))
        for raw in opened:
            raw.close()


def test_the_client_of_vicinal_refuses_too(world: World) -> None:
    with world.server(asks=True) as port:
        address, shows = f"127.0.0.1:{port}", world.ours.issue("client")
        right = vicinal.Tls(ca=world.ours.certificate, cert=shows.certificate, key=shows.key)
        with vicinal.connect(address, tls=right) as db:
            assert db.collections() == []
        wrong = [
            vicinal.Tls(ca=world.theirs.certificate, cert=shows.certificate, key=shows.key),
            vicinal.Tls(ca=world.ours.certificate),
            True,
            False,
        ]
        for tls in wrong:
            with (
                vicinal.connect(address, tls=tls, timeout=2.0) as db,
                pytest.raises(vicinal.Unavailable, match=r"127\.0\.0\.1"),
            ):
                db.collections()
