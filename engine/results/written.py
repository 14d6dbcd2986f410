"""What an upsert did."""

from __future__ import annotations


class Written(int):
    """The sequence number up to which a collection is durable, as an int that also says what was written.

    Attributes
    ----------
    points : int
        How many points of the call were inserted or replaced; fewer than it had where a condition left some
        as they were.
    """

    points: int

    def __new__(cls, sequence_number: int, points: int) -> Written:
        written = super().__new__(cls, sequence_number)
        written.points = points
        return written

    def __getnewargs__(self) -> tuple[int, int]:  # type: ignore[override]  # one more than an int has
        return int(self), self.points
