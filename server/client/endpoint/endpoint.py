"""The far end of a connection: where it is, how it is spoken to, and as whom."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import grpc

from ....engine.errors import Closed, InvalidArgument
from .address import Address
from .tls import Tls

Metadata = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Everything that opens a channel, checked.

    Attributes
    ----------
    address : Address
    credentials : grpc.ChannelCredentials or None
        None for plaintext.
    metadata : tuple
        What every call carries; holds the key, so it is not shown.
    """

    address: Address
    credentials: grpc.ChannelCredentials | None
    metadata: Metadata = field(repr=False)

    def closed(self) -> Closed:
        """Return the error of a call on a client that was closed."""
        return Closed(f"the client of {self.address} is closed; connect again with vicinal.connect(...)")


def checked_endpoint(address: Any, key: str | None, tls: Tls | bool | None, insecure: bool) -> Endpoint:
    """Return the endpoint that the arguments of ``connect`` describe.

    Raises
    ------
    InvalidArgument
        When one of them is not what it should be, or the key would travel where anybody can read it.
    """
    where = Address.parse(address)
    if tls is not None and not isinstance(tls, Tls | bool):
        raise InvalidArgument(
            f"tls is {tls!r:.80}; pass True, False or vicinal.Tls(ca=..., cert=..., key=...)", field="tls"
        )
    credentials = (Tls() if tls is True else tls).credentials() if tls else None
    if key is None:
        return Endpoint(where, credentials, ())
    # The message shows nothing of what may be a secret with a line feed at its end.
    if not isinstance(key, str) or not key.isascii() or not key.isprintable() or not key.strip() == key != "":
        raise InvalidArgument(
            "key is not a key: pass the text that `vicinal key create` printed, without spaces around it",
            field="key",
        )
    if credentials is None and not where.is_loopback and not insecure:
        raise InvalidArgument(
            f"a key would go to {where} in plaintext, where others can read it; pass tls=True or "
            "tls=vicinal.Tls(ca=...), or insecure=True if the network itself is encrypted",
            field="tls",
        )
    return Endpoint(where, credentials, (("authorization", f"Bearer {key}"),))
