"""Making a client."""

from __future__ import annotations

from typing import Any

from ...engine.deadline import check_seconds
from ...engine.errors import InvalidArgument
from .async_remote_database import AsyncRemoteDatabase
from .calls.caller import Caller
from .calls.retry_policy import RetryPolicy, checked_retries
from .core import DatabaseCore
from .drivers.asynchronous import AsyncDriver
from .drivers.blocking import BlockingDriver
from .endpoint.endpoint import checked_endpoint
from .endpoint.tls import Tls
from .remote_database import RemoteDatabase

RETRIES = 4
TIMEOUT_SECONDS = 60.0


def connect(
    address: str,
    key: str | None = None,
    *,
    tls: Tls | bool | None = None,
    timeout: float | None = TIMEOUT_SECONDS,
    retries: int = RETRIES,
    retry_seconds: float | None = None,
    insecure: bool = False,
) -> RemoteDatabase:
    """Return the database that a server has. Nothing is sent before the first call.

    Parameters
    ----------
    address : str
        ``host:port``; port 7700 when none is given.
    key : str, optional
        What ``vicinal key create`` printed; needed once the server has keys.
    tls : bool or Tls, optional
        True to speak TLS and trust whom this system trusts; :class:`Tls` to name the authorities, or the
        certificate of this client. Plaintext by default.
    timeout : float or None
        Seconds that one message may take, repetitions included; None for any time. ``flush``, ``merge``,
        ``wait_indexed`` and ``calibrate`` take the time they need. :func:`deadline` bounds any call.
    retries : int
        How often a message is sent again, after a growing pause: one that the server refused before it began
        with it, and any other whose outcome is not known if it does no harm twice. Those are all reads,
        ``upsert``, changes of payloads by id, and what :class:`RemoteCollection` does to segments. The
        default ends after 1.5 s at most, before a restart of a server does.
    retry_seconds : float, optional
        Send such a message again, however often, until so many seconds have passed since it first failed,
        instead of ``retries`` times: 30 rides out a restart. No longer than ``timeout``.
    insecure : bool
        Send the key in plaintext even beyond this machine.

    Raises
    ------
    InvalidArgument
        When an argument is not what it should be, or the key would travel where others can read it.

    Examples
    --------
    >>> with vicinal.connect("localhost:7700") as db:
    ...     films = db.collection("films")
    ...     hits = films.search(query, k=10)
    """
    endpoint = checked_endpoint(address, key, tls, insecure)
    core = DatabaseCore(endpoint.address, _caller(timeout, retries, retry_seconds))
    return RemoteDatabase(core, BlockingDriver(endpoint))


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

    The parameters are those of :func:`connect`. Nothing is sent before the first call, so there is nothing
    to await here.

    Examples
    --------
    >>> async with vicinal.aconnect("localhost:7700") as db:
    ...     films = await db.collection("films")
    ...     hits = await films.search(query, k=10)
    """
    endpoint = checked_endpoint(address, key, tls, insecure)
    core = DatabaseCore(endpoint.address, _caller(timeout, retries, retry_seconds))
    return AsyncRemoteDatabase(core, AsyncDriver(endpoint))


def _caller(timeout: Any, retries: Any, retry_seconds: Any) -> Caller:
    if timeout is not None:
        check_seconds("timeout", timeout)
    if retry_seconds is not None:
        check_seconds("retry_seconds", retry_seconds)
        if timeout is not None and retry_seconds > timeout:
            raise InvalidArgument(
                f"retry_seconds is {retry_seconds:g}, more than the {timeout:g} s of timeout, which bounds "
                "repetitions too; give a longer timeout",
                field="retry_seconds",
            )
    return Caller(timeout, RetryPolicy(checked_retries(retries), retry_seconds))
