"""The servers that the processes of one server run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc

from ....engine.database import Database
from ....engine.opening.opening import open as open_database
from ..access.key_store import KeyStore
from ..access.sealed_numbers import SealedNumbers
from ..admission.arrivals import Arrivals
from ..admission.rate_limit import RateLimiter, TenantRates
from ..admission.running_calls import RunningCalls
from ..calls.call_log import CallLog
from ..calls.runtime import Bounds, Runtime
from ..server import AUDIT_SHARE, Server
from ..watching.metrics import Metrics
from .handing_on import WriterLine, handed_on_handlers
from .part import Part
from .shared_arrivals import SharedArrivals
from .shared_bounds import SharedCalls, SharedMemory

if TYPE_CHECKING:
    from ..calls.rpc import GrpcHandler


class _PartServer(Server):
    """What a writer and a worker have in common: limits that are counted together."""

    def __init__(self, part: Part, log: CallLog) -> None:
        super().__init__(part.own_settings(), log)
        self._part = part
        self._tallies = part.tallies()
        self._buckets = part.buckets()

    def _check_address(self) -> None:
        # The supervisor keeps the port for the workers; the writer's socket lies where nobody else can be.
        pass

    def _shared_memory(self) -> SharedMemory:
        return SharedMemory(self._settings.limits.memory_bytes, self._tallies, self._part.place)


class WriterServer(_PartServer):
    """The server that owns the database. Only workers call it, over a socket in a private folder."""

    # Searches are the workers'.
    _audit_share = 0.0

    def _check_exposure(self) -> None:
        pass

    def _listens_at(self) -> str:
        return f"unix:{self._part.socket}"

    def _make_runtime(self, metrics: Metrics, keys: KeyStore) -> Runtime:
        # Its calls are those that workers let in, which are counted there.
        limits = self._settings.limits
        bounds = Bounds(
            Arrivals(limits.max_calls, limits.spare_calls),
            RunningCalls(limits.running_calls),
            self._shared_memory(),
            RateLimiter(None),
            TenantRates(buckets=self._buckets),
        )
        return Runtime(self._settings, metrics, SealedNumbers(keys.sealing_secret()), bounds)

    def _warm_up(self) -> None:
        # Writes can be taken before the kernels of searches and builds are loaded.
        pass

    def warm_up(self) -> None:
        """Load the kernels, which background work will need."""
        super()._warm_up()


class WorkerServer(_PartServer):
    """A server that reads beside the writer, on a port that all workers share, and hands on all the rest."""

    _shares_port = True
    # A caller who comes meanwhile finds a worker that is open already.
    _listens_first = False

    def __init__(self, part: Part, log: CallLog) -> None:
        super().__init__(part, log)
        self._line = WriterLine(part.socket)

    @property
    def is_whole(self) -> bool:
        """Whether the writer is there too."""
        return self._line.is_up

    def meet_writer(self) -> None:
        """Connect to the writer, which lets calls in now."""
        self._line.connect()
        self._health.set_serving(self.is_whole)

    def miss_writer(self) -> None:
        """Tell callers whose calls are the writer's to come again: it ended."""
        self._health.set_serving(False)
        self._line.hang_up()

    def _is_whole(self) -> bool:
        return self.is_whole

    def _open_database(self) -> Database:
        return open_database(self._settings.folder, read_only=True, audit=AUDIT_SHARE / self._part.workers)

    def _make_runtime(self, metrics: Metrics, keys: KeyStore) -> Runtime:
        limits = self._settings.limits
        place = self._part.place
        counts = self._part.key_counts()
        bounds = Bounds(
            SharedArrivals(limits.max_calls, limits.spare_calls, self._tallies, counts, place),
            SharedCalls(limits.running_calls, self._tallies, place),
            self._shared_memory(),
            RateLimiter(limits.calls_per_second, buckets=self._buckets),
            TenantRates(buckets=self._buckets),
        )
        sealed = SealedNumbers(keys.sealing_secret())
        return Runtime(self._settings, metrics, sealed, bounds)

    def _rpc_handlers(self) -> dict[str, GrpcHandler]:
        return super()._rpc_handlers() | handed_on_handlers(self._runtime, self._log, self._line)

    def _turn_away(self, serving: grpc.Server, grace: float) -> None:
        # Connections are asked to go elsewhere before a call is refused: there are other workers.
        self._health.close()
        serving.stop(grace)
