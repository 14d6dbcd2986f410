"""``GET /metrics`` over real sockets: on loopback for everyone, elsewhere for whole keys."""

from __future__ import annotations

import datetime
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

import vicinal
from vicinal.server.service.access.key_store import KeyStore
from vicinal.server.service.watching.metrics import Metrics
from vicinal.server.service.watching.metrics_endpoint import MetricsEndpoint

# An address that others can reach; the tests themselves stay on this machine.
EVERYWHERE = "0.0.0.0"


@pytest.fixture
def keys(tmp_path: Path) -> Iterator[KeyStore]:
    vicinal.open(tmp_path / "db").close()
    with KeyStore(tmp_path / "db") as store:
        yield store


def endpoint(keys: KeyStore, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> MetricsEndpoint:
    return MetricsEndpoint(Metrics(["Search"]).registry, keys, host=host, port=0, tls=tls)


def connect(served: MetricsEndpoint) -> socket.socket:
    return socket.create_connection(("127.0.0.1", served.server_port), timeout=60)


def ask(
    port: int, path: str = "/metrics", *, key: str | None = None, method: str = "GET"
) -> tuple[int, str, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), dict(answer.getheaders())
    finally:
        connection.close()


def test_on_loopback_no_key_is_asked_for(keys: KeyStore) -> None:
    keys.create("a", "read")
    with endpoint(keys) as served:
        status, text, headers = ask(served.server_port)
        assert status == 200
        assert 'vicinal_requests_total{code="OK",method="Search"} 0.0' in text
        assert headers["Content-Type"].startswith("text/plain")
        assert headers["Server"].strip() == "vicinal"
        assert "vicinal_requests_total{" in ask(served.server_port, "/metrics?name[]=x")[1]
        assert ask(served.server_port, "/")[0] == 404
        assert ask(served.server_port, "/metrics/../etc/passwd")[0] == 404
        assert ask(served.server_port, method="POST")[0] == 405
        assert ask(served.server_port, method="OPTIONS")[:2] == (200, "")


def test_elsewhere_only_a_whole_key_is_answered(keys: KeyStore) -> None:
    _, whole = keys.create("prometheus", "read")
    _, of_tenant = keys.create("anna", "admin", tenants=("anna",))
    _, of_collection = keys.create("films", "admin", collections=("films",))
    revoked_id, revoked = keys.create("revoked", "admin")
    keys.revoke(revoked_id)
    with endpoint(keys, EVERYWHERE) as served:
        assert ask(served.server_port, key=whole)[0] == 200
        answers = [ask(served.server_port, key=key)[:2] for key in (None, "", "wrong", revoked)]
        assert answers == [(401, "Unauthorized")] * 4
        # Nobody without a key learns which paths there are.
        assert ask(served.server_port, "/other")[:2] == (401, "Unauthorized")
        assert ask(served.server_port, "/other", key=whole)[0] == 404
        for bound in (of_tenant, of_collection):
            status, text, _ = ask(served.server_port, key=bound)
            assert status == 403
            assert "vicinal_" not in text


def test_elsewhere_without_any_key_the_server_is_open(keys: KeyStore) -> None:
    with endpoint(keys, EVERYWHERE) as served:
        assert ask(served.server_port)[0] == 200
        keys.create("a", "read")
        assert ask(served.server_port)[0] == 401


def test_keys_that_cannot_be_looked_up_let_nobody_in(keys: KeyStore) -> None:
    _, key = keys.create("a", "read")
    with endpoint(keys, EVERYWHERE) as served:
        assert ask(served.server_port, key=key)[0] == 200
        keys.close()
        assert ask(served.server_port, key=key)[:2] == (503, "Service Unavailable")


def test_what_goes_wrong_is_logged_without_its_text(
    keys: KeyStore, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken() -> int:
        raise ZeroDivisionError("a secret")

    metrics = Metrics(["Search"])
    metrics.watch(waiting=broken)
    with MetricsEndpoint(metrics.registry, keys, host="127.0.0.1", port=0) as served:
        assert ask(served.server_port)[:2] == (503, "Service Unavailable")
    assert [record.getMessage() for record in caplog.records] == [
        "the metrics could not be given: ZeroDivisionError"
    ]
    assert capfd.readouterr() == ("", "")


def certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate for 127.0.0.1 that vouches for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "vicinal test")])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(built.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder / "cert.pem", folder / "key.pem"


def test_it_speaks_tls_and_a_silent_handshake_holds_nobody_up(keys: KeyStore, tmp_path: Path) -> None:
    cert, private = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, private)
    _, key = keys.create("prometheus", "read")
    with endpoint(keys, EVERYWHERE, context) as served:
        with socket.create_connection(("127.0.0.1", served.server_port)):
            trusting = ssl.create_default_context(cafile=str(cert))
            connection = http.client.HTTPSConnection(
                "127.0.0.1", served.server_port, timeout=30, context=trusting
            )
            connection.request("GET", "/metrics", headers={"Authorization": f"Bearer {key}"})
            assert connection.getresponse().status == 200
            connection.close()
        with pytest.raises((http.client.HTTPException, OSError)):
            ask(served.server_port, key=key)


