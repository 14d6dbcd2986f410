"""The numbers of a collection's tenants."""

from __future__ import annotations

from collections.abc import Callable, Mapping

LookUp = Callable[[str], int | None]


class TenantNumbers:
    """The tenants of a collection by name, numbered from 1 on without gaps and never taken away.

    A process that follows a writer sees numbers in the log before it knows their names. Those it looks up
    one at a time, when they are asked for: reading all names again would cost the more the more there are.

    Attributes
    ----------
    last : int
        The highest number, which is how many there are.
    """

    def __init__(self, known: Mapping[str, int], look_up: LookUp) -> None:
        self._known = dict(known)
        self._look_up = look_up
        self.last = max(self._known.values(), default=0)

    def __len__(self) -> int:
        return self.last

    def names(self) -> list[str]:
        """Return the names of those that are known: of all, in the process that writes."""
        return list(self._known)

    def get(self, name: str) -> int | None:
        """Return the number of a tenant, None for one that never wrote."""
        number = self._known.get(name)
        if number is None and len(self._known) < self.last:
            number = self._look_up(name)
            if number is not None:
                self._known[name] = number
        return number

    def add(self, name: str) -> int:
        """Give a tenant that writes for the first time its number; only the writer does."""
        self.last += 1
        self._known[name] = self.last
        return self.last

    def saw(self, number: int) -> None:
        """Say that points of a tenant came, known or not."""
        self.last = max(self.last, number)
