"""Making a client."""

from __future__ import annotations

from .calls.caller import RETRIES, TIMEOUT_SECONDS, checked_caller
from .core import DatabaseCore
from .drivers.blocking import BlockingDriver
from .endpoint.endpoint import checked_endpoint
from .endpoint.tls import Tls
from .remote_database import RemoteDatabase


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
        default ends after 1.5 s at most, before a restart of a server does, and later where a busy server
        asks for it. All calls together repeat few that a busy server refused.
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
    core = DatabaseCore(endpoint.address, checked_caller(timeout, retries, retry_seconds))
    return RemoteDatabase(core, BlockingDriver(endpoint))
