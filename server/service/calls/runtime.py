"""What all calls of a server share."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from ....engine.database import Database
from ..access.sealed_numbers import SealedNumbers
from ..admission.arrivals import Arrivals
from ..admission.disk_watermark import DiskWatermark
from ..admission.memory_budget import MemoryBudget
from ..admission.rate_limit import RateLimiter, TenantRates
from ..admission.receiving import Receiving
from ..admission.running_calls import RunningCalls
from ..admission.waiting_line import WaitingLine
from ..settings.limits import Limits
from ..settings.settings import ServerSettings
from ..watching.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is counted of all calls of a server, in however many processes they run.

    Attributes
    ----------
    arrivals : Arrivals
    calls : RunningCalls
    memory : MemoryBudget
    rates : RateLimiter
        Of keys.
    tenant_rates : TenantRates
    """

    arrivals: Arrivals
    calls: RunningCalls
    memory: MemoryBudget
    rates: RateLimiter
    tenant_rates: TenantRates

    @classmethod
    def of_one_process(cls, limits: Limits) -> Bounds:
        """Return what counts the calls of this process alone."""
        return cls(
            Arrivals(limits.max_calls, limits.spare_calls),
            RunningCalls(limits.running_calls),
            MemoryBudget(limits.memory_bytes),
            RateLimiter(limits.calls_per_second),
            TenantRates(),
        )


class Runtime:
    """The database once it is open, and everything that bounds and counts the calls to it.

    Parameters
    ----------
    settings : ServerSettings
    metrics : Metrics
    sealed : SealedNumbers
    bounds : Bounds, optional
        Those of this process alone when they are left out.

    Attributes
    ----------
    limits : Limits
    database : Database or None
        None until it is open; no call is let in before.
    calls : RunningCalls
    receiving : Receiving
    arrivals : Arrivals
    memory : MemoryBudget
    line : WaitingLine
        For reads.
    disk : DiskWatermark
    rates : RateLimiter
        Of keys.
    tenant_rates : TenantRates
    metrics : Metrics
    sealed : SealedNumbers
        For keys that are bound to tenants.
    """

    def __init__(
        self,
        settings: ServerSettings,
        metrics: Metrics,
        sealed: SealedNumbers,
        bounds: Bounds | None = None,
    ) -> None:
        limits = settings.limits
        bounds = bounds or Bounds.of_one_process(limits)
        self.limits = limits
        self.metrics = metrics
        self.sealed = sealed
        self.calls = bounds.calls
        self.arrivals = bounds.arrivals
        self.receiving = Receiving(limits.max_receiving, limits.receive_seconds, bounds.arrivals.set_silent)
        self.memory = bounds.memory
        self.line = WaitingLine(limits.running_searches)
        self.disk = DiskWatermark(settings.folder, limits.disk_free_bytes)
        self.rates = bounds.rates
        self.tenant_rates = bounds.tenant_rates
        self.database: Database | None = None

    def request_id(self) -> str:
        """Return a text that names one call in the log and in the status its caller gets.

        It is random: a number would tell a caller how many calls of others there were.
        """
        return secrets.token_hex(8)

    def close(self) -> None:
        """Close the database, after which no call can reach it, and end every thread."""
        if self.database is not None:
            self.database.close()
        self.receiving.close()
