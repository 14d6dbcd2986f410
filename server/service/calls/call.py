"""One call while it is worked on: who makes it, what it holds, what it may reach."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator
from itertools import chain

import grpc

from ....engine.collection import Collection, columnar
from ....engine.database import Database
from ....engine.deadline import Deadline
from ....engine.errors import LimitExceeded, NotFound
from ....proto.v1 import points_pb2
from ..access.principal import Principal
from ..access.rights import Rule
from ..admission.receiving import MessageAhead, first_of
from ..admission.refusals import not_ready, rate_limited
from ..settings.limits import Limits
from ..transport.grpc_options import MAX_METADATA_BYTES
from .runtime import Runtime

# Answers below this leave at once; a larger one counts as memory until its caller has taken it.
_LARGE_ANSWER = 1 << 16
# What most calls do with is not counted: a megabyte and a quarter of as many as run by default.
_UNCOUNTED = 1 << 14
# An id, a score, a place, as columns and as messages.
_ROW_BYTES = 64


class Call:
    """One call. Belongs to the thread that runs it; what it holds is given back by :meth:`release`.

    Parameters
    ----------
    runtime : Runtime
    principal : Principal
        Who calls.
    context : grpc.ServicerContext
    """

    __slots__ = (
        "_context",
        "_has_arrived",
        "_in_line",
        "_needed",
        "_running",
        "_runtime",
        "_taken",
        "deadline",
        "is_counted",
        "principal",
        "started",
    )

    def __init__(self, runtime: Runtime, principal: Principal, context: grpc.ServicerContext) -> None:
        self.started = time.perf_counter()
        self.principal = principal
        seconds = context.time_remaining()
        # Asks the context and not this call: a cycle of references would leave it to the garbage collector.
        self.deadline = Deadline(
            None if seconds is None or seconds == math.inf else seconds, lambda: not context.is_active()
        )
        self.is_counted = False
        self._has_arrived = True
        self._runtime = runtime
        self._context = context
        self._running = False
        self._in_line = False
        self._needed = 0
        self._taken = 0

    @property
    def context(self) -> grpc.ServicerContext:
        """gRPC's side of the call, for whoever hands it on."""
        return self._context

    @property
    def limits(self) -> Limits:
        """What a call may ask for."""
        return self._runtime.limits

    @property
    def page_bytes(self) -> int:
        """Most bytes of an answer that can be cut short."""
        return min(self.limits.max_message_bytes, self.limits.memory_bytes // 8)

    @property
    def database(self) -> Database:
        """The database; what the principal may see of it is up to the handler."""
        database = self._runtime.database
        if database is None:
            raise not_ready("the database is not open")
        return database

    def is_gone(self) -> bool:
        """Return whether nobody waits for an answer any more."""
        return not self._context.is_active()

    def take_over(self, ahead: MessageAhead) -> None:
        """Go on with a call whose message came before it had a thread, and with what that holds."""
        self.started = ahead.started
        self._running = ahead.is_running

    def admit(self, rule: Rule) -> None:
        """Refuse, before anything is read, a call that would be refused whatever it says.

        Raises
        ------
        LimitExceeded
            There are too many headers.
        PermissionDenied
            The key has no right to this kind of call.
        DiskFull
            The call would write, and the disk is nearly full.
        """
        runtime, principal = self._runtime, self.principal
        check_metadata(self._context.invocation_metadata())
        principal.require(rule.right)
        if not rule.for_tenants:
            principal.require_every_tenant()
        if rule.takes_disk:
            runtime.disk.check()

    def receive(self, messages: Iterator[bytes]) -> bytes:
        """Return the message, and count the call among the running ones, if there is room by now."""
        if isinstance(messages, MessageAhead):
            received = first_of(messages, self._context)
        else:
            received = self._runtime.receiving.receive(messages, self._context, self.principal.key_id)
        if not self._running:
            self._runtime.calls.enter()
            self._running = True
        return received

    def take_memory(self, n_bytes: int) -> None:
        """Take estimated bytes of memory for the rest of the call.

        Raises
        ------
        LimitExceeded, ResourceExhausted
            They do not fit at all, or not now.
        """
        self._needed += n_bytes
        if self._needed > _UNCOUNTED:
            self.cover_memory(self._needed)

    def cover_memory(self, n_bytes: int) -> None:
        """Take more memory if the call turned out to need as much and has taken less."""
        more = n_bytes - self._taken
        if more > 0 and n_bytes > _UNCOUNTED:
            self._runtime.memory.take(more, self._taken)
            self._taken += more

    def take_row_memory(self, rows: int) -> None:
        """Take what so many rows of an answer take but for payloads and vectors, as :meth:`take_memory`."""
        self.take_memory(rows * _ROW_BYTES)

    def wait_in_line(self) -> None:
        """Wait for a place among the reads that run, and keep it for the rest of the call."""
        self._runtime.line.enter(self.deadline.remaining(), self._context.add_callback)
        self._in_line = True

    def collection(self, name: str, uuid: str = "") -> Collection:
        """Return a collection that the principal sees, by its name or an alias.

        One that was renamed, or whose alias was given to another, since the caller learnt its uuid is found
        by that. Whether the principal sees it is a question of its own name.

        Raises
        ------
        NotFound
            There is none, or the principal does not see it, or it is not the one with this uuid.
        """
        principal = self.principal
        found: Collection | None
        try:
            found = self.database.collection(name)
        except NotFound:
            found = None
        if (
            found is not None
            and principal.is_bound
            and not principal.sees(found.name, found.schema.partitioned)
        ):
            found = None
        if uuid and (found is None or uuid != found.uuid):
            for moved in self.visible().values():
                if moved.uuid == uuid:
                    return moved
        if found is None:
            raise principal.no_collection(name, self.visible())
        if uuid and uuid != found.uuid:
            raise NotFound(
                f"collection {name!r} was dropped, and the one of that name is another; get it again",
                field="name",
            )
        return found

    def visible(self) -> dict[str, Collection]:
        """Return the collections that exist for the principal, by name."""
        database, sees = self.database, self.principal.sees
        found = {}
        for name in database.collections():
            try:
                collection = database.collection(name)
            except NotFound:
                # Dropped since the names were listed.
                continue
            if sees(collection.name, collection.schema.partitioned):
                found[collection.name] = collection
        return found

    def scope(self, scope: points_pb2.Scope) -> tuple[Collection, str | None]:
        """Return the collection and the tenant that a request is about.

        Raises
        ------
        NotFound
            The principal does not see the collection, or does not speak for the tenant.
        ResourceExhausted
            The tenant made more calls a second than it may.
        """
        collection = self.collection(scope.collection, scope.collection_uuid)
        tenant = self.principal.tenant_for(scope.tenant if scope.HasField("tenant") else None)
        if tenant is not None and collection.schema.partitioned:
            self._count(collection, tenant)
        return collection, tenant

    def _count(self, collection: Collection, tenant: str) -> None:
        rate = columnar(collection).requests_per_second(tenant)
        if rate is None:
            return
        seconds = self._runtime.tenant_rates.take(collection.uuid, tenant, rate)
        if seconds is not None:
            raise rate_limited(rate, seconds, "tenant")

    def sealed(self, number: int, collection: Collection, tenant: str | None) -> int:
        """Return a sequence number as the principal may know it."""
        if self.principal.tenants is None:
            return number
        return self._runtime.sealed.seal(number, _seal_scope(collection, tenant))

    def unsealed(self, number: int, collection: Collection, tenant: str | None) -> int:
        """Return the sequence number that the principal was told as ``number``."""
        if self.principal.tenants is None:
            return number
        return self._runtime.sealed.open(number, _seal_scope(collection, tenant))

    def release(self, answer_bytes: int = 0) -> None:
        """Give back everything; memory for a large answer only when its caller has taken it."""
        runtime, held = self._runtime, 0
        if self._in_line:
            self._in_line = False
            runtime.line.leave()
        if answer_bytes >= _LARGE_ANSWER:
            held = self._hold(min(answer_bytes, self._taken))
        if self._taken > held:
            runtime.memory.give_back(self._taken - held)
        self._taken = 0
        if self._has_arrived:
            self._has_arrived = False
            runtime.arrivals.end(self.principal.key_id)
        if self._running:
            self._running = False
            runtime.calls.leave()

    def _hold(self, n_bytes: int) -> int:
        runtime, context = self._runtime, self._context
        runtime.receiving.watch_sending(context)

        def taken() -> None:
            runtime.receiving.sent(context)
            runtime.memory.give_back(n_bytes)

        if context.add_callback(taken):
            return n_bytes
        runtime.receiving.sent(context)
        return 0


def check_metadata(metadata: Iterable[tuple[str, str | bytes]]) -> None:
    """Raise LimitExceeded when the headers are too large; gRPC lets those pass that begin a connection."""
    size = sum(map(len, chain.from_iterable(metadata)))
    if size > MAX_METADATA_BYTES:
        raise LimitExceeded(
            f"the call has {size:,} bytes of headers and may have {MAX_METADATA_BYTES:,}; send less metadata"
        )


def _seal_scope(collection: Collection, tenant: str | None) -> str:
    return f"{collection.uuid} {tenant}"
