"""Point ids as messages: numbers and texts in a column each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...engine.errors import InvalidArgument
from ...engine.results.point import PointId
from ...proto.v1 import vectors_pb2 as pb
from .packed_column import put_packed

_NUMBERS = pb.PointIds.NUMBERS_FIELD_NUMBER


def put_ids(message: pb.PointIds, ids: Sequence[PointId] | NDArray[Any]) -> None:
    """Fill ``message`` with ids: plain ints and texts, or a column of uint64 or of objects."""
    message.SetInParent()
    if isinstance(ids, np.ndarray):
        if ids.dtype == np.uint64:
            put_packed(message, _NUMBERS, ids)
            return
        ids = ids.tolist()
    texts = [point_id for point_id in ids if isinstance(point_id, str)]
    message.texts.extend(texts)
    if len(texts) < len(ids):
        message.numbers.extend(point_id for point_id in ids if not isinstance(point_id, str))
        if texts:
            message.is_text.extend(isinstance(point_id, str) for point_id in ids)


def count_ids(message: pb.PointIds) -> int:
    """Return how many ids a message holds."""
    return len(message.numbers) + len(message.texts)


def read_ids(message: pb.PointIds, what: str = "ids") -> list[PointId]:
    """Return the ids in order; the engine checks what each may be.

    Raises
    ------
    InvalidArgument
        When ``is_text`` does not fit the two columns.
    """
    numbers: Sequence[PointId] = message.numbers
    texts: Sequence[PointId] = message.texts
    flags = message.is_text
    if not flags and not (numbers and texts):
        return list(texts or numbers)
    if len(flags) != len(numbers) + len(texts) or sum(flags) != len(texts):
        raise InvalidArgument(
            f"{what} has {len(numbers)} numbers and {len(texts)} texts, which its is_text of {len(flags)} "
            "entries does not lay out",
            field=what,
        )
    next_number, next_text = iter(numbers), iter(texts)
    return [next(next_text) if flag else next(next_number) for flag in flags]


def read_id_array(message: pb.PointIds, what: str = "ids") -> NDArray[Any]:
    """Return the ids as a column: uint64 when all are numbers, else object.

    Raises
    ------
    InvalidArgument
        As :func:`read_ids`.
    """
    if not message.texts and not message.is_text:
        return np.fromiter(message.numbers, np.uint64, len(message.numbers))
    ids = read_ids(message, what)
    column = np.empty(len(ids), object)
    column[:] = ids
    return column
