"""From when until when a certificate is valid.

The ``ssl`` module shows the dates of a certificate only to who verified it, so the server shakes hands with
itself, in memory. That shows too whether a client could take it for a server's certificate at all.
"""

from __future__ import annotations

import datetime
import ssl
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from ....engine.errors import InvalidArgument

WARNING_DAYS = 14

# X509_V_FLAG_NO_CHECK_TIME of OpenSSL, for which the ssl module has no name: without it the dates of a
# certificate that has expired could not be read.
_NO_CHECK_TIME = 0x200000


@dataclass(frozen=True, slots=True)
class Certificate:
    """What is to be known of a certificate in use.

    Attributes
    ----------
    path : Path
    begins, ends : datetime
    """

    path: Path
    begins: datetime.datetime
    ends: datetime.datetime

    @classmethod
    def shown_by(cls, context: ssl.SSLContext, path: Path) -> Self:
        """Return the certificate that a server with this context shows; its chain is read from ``path``.

        Raises
        ------
        InvalidArgument
            No client would take it for the certificate of a server.
        """
        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        client.check_hostname = False
        # Trusted itself, whoever signed it.
        client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | _NO_CHECK_TIME
        try:
            client.load_verify_locations(path)
            begins, ends = _dates(_peer(context, client))
        except ssl.SSLError as error:
            raise InvalidArgument(
                f"{path} is no certificate that clients take from a server ({error}); give one made for "
                "servers",
                field="tls",
            ) from error
        return cls(path, begins, ends)

    def check(self) -> None:
        """Raise InvalidArgument unless it is valid now."""
        check_valid(f"the certificate in {self.path}", self.begins, self.ends, "tls")

    @property
    def days_left(self) -> float:
        """Days until it expires; negative from then on."""
        return (self.ends - _now()) / datetime.timedelta(days=1)


def check_authorities(context: ssl.SSLContext, path: Path) -> None:
    """Raise InvalidArgument when no authority that ``context`` was given from ``path`` is valid now."""
    dates = [_dates(one) for one in context.get_ca_certs()]
    if dates and not any(begins <= _now() < ends for begins, ends in dates):
        begins, ends = max(dates, key=lambda pair: pair[1])
        check_valid(f"the authority in {path}", begins, ends, "client_ca")


def check_valid(what: str, begins: datetime.datetime, ends: datetime.datetime, field: str) -> None:
    """Raise InvalidArgument unless something is valid now."""
    now = _now()
    if begins <= now < ends:
        return
    wrong = f"is valid from {_written(begins)} on" if now < begins else f"expired at {_written(ends)}"
    raise InvalidArgument(
        f"{what} {wrong}, and it is {_written(now)}: every client would refuse the connection; give one "
        "that is valid, or set the clock",
        field=field,
    )


def _peer(server: ssl.SSLContext, client: ssl.SSLContext) -> dict[str, Any]:
    """Return the certificate that ``client`` sees of ``server``."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(to_client, to_server)
    answering = server.wrap_bio(to_server, to_client, server_side=True)
    for side in (asking, answering, asking):
        with suppress(ssl.SSLWantReadError):
            side.do_handshake()
    seen = asking.getpeercert()
    assert seen is not None
    return seen


def _dates(certificate: dict[str, Any]) -> tuple[datetime.datetime, datetime.datetime]:
    begins, ends = (
        datetime.datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate[name]), datetime.UTC)
        for name in ("notBefore", "notAfter")
    )
    return begins, ends


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _written(time: datetime.datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"
