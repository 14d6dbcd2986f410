"""The server's own certificate: one that no client would take is refused at the start, with file and date."""

from __future__ import annotations

import datetime
import io
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from prometheus_client import generate_latest
from serving.certificates import Authority, Issued

import vicinal
from vicinal.server.service.calls.call_log import CallLog
from vicinal.server.service.server import Server
from vicinal.server.service.settings.settings import ServerSettings


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "authority")


def settings(folder: Path, issued: Issued, **more: Any) -> ServerSettings:
    return ServerSettings(folder / "db", port=0, tls_cert=issued.certificate, tls_key=issued.key, **more)


def refusal(folder: Path, issued: Issued, **more: Any) -> str:
    """Return in which words a server does not start; it leaves nothing behind."""
    with pytest.raises(vicinal.InvalidArgument) as raised:
        Server(settings(folder, issued, **more)).start()
    assert not (folder / "db").exists()
    return str(raised.value)


def end_of(issued: Path) -> datetime.datetime:
    return x509.load_pem_x509_certificate(issued.read_bytes()).not_valid_after_utc


def test_one_that_has_expired(tmp_path: Path, authority: Authority) -> None:
    issued = authority.issue(days=(-9, -0.001))
    said = refusal(tmp_path, issued)
    assert f"the certificate in {issued.certificate} expired at {end_of(issued.certificate):%Y-%m-%d}" in said


def test_one_that_is_not_valid_yet(tmp_path: Path, authority: Authority) -> None:
    issued = authority.issue(days=(3, 9))
    begins = x509.load_pem_x509_certificate(issued.certificate.read_bytes()).not_valid_before_utc
    said = refusal(tmp_path, issued)
    assert f"the certificate in {issued.certificate} is valid from {begins:%Y-%m-%d}" in said
    assert "set the clock" in said


def test_one_for_clients(tmp_path: Path, authority: Authority) -> None:
    issued = authority.issue(usage=ExtendedKeyUsageOID.CLIENT_AUTH)
    said = refusal(tmp_path, issued)
    assert f"{issued.certificate} is no certificate that clients take from a server" in said
    assert "purpose" in said


def test_one_that_is_not_of_the_key(tmp_path: Path, authority: Authority) -> None:
    one, other = authority.issue(), authority.issue()
    said = refusal(tmp_path, Issued(one.certificate, other.key))
    assert f"{one.certificate} and {other.key} are no certificate with its private key" in said


def test_files_that_are_none(tmp_path: Path, authority: Authority) -> None:
    issued = authority.issue()
    folder, garbage = tmp_path / "folder", tmp_path / "garbage.pem"
    folder.mkdir()
    garbage.write_bytes(b"-----BEGIN CERTIFICATE-----\nxx\n-----END CERTIFICATE-----\n\xff")
    assert f"--tls-cert {folder}" in refusal(tmp_path, Issued(folder, issued.key))
    assert f"--tls-key {folder}" in refusal(tmp_path, Issued(issued.certificate, folder))
    assert str(garbage) in refusal(tmp_path, Issued(garbage, issued.key))
    assert str(garbage) in refusal(tmp_path, issued, client_ca=garbage)


def test_an_authority_of_clients_that_has_expired(tmp_path: Path, authority: Authority) -> None:
    old = Authority(tmp_path, "old", days=(-9, -3))
    said = refusal(tmp_path, authority.issue(), client_ca=old.certificate)
    assert f"the authority in {old.certificate} expired at {end_of(old.certificate):%Y-%m-%d}" in said
    # A file of several is as good as the best of them.
    both = tmp_path / "both.pem"
    both.write_bytes(old.certificate.read_bytes() + authority.certificate.read_bytes())
    with Server(settings(tmp_path, authority.issue(), client_ca=both)):
        pass


def test_a_chain_is_known_by_its_first(tmp_path: Path, authority: Authority) -> None:
    issued = authority.issue(days=(-1, 30))
    ends = end_of(issued.certificate)
    with open(issued.certificate, "ab") as chain:
        chain.write("# Die Behörde\n".encode() + authority.certificate.read_bytes())
    assert b"Beh" in issued.certificate.read_bytes()
    assert expiry(tmp_path, issued)[0] == ends.timestamp()


@pytest.mark.parametrize(("days", "warned"), [(13.9, True), (14.1, False)])
def test_one_that_expires_soon_is_warned_of(
    tmp_path: Path, authority: Authority, days: float, warned: bool
) -> None:
    issued = authority.issue(days=(-1, days))
    ends = end_of(issued.certificate)
    timestamp, events = expiry(tmp_path, issued)
    assert timestamp == ends.timestamp()
    # At the start, and whenever it is asked for again.
    assert len(events) == 2 * warned
    for event in events:
        assert event["level"] == "warning"
        assert event["file"] == str(issued.certificate)
        assert event["expires"] == ends.isoformat()
        assert event["days_left"] == pytest.approx(days, abs=0.1)


def expiry(folder: Path, issued: Issued) -> tuple[float, list[dict[str, Any]]]:
    """Serve with a certificate; return what the metrics say of its end, and what the log does."""
    log = io.StringIO()
    with Server(settings(folder, issued), CallLog(stream=log)) as server:
        server.warn_of_expiry()
        text = generate_latest(server.runtime.metrics.registry).decode()
    (line,) = (one for one in text.splitlines() if one.startswith("vicinal_certificate_expiry_timestamp_"))
    events = [json.loads(one) for one in log.getvalue().splitlines()]
    return float(line.split()[1]), [one for one in events if one["event"] == "certificate_expires"]


def test_without_tls_there_is_nothing_to_say(tmp_path: Path) -> None:
    log = io.StringIO()
    with Server(ServerSettings(tmp_path / "db", port=0), CallLog(stream=log)) as server:
        server.warn_of_expiry()
        assert "vicinal_certificate" not in generate_latest(server.runtime.metrics.registry).decode()
    assert log.getvalue() == ""
