"""What a server is told when it starts."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path

from ....engine.errors import InvalidArgument
from ....engine.maintenance.merge_policy import MergePolicySettings
from .limits import Limits

DEFAULT_PORT = 7700


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """How a database is served.

    Attributes
    ----------
    folder : str or path
        The database; created if there is none.
    host, port
        Where to listen; port 0 takes a free one. An address beyond this machine takes TLS and a key, or
        ``insecure``.
    tls_cert, tls_key : path, optional
        Certificate chain and private key, PEM; both or neither.
    client_ca : path, optional
        Authority that must have signed every client's certificate.
    insecure : bool
        Listen beyond this machine even without TLS or keys.
    metrics_port : int, optional
        Where to answer Prometheus, on the same host.
    limits : Limits
    log_calls : bool
        Log a line for every call, not only for those that failed in the server.
    grace_seconds : float
        How long stopping waits for what is running.
    merge_policy : MergePolicySettings, optional
        When background work seals and merges segments.
    """

    folder: str | Path
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    tls_cert: Path | None = None
    tls_key: Path | None = None
    client_ca: Path | None = None
    insecure: bool = False
    metrics_port: int | None = None
    limits: Limits = field(default_factory=Limits)
    log_calls: bool = False
    grace_seconds: float = 30.0
    merge_policy: MergePolicySettings | None = None

    def __post_init__(self) -> None:
        for name, port in (("port", self.port), ("metrics_port", self.metrics_port)):
            if port is not None and (not isinstance(port, int) or not 0 <= port < 65_536):
                raise InvalidArgument(f"{name} is {port!r}; expected 0 to 65535", field=name)
        if (self.tls_cert is None) != (self.tls_key is None):
            given = "a certificate" if self.tls_cert is not None else "a key"
            raise InvalidArgument(
                f"TLS was given {given} alone; it takes the certificate and its private key", field="tls"
            )
        if self.client_ca is not None and self.tls_cert is None:
            raise InvalidArgument(
                "client certificates are part of TLS; give the server's certificate and key too",
                field="client_ca",
            )

    @property
    def has_tls(self) -> bool:
        """Whether callers speak TLS."""
        return self.tls_cert is not None

    @property
    def is_loopback(self) -> bool:
        """Whether only processes of this machine can connect."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def address(self, port: int) -> str:
        """Return host and a port as gRPC writes them."""
        return f"[{self.host}]:{port}" if ":" in self.host else f"{self.host}:{port}"
