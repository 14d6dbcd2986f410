"""Making a client for programs that run an event loop."""

from __future__ import annotations

from .async_remote_database import AsyncRemoteDatabase
from .calls.caller import RETRIES, TIMEOUT_SECONDS, checked_caller
from .core import DatabaseCore
from .drivers.asynchronous import AsyncDriver
from .endpoint.endpoint import checked_endpoint
from .endpoint.tls import Tls


def aconnect(
    address: str,
    key: str | None = None,
    *,
    tls: Tls | bool | None = None,
    timeout: float | None = TIMEOUT_SECONDS,
    retries: int = RETRIES,
    retry_seconds: float | None = None,
    insecure: bool = False,
) -> AsyncRemoteDatabase:
    """Return the database that a server has, for programs that run an event loop.

    The parameters are those of :func:`vicinal.connect`. Nothing is sent before the first call, so there is
    nothing to await here.

    Examples
    --------
    >>> async with vicinal.aconnect("localhost:7700") as db:
    ...     films = await db.collection("films")
    ...     hits = await films.search(query, k=10)
    """
    endpoint = checked_endpoint(address, key, tls, insecure)
    core = DatabaseCore(endpoint.address, checked_caller(timeout, retries, retry_seconds))
    return AsyncRemoteDatabase(core, AsyncDriver(endpoint))
