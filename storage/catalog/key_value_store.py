"""What the catalog needs of an ordered key-value store."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

MAX_KEY_BYTES = 511


class ReadTransaction(Protocol):
    """One consistent state: what was committed when the transaction began, whatever is written later."""

    def get(self, key: bytes) -> bytes | None:
        """Return the value of `key`, None if there is none."""
        ...

    def scan(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield the pairs with ``start <= key < stop`` in byte order of the keys."""
        ...


class WriteTransaction(ReadTransaction, Protocol):
    """A `ReadTransaction` that also sees and makes its own changes.

    Changing keys while a scan of the same transaction runs is allowed outside the range still to be scanned.
    """

    def put(self, key: bytes, value: bytes) -> None:
        """Set `key`, replacing what it had. Keys are 1 to 511 bytes."""
        ...

    def delete(self, key: bytes) -> bool:
        """Remove `key`; return whether it was there."""
        ...

    def delete_range(self, start: bytes, stop: bytes) -> int:
        """Remove every key with ``start <= key < stop``; return how many there were."""
        ...


@dataclass(frozen=True, slots=True)
class StoreUse:
    """How much of a store is in use, and what keeps the rest from being used again.

    Attributes
    ----------
    used_bytes : int
        Bytes of what the last commit left, free pages not counted.
    commits_behind : int
        How many commits ago the oldest read that is under way began; what was freed since waits for it.
    reader : int or None
        The pid of the process that reads there; None when nothing waits.
    """

    used_bytes: int
    commits_behind: int = 0
    reader: int | None = None


class KeyValueStore(Protocol):
    """An ordered map of bytes to bytes with snapshots for readers and atomic, durable writes.

    Reads may run in any thread, many at once. Writes come from one thread at a time.
    """

    @property
    def path(self) -> str:
        """Where the bytes are, for messages."""
        ...

    @property
    def size_bytes(self) -> int:
        """How much room the store takes."""
        ...

    def use(self) -> StoreUse:
        """Return how much of it is in use, and who holds the rest."""
        ...

    def read(self) -> AbstractContextManager[ReadTransaction]:
        """Begin a read. Keep it short: pages it can see are not reused while it is open."""
        ...

    def write(self) -> AbstractContextManager[WriteTransaction]:
        """Begin a write: committed, durably, when the block ends, undone when it raises."""
        ...

    def version(self) -> int:
        """Return a number that grows with every commit that changed something, in any process."""
        ...

    def known_version(self) -> int | None:
        """Return that number where it can be told at once, or None; an interrupt does no harm here."""
        ...

    def close(self) -> None:
        """Close the store; it is allowed to close twice."""
        ...


def check_key(key: bytes) -> None:
    """Raise ValueError when no store could hold `key`."""
    if not 1 <= len(key) <= MAX_KEY_BYTES:
        raise ValueError(f"a key has 1 to {MAX_KEY_BYTES} bytes, this one has {len(key)}")
