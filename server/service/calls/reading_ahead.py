"""Messages that gRPC receives before their calls have a thread."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from typing import Any

from ..access.authentication import current_principal
from ..admission.receiving import MessageAhead, Receiving
from ..admission.refusals import Refusal
from ..admission.running_calls import RunningCalls
from .handler_parts import ANSWERS_ONCE, receive_message
from .rpc import Rpc
from .worker_threads import Work, WorkerThreads

# Messages of others count as memory while they wait, which those without a thread do not.
_SMALL = 1 << 16


class ReadingAhead(Executor):
    """Gives a call a thread when its message is there.

    A handler that asks for its message sleeps until the thread that takes calls in has received it: two turns
    of threads, each of which costs as much as a small search. Here that thread asks for the message and
    wakes a thread once, with the message in hand; and whoever is silent holds no thread. It is done for the
    calls that :meth:`Rpc.reads_ahead` names, and as long as few messages are waited for.

    Reads whose messages are small have as many threads as places to run. More of them wait without one, and a
    thread that has answered one goes on with the next: no turn of threads at all when there is much to do.

    gRPC has no name for this, so it is done with what its handlers are made of; see :mod:`.handler_parts`.

    Parameters
    ----------
    threads : WorkerThreads
    reads : WorkerThreads
        As many as reads that run at a time.
    receiving : Receiving
    calls : RunningCalls
        Where a call is counted once its message is there: one that waits is finished, too, by who stops.
    """

    def __init__(
        self, threads: WorkerThreads, reads: WorkerThreads, receiving: Receiving, calls: RunningCalls
    ) -> None:
        self._threads = threads
        self._reads = reads
        self._receiving = receiving
        self._calls = calls

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Run ``fn(*args)`` in a thread, of a call whose message is read ahead once that has come."""
        if args[0] is not ANSWERS_ONCE:
            return self._threads.submit(fn, *args)
        run, event, state, behavior, _, *coding = args
        caller = state.context.get(current_principal)
        if not isinstance(behavior, Rpc) or not behavior.reads_ahead(caller):
            return self._threads.submit(fn, *args)
        call, messages = event.call, MessageAhead()
        if not self._receiving.expect(call, caller.key_id):
            return self._threads.submit(fn, *args)

        def came(message: bytes | None) -> None:
            self._receiving.came(call)
            messages.put(message)
            if message is not None:
                # Refused, it is refused again by the thread that it gets, which tells the caller.
                with suppress(Refusal):
                    self._calls.enter()
                    messages.is_running = True
            work = fn, (run, event, state, behavior, lambda: messages, *coding)
            if message is None or len(message) > _SMALL or not behavior.waits_in_line:
                self._threads.begin(work)
                return
            try:
                begun = self._reads.begin(work)
            except RuntimeError:
                # The system refuses reads their first thread; raised here, it would end gRPC's own.
                self._threads.begin(work)
                return
            if not begun:
                self._watch(state, work)

        receive_message(event, state, came)
        return None

    def _watch(self, state: Any, work: Work) -> None:
        """Have a call that waits end when its caller is gone, and give back what it holds."""

        def end() -> None:
            if self._reads.withdraw(work):
                self._threads.begin(work)

        with state.condition:
            waits = state.callbacks is not None
            if waits:
                state.callbacks.append(end)
        if not waits:
            end()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End every thread once its work is done."""
        self._reads.shutdown(wait)
        self._threads.shutdown(wait)
