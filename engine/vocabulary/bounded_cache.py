"""What was looked up lately, and no more of it than was said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class BoundedCache(Generic[K, V]):
    """Keeps between ``most`` and twice as many pairs: the newest, and those that were asked for since.

    Any thread may use it: at worst one that is in another's way forgets some pairs.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._recent: dict[K, V] = {}
        self._older: dict[K, V] = {}

    def __len__(self) -> int:
        return len(self._recent) + len(self._older)

    def get(self, keys: Sequence[K]) -> list[V | None]:
        """Return the value of each key, None where it is not known."""
        recent, older = self._recent, self._older
        values = list(map(recent.get, keys))
        if older:
            found = {
                key: again
                for key, value in zip(keys, values, strict=True)
                if value is None and (again := older.get(key)) is not None
            }
            if found:
                values = [found.get(key) if v is None else v for key, v in zip(keys, values, strict=True)]
                self.update(found)
        return values

    def update(self, pairs: Mapping[K, V]) -> None:
        """Keep pairs; of more than fit, the last."""
        if len(self._recent) + len(pairs) > self._most:
            self._older, self._recent = self._recent, {}
        if len(pairs) > self._most:
            pairs = dict(list(pairs.items())[-self._most :])
        self._recent.update(pairs)
