"""The one thread that writes: groups waiting calls into one durable commit."""

from __future__ import annotations

import queue
import threading
from typing import Any, Generic, Protocol, TypeVar

from ...storage.catalog.catalog import Catalog
from ...storage.catalog.key_value_store import WriteTransaction
from .. import deadline
from ..error_translation import FOREIGN, translate
from ..errors import Closed, DeadlineExceeded, Unavailable, VicinalError
from ..handoff import Handoff
from ..state.collection_set import CollectionSet
from ..state.collection_state import CollectionState

_GROUP_OPERATIONS = 256

Result = TypeVar("Result", covariant=True)


class Operation(Protocol[Result]):
    """One change that is all there or not at all.

    ``apply`` runs in the writer's thread. A caller's mistake is raised as a :class:`VicinalError` before
    anything is changed; whatever else it raises undoes the whole group.
    """

    def apply(self, catalog: Catalog, txn: WriteTransaction) -> Result:
        """Put the change into ``txn`` and into the unpublished state, and return the caller's answer."""

    @property
    def touched(self) -> CollectionState | None:
        """The collection whose snapshot changes."""


class _Pending(Generic[Result]):
    __slots__ = ("handoff", "operation")

    def __init__(self, operation: Operation[Result]) -> None:
        self.operation = operation
        self.handoff: Handoff[Result] = Handoff()


class Writer:
    """Commits operations in the order they came.

    Calls that wait while a commit is under way go into the next commit together, so that concurrent
    writers share the cost of making their data durable. A call returns once its commit is on disk and
    its effect is visible to searches.

    Parameters
    ----------
    catalog : Catalog
    collections : CollectionSet
    """

    def __init__(self, catalog: Catalog, collections: CollectionSet) -> None:
        self._catalog = catalog
        self._collections = collections
        self._queue: queue.SimpleQueue[_Pending[Any] | None] = queue.SimpleQueue()
        self._closed = False
        self._must_reload = False
        self._close_lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="vicinal-writer", daemon=True)
        self._thread.start()

    def submit(self, operation: Operation[Result]) -> Result:
        """Commit ``operation`` and return its answer. Any thread may call this.

        Raises
        ------
        DeadlineExceeded
            The operation had not begun when the deadline was over; it is withdrawn and changed nothing.
        """
        deadline.check()
        pending = _Pending(operation)
        with self._close_lock:
            if self._closed:
                raise Closed("the database is closed; open it again with vicinal.open(path)")
            self._queue.put(pending)
        try:
            _wait(pending.handoff)
        except BaseException:
            # An interrupt, too: what was not begun is withdrawn.
            pending.handoff.begin()
            raise
        return pending.handoff.outcome()

    def close(self) -> None:
        """Commit what is waiting, then stop."""
        with self._close_lock:
            if self._closed:
                return
            self._closed = True
            self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while True:
            group, closing = self._take_group()
            group = [pending for pending in group if pending.handoff.begin()]
            if group:
                self._commit(group)
            # An exception that a caller holds must not keep alive, through this frame, what it wrote.
            del group
            if closing:
                return

    def _take_group(self) -> tuple[list[_Pending[Any]], bool]:
        first = self._queue.get()
        if first is None:
            return [], True
        group = [first]
        while len(group) < _GROUP_OPERATIONS:
            try:
                pending = self._queue.get_nowait()
            except queue.Empty:
                break
            if pending is None:
                return group, True
            group.append(pending)
        return group, False

    def _commit(self, group: list[_Pending[Any]]) -> None:
        answers: list[tuple[_Pending[Any], Any]] = []
        try:
            if self._must_reload:
                self._reload()
            with self._catalog.write() as txn:
                for pending in group:
                    try:
                        if pending.operation.touched is not None:
                            self._collections.check_there(pending.operation.touched)
                        answers.append((pending, pending.operation.apply(self._catalog, txn)))
                    except VicinalError as error:
                        pending.handoff.fail(error)
            self._publish(answers)
        except BaseException as error:
            self._fail(group, error)
            return
        for pending, answer in answers:
            pending.handoff.succeed(answer)

    def _publish(self, answers: list[tuple[_Pending[Any], Any]]) -> None:
        for state in {id(s): s for p, _ in answers if (s := p.operation.touched) is not None}.values():
            state.publish()
        self._collections.publish()

    def _reload(self) -> None:
        # What memory holds is not known to match the catalog, and nothing may be written over it.
        self._must_reload = True
        try:
            self._collections.reload()
        except Exception as error:
            raise Unavailable(
                f"a commit failed, and so did reading back what the catalog has ({error}); nothing is "
                "written until that works, and every write tries it first"
            ) from error
        self._must_reload = False

    def _fail(self, group: list[_Pending[Any]], error: BaseException) -> None:
        if not self._must_reload:
            try:
                self._reload()
            except Unavailable as unavailable:
                error.add_note(str(unavailable))
        for pending in group:
            pending.handoff.fail(_told(error))


def _told(error: BaseException) -> BaseException:
    """Return the error for one caller: callers of a group wait in threads of their own."""
    if not isinstance(error, FOREIGN):
        return error
    told = translate(error)
    told.__cause__ = error
    return told


def _wait(handoff: Handoff[Any]) -> None:
    """Wait until a change is made, or withdraw it when time is over before it was begun."""
    limit = deadline.current()
    if limit is not None:
        try:
            limit.wait(handoff.wait)
            return
        except DeadlineExceeded:
            # One that is being made is waited for, so that its caller knows what became of it.
            if handoff.begin():
                raise
    handoff.wait()
