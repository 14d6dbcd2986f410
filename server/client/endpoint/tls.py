"""TLS as a client speaks it: whom it trusts, and what it shows of itself."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from pathlib import Path

import grpc

from ....engine.errors import InvalidArgument

File = str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class Tls:
    """How a connection is encrypted. The files are PEM, and are read when the client is made.

    Parameters
    ----------
    ca : path, optional
        Certificates of the authorities that may vouch for the server, instead of those that the system
        trusts.
    cert, key : path, optional
        Certificate chain and private key of this client, both or neither, for a server that asks for them
        (``vicinal serve --client-ca``). The key is not encrypted.
    """

    ca: File | None = None
    cert: File | None = None
    key: File | None = None

    def credentials(self) -> grpc.ChannelCredentials:
        """Return the credentials of a channel.

        Raises
        ------
        InvalidArgument
            When a file cannot be read, or is not what it should be.
        """
        if (self.cert is None) != (self.key is None):
            raise InvalidArgument("tls has one of cert and key; give both or neither", field="tls")
        roots = _system_roots() if self.ca is None else _read(self.ca, "ca")
        if self.ca is not None:
            _check_authorities(self.ca, roots)
        if self.cert is None or self.key is None:
            return grpc.ssl_channel_credentials(roots)
        chain, private = _read(self.cert, "cert"), _read(self.key, "key")
        _check_pair(self.cert, self.key)
        return grpc.ssl_channel_credentials(roots, private, chain)


def _system_roots() -> bytes | None:
    """Return whom this system trusts; None, for those that gRPC comes with, when that is not known."""
    path = ssl.get_default_verify_paths().cafile
    return None if path is None else _read(path, "ca, that of this system,")


def _read(path: File, what: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except (OSError, TypeError, ValueError) as error:
        # What is no path, or none that a system could have, is a mistake of the same kind.
        raise InvalidArgument(
            f"tls.{what} cannot be read: {error}; give the path of a PEM file", field="tls"
        ) from error


def _check_authorities(path: File, pem: bytes | None) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=(pem or b"").decode("ascii"))
    except (ssl.SSLError, ValueError) as error:
        raise InvalidArgument(
            f"tls.ca, {path}, holds no certificate in PEM ({error})", field="tls"
        ) from error


def _check_pair(cert: File, key: File) -> None:
    try:
        # With a password at hand nobody is asked for one.
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(cert, key, password="")
    except (ssl.SSLError, ValueError) as error:
        raise InvalidArgument(
            f"tls.cert, {cert}, and tls.key, {key}, are no certificate and its unencrypted key in PEM "
            f"({error})",
            field="tls",
        ) from error
