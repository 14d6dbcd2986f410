"""The catalog's store without a disk."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sortedcontainers import SortedDict

from ..catalog.key_value_store import StoreUse, check_key
from ..errors import ClosedError


class MemoryReadTransaction:
    """A `ReadTransaction` over the store's one sorted map.

    `_overlay` holds what differs from the map: for a reader the values that later commits replaced, for a
    writer its own changes. None stands for a key that is not there.
    """

    def __init__(self, store: MemoryStore) -> None:
        self._store: MemoryStore | None = store
        self._overlay: SortedDict[bytes, bytes | None] = SortedDict()

    def get(self, key: bytes) -> bytes | None:
        """Return the value of `key`, None if there is none."""
        check_key(key)
        store = self._open()
        with store.lock:
            return self._value(store, key)

    def scan(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield the pairs with ``start <= key < stop`` in byte order of the keys."""
        while (pair := self._next(start, stop)) is not None:
            yield pair
            start = pair[0] + b"\0"

    def preserve(self, key: bytes, value: bytes | None) -> None:
        """Keep showing `value` although a commit is about to change it."""
        self._overlay.setdefault(key, value)

    def finish(self) -> None:
        """Refuse every later call."""
        self._store = None

    def _open(self) -> MemoryStore:
        if self._store is None:
            raise ClosedError("this transaction has ended")
        return self._store

    def _value(self, store: MemoryStore, key: bytes) -> bytes | None:
        value: bytes | None = self._overlay[key] if key in self._overlay else store.values.get(key)
        return value

    def _next(self, start: bytes, stop: bytes) -> tuple[bytes, bytes] | None:
        """Return the first pair in the range."""
        store = self._open()
        with store.lock:
            while start < stop:
                candidates = [
                    key
                    for keys in (store.values, self._overlay)
                    if (key := next(keys.irange(start, stop, (True, False)), None)) is not None
                ]
                if not candidates:
                    return None
                key = min(candidates)
                value = self._value(store, key)
                if value is not None:
                    return key, value
                start = key + b"\0"
        return None


class MemoryWriteTransaction(MemoryReadTransaction):
    """A `WriteTransaction` whose changes reach the map at the commit."""

    def put(self, key: bytes, value: bytes) -> None:
        """Set `key`, replacing what it had."""
        check_key(key)
        self._open()
        self._overlay[key] = bytes(value)

    def delete(self, key: bytes) -> bool:
        """Remove `key`; return whether it was there."""
        present = self.get(key) is not None
        if present:
            self._overlay[key] = None
        return present

    def delete_range(self, start: bytes, stop: bytes) -> int:
        """Remove every key with ``start <= key < stop``; return how many there were."""
        keys = [key for key, _ in self.scan(start, stop)]
        for key in keys:
            self._overlay[key] = None
        return len(keys)

    def changes(self) -> dict[bytes, bytes | None]:
        """Return what the commit will write."""
        return dict(self._overlay)


class MemoryStore:
    """A `KeyValueStore` in memory.

    There is one map. A commit first hands every open reader the old values of the keys it changes, so readers
    cost nothing while nobody writes and see the state they began with when somebody does.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.values: SortedDict[bytes, bytes] = SortedDict()
        self._readers: set[MemoryReadTransaction] = set()
        self._write_lock = threading.Lock()
        self._writing_thread: int | None = None
        self._version = 0
        self._closed = False

    @property
    def path(self) -> str:
        """Where the bytes are, for messages."""
        return ":memory:"

    @property
    def size_bytes(self) -> int:
        """The bytes of keys and values."""
        with self.lock:
            return sum(len(key) + len(value) for key, value in self.values.items())

    def use(self) -> StoreUse:
        """Return its bytes: none is free."""
        return StoreUse(self.size_bytes)

    @contextmanager
    def read(self) -> Iterator[MemoryReadTransaction]:
        """Begin a read; see `KeyValueStore`."""
        transaction = MemoryReadTransaction(self)
        with self.lock:
            self._check_open()
            self._readers.add(transaction)
        try:
            yield transaction
        finally:
            transaction.finish()
            with self.lock:
                self._readers.discard(transaction)

    @contextmanager
    def write(self) -> Iterator[MemoryWriteTransaction]:
        """Begin a write; see `KeyValueStore`."""
        if self._writing_thread == threading.get_ident():
            raise RuntimeError("this thread is inside a write already: it would wait for itself forever")
        with self._write_lock:
            with self.lock:
                self._check_open()
            self._writing_thread = threading.get_ident()
            transaction = MemoryWriteTransaction(self)
            try:
                yield transaction
                self._commit(transaction.changes())
            finally:
                transaction.finish()
                self._writing_thread = None

    def version(self) -> int:
        """Return the number of commits that changed something."""
        with self.lock:
            self._check_open()
            return self._version

    def known_version(self) -> int | None:
        """Return the same."""
        return self.version()

    def close(self) -> None:
        """Close the store; a transaction still open in another thread may finish."""
        with self.lock:
            self._closed = True

    def _commit(self, changes: dict[bytes, bytes | None]) -> None:
        if not changes:
            return
        with self.lock:
            for key, value in changes.items():
                before = self.values.get(key)
                for reader in self._readers:
                    reader.preserve(key, before)
                if value is None:
                    self.values.pop(key, None)
                else:
                    self.values[key] = value
            self._version += 1

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedError(f"{self.path} was closed")
