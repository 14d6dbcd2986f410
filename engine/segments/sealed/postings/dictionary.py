"""Sorted texts of a payload field in a segment: found by search, by how they begin, and by what they hold.

An array (b,) uint8 has the texts as UTF-8, one behind the other, in the order of their bytes; one (d,) int64,
where each ends. A text is known by its number in that order.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .....indexes.rows.bits import places_of_texts
from .....storage.errors import CorruptionError


def dictionary_arrays(texts: Iterable[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return texts as UTF-8, one behind the other, and where each ends."""
    encoded = [text.encode() for text in texts]
    ends = np.cumsum(np.fromiter(map(len, encoded), np.int64, len(encoded)), dtype=np.int64)
    return np.frombuffer(b"".join(encoded), np.uint8), ends


class Dictionary(Sequence[bytes]):
    """Different texts in the order of their UTF-8. Immutable."""

    def __init__(self, data: NDArray[Any], ends: NDArray[Any]) -> None:
        if data.dtype != np.uint8 or ends.dtype != np.int64 or (ends[-1] if len(ends) else 0) != len(data):
            raise CorruptionError("segment", f"a dictionary of {len(ends)} texts has {len(data)} bytes")
        self._data, self._ends = data, ends

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, number: Any) -> Any:
        start = int(self._ends[number - 1]) if number else 0
        return self._data[start : int(self._ends[number])].tobytes()

    def find(self, text: str) -> int | None:
        """Return the number of a text, None when it is not there."""
        encoded = text.encode()
        number = bisect_left(self, encoded)
        return number if number < len(self) and self[number] == encoded else None

    def find_all(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Return the numbers of those of many texts that are there, in their order."""
        numbers = places_of_texts(self._data, self._ends, *dictionary_arrays(texts))
        if numbers is None:
            raise CorruptionError(
                "segment", f"the texts of a dictionary lie beyond its {len(self._data)} bytes"
            )
        return numbers[numbers >= 0]

    def beginning(self, prefix: str) -> tuple[int, int]:
        """Return the first and the end of the numbers of texts that begin so."""
        encoded = prefix.encode()
        start = bisect_left(self, encoded)
        return start, bisect_left(self, True, start, key=lambda text: not text.startswith(encoded))

    def accepted(self, accepts: Callable[[str], bool], having: str = "") -> NDArray[np.int64]:
        """Return the numbers of the texts that are accepted; all of those have ``having`` in them."""
        data = self._data.tobytes()
        numbers = self._having(data, having.encode()) if having else np.arange(len(self))
        starts = np.where(numbers > 0, self._ends[numbers - 1], 0).tolist() if len(self) else []
        texts = (
            data[start:end].decode() for start, end in zip(starts, self._ends[numbers].tolist(), strict=True)
        )
        try:
            return numbers[np.fromiter(map(accepts, texts), np.bool_, len(numbers))]
        except UnicodeDecodeError as error:
            raise CorruptionError("segment", f"a text of a dictionary is not UTF-8: {error}") from error

    def _having(self, data: bytes, part: bytes) -> NDArray[np.int64]:
        places, at = [], data.find(part)
        while at >= 0:
            number = int(np.searchsorted(self._ends, at, side="right"))
            places.append(number)
            # The rest of a text needs no looking at.
            at = data.find(part, int(self._ends[number]))
        return np.array(places, np.int64)