def test_silent_connections_are_few_and_are_hung_up_on(keys: KeyStore) -> None:
    with MetricsEndpoint(Metrics(["Search"]).registry, keys, host="127.0.0.1", port=0, seconds=0.5) as served:
        silent = [connect(served) for _ in range(100)]
        try:
            # Those beyond the few that may wait are closed for others, the rest when their time is over.
            for connection in silent:
                with suppress(ConnectionError):
                    assert connection.recv(1) == b""
        finally:
            for connection in silent:
                connection.close()


@pytest.mark.parametrize("said", [b"", b"GET /metrics HTTP/1.1\r\nHost: x"])
def test_a_scrape_gets_through_however_many_connections_are_held(keys: KeyStore, said: bytes) -> None:
    """They are let hold on for an hour, so that it is not their end that makes room."""
    with MetricsEndpoint(
        Metrics(["Search"]).registry, keys, host="127.0.0.1", port=0, seconds=3600
    ) as served:
        before = threading.active_count()
        with ExitStack() as stack:
            for number in range(500):
                held = stack.enter_context(connect(served))
                held.sendall(said)
                if number % 100 == 99:
                    assert ask(served.server_port)[0] == 200
            # A thread lives for a moment after its connection.
            end = time.monotonic() + 30
            while threading.active_count() > before + 64:
                assert time.monotonic() < end
                time.sleep(0.01)


def test_who_has_asked_is_hung_up_on_last(keys: KeyStore) -> None:
    """One whose answer is being made keeps its place before any number of silent ones."""
    asked, go_on = threading.Event(), threading.Event()

    def waiting() -> int:
        asked.set()
        assert go_on.wait(60)
        return 0

    metrics = Metrics(["Search"])
    metrics.watch(waiting=waiting)
    with (
        MetricsEndpoint(metrics.registry, keys, host="127.0.0.1", port=0, seconds=3600) as served,
        ThreadPoolExecutor(1) as pool,
        ExitStack() as stack,
    ):
        scrape = pool.submit(ask, served.server_port)
        assert asked.wait(60)
        silent = [stack.enter_context(connect(served)) for _ in range(100)]
        # The oldest of them has made room by now, and the scrape, which is older, has not.
        assert silent[0].recv(1) == b""
        go_on.set()
        assert scrape.result(timeout=60)[0] == 200


def test_garbage_is_answered_or_hung_up_on(keys: KeyStore) -> None:
    with endpoint(keys) as served:
        hello = b"\x16\x03\x01\x00\x05hello\r\n\r\n"
        for garbage in [hello, b"GET\r\n\r\n", b"GET /metrics HTTP/9.9\r\n\r\n", b"\0" * 99]:
            with connect(served) as connection:
                connection.sendall(garbage)
                connection.shutdown(socket.SHUT_WR)
                with suppress(ConnectionError):
                    while connection.recv(4096):
                        pass
        assert ask(served.server_port)[0] == 200


def test_closing_frees_the_port(keys: KeyStore) -> None:
    served = endpoint(keys)
    port = served.server_port
    served.close()
    with MetricsEndpoint(Metrics(["Search"]).registry, keys, host="127.0.0.1", port=port) as again:
        assert ask(again.server_port)[0] == 200
        with pytest.raises(OSError, match="in use"):
            MetricsEndpoint(Metrics(["Search"]).registry, keys, host="127.0.0.1", port=port)
