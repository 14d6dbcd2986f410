"""Payloads that a caller passes, one object a point or a frame with one row a point, as they are stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from ...storage.arrow.library import ArrowStream
from ...storage.arrow.payload_values import FrameValues
from ...storage.columns.payloads import PayloadColumn
from ..error_translation import translated
from ..errors import InvalidArgument
from ..schema.collection_schema import CollectionSchema
from ..schema.payload_field import FieldType

Payloads = Sequence[Mapping[str, Any] | None] | ArrowStream
"""One object or None a point, or a frame with a row a point."""

_EXACT = 2**53
"""Up to here every whole number is a float."""


def payload_column(schema: CollectionSchema, payloads: Payloads | None, n: int) -> PayloadColumn:
    """Return the payloads of ``n`` points; of a frame a row is one, the names of its columns are the keys.

    A null of a frame is a null. Whole numbers with gaps are floats in many frames; in the column of a field
    that is declared ``integer`` they become what they were.

    Raises
    ------
    InvalidArgument
        At the first row that is not an object or holds what JSON does not; when there are not ``n``; when a
        frame cannot be read, or an integer field's column has floats that are not whole.
    """
    with translated():
        frame = FrameValues.of(payloads)
        if frame is None:
            return PayloadColumn.from_rows(cast("Sequence[Mapping[str, Any] | None] | None", payloads), n)
        for name, kind in schema.fixed.items():
            if kind is FieldType.INTEGER and name in frame.columns:
                frame.columns[name] = _whole(name, frame.columns[name])
        return PayloadColumn.from_rows(frame.rows(), n)


def _whole(name: str, values: list[Any]) -> list[Any]:
    whole = []
    for row, value in enumerate(values):
        if isinstance(value, float):
            if not (value.is_integer() and abs(value) <= _EXACT):
                raise InvalidArgument(
                    f"payloads column {name!r} holds floats, as whole numbers do in a frame where some are "
                    f"missing, and row {row} has {value!r}, which is not exactly a whole number; the field "
                    "is declared integer: make the column one of integers that can be null "
                    "(pandas: .astype('Int64'))",
                    field="payloads",
                )
            value = int(value)
        whole.append(value)
    return whole
