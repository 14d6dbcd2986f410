"""Where a server listens, as a caller writes it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Self

from ....engine.errors import InvalidArgument

DEFAULT_PORT = 7700

_FORM = re.compile(
    r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9._-]+))(?::(?P<port>[0-9]{1,5}))?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Address:
    """A host and a port. ``str()`` gives the form in which it is written and dialled."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: Any) -> Self:
        """Return the address that ``text`` writes: ``host:port``, ``[v6]:port``, or a host for port 7700.

        Raises
        ------
        InvalidArgument
            When it writes none.
        """
        form = _FORM.fullmatch(text) if isinstance(text, str) else None
        port = DEFAULT_PORT if form is None or form["port"] is None else int(form["port"])
        if form is None or not 0 < port < 2**16:
            raise InvalidArgument(
                f"address is {text!r:.80}; expected host:port, such as 'localhost:{DEFAULT_PORT}'",
                field="address",
            )
        return cls(form["v6"] or form["host"], port)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether what is sent there stays on this machine."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host.lower() == "localhost"
