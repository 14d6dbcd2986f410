"""What lists hold, as a spec says it."""

from __future__ import annotations

from dataclasses import dataclass

from ..codecs.protocol import CodecSpec


@dataclass(frozen=True, slots=True)
class Layout:
    """What lists hold.

    Parameters
    ----------
    codec
        What is read of each row; None for the stored vectors.
    residual
        Whether codes are of what is left of a row beside its centroid.
    spill
        Whether each row stands in a second list too.
    """

    codec: CodecSpec | None
    residual: bool
    spill: bool
