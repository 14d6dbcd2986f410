"""The server's side of TLS."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from ....engine.errors import InvalidArgument
from ..settings.settings import ServerSettings
from .certificate import Certificate, check_authorities

if TYPE_CHECKING:
    import grpc


def server_credentials(settings: ServerSettings) -> grpc.ServerCredentials | None:
    """Return what callers are shown and asked for, None without TLS.

    gRPC finds out about a bad file when the first caller comes, so they are tried here.

    Raises
    ------
    InvalidArgument
        A file is not there, cannot be read or is not what it should be; no authority of ``client_ca`` is
        valid now.
    """
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    # Only here: who speaks HTTPS alone, as a supervisor of workers does, loads no gRPC.
    import grpc

    chain, key = _read(settings.tls_cert, "--tls-cert"), _read(settings.tls_key, "--tls-key")
    context = _context(settings.tls_cert, settings.tls_key)
    if settings.client_ca is None:
        return grpc.ssl_server_credentials([(key, chain)])
    authority = _read(settings.client_ca, "--client-ca")
    try:
        context.load_verify_locations(cadata=authority.decode("ascii"))
    except (ssl.SSLError, ValueError) as error:
        raise InvalidArgument(
            f"{settings.client_ca} is no certificate of an authority ({error}); give a PEM file",
            field="client_ca",
        ) from error
    check_authorities(context, settings.client_ca)
    return grpc.ssl_server_credentials([(key, chain)], authority, require_client_auth=True)


def https_context(settings: ServerSettings) -> ssl.SSLContext | None:
    """Return the same certificate for HTTPS, None without TLS."""
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    return _context(settings.tls_cert, settings.tls_key)


def shown_certificate(settings: ServerSettings) -> Certificate | None:
    """Return the certificate that callers are shown, None without TLS.

    Raises
    ------
    InvalidArgument
        It is not valid now, or not one for servers.
    """
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    certificate = Certificate.shown_by(_context(settings.tls_cert, settings.tls_key), settings.tls_cert)
    certificate.check()
    return certificate


def _context(chain: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # Without a callback, a key with a passphrase would ask for it on the terminal.
        context.load_cert_chain(chain, key, password=lambda: b"")
    except (ssl.SSLError, ValueError) as error:
        raise InvalidArgument(
            f"{chain} and {key} are no certificate with its private key ({error}); give PEM files, the key "
            "without a passphrase",
            field="tls",
        ) from error
    return context


def _read(path: Path, option: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InvalidArgument(
            f"{option} {path}: {error.strerror or error}; give the path of a PEM file", field="tls"
        ) from error
