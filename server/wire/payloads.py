"""Payloads as messages: JSON objects laid end to end."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from ...engine.error_translation import translated
from ...engine.errors import InvalidArgument
from ...proto.v1 import vectors_pb2 as pb
from ...storage.columns.json_rows import MAX_DEPTH, encode_row
from ...storage.columns.payloads import PayloadColumn
from .bounded_json import has_long_number, read_object
from .packed_column import offsets

_EMPTY = b"{}"


def put_payloads(message: pb.Payloads, column: PayloadColumn) -> None:
    """Fill ``message`` with a column; its text is copied once and not parsed."""
    message.SetInParent()
    arrays = column.arrays()
    ends = arrays["offsets"]
    message.json = arrays["data"].tobytes()
    message.row_sizes.extend((ends[1:] - ends[:-1]).tolist())


def read_checked_payloads(message: pb.Payloads, n: int, what: str = "payloads") -> PayloadColumn:
    """Return the payloads of ``n`` points as the texts they came as, each one that the engine takes.

    Raises
    ------
    InvalidArgument
        When there are not ``n``, or one is not a JSON object, or holds what the engine does not store.
    """
    column = read_payload_column(message, n, what)
    long_number = has_long_number(message.json)
    for number in range(n if message.json else 0):
        text = column.raw(number)
        row = read_object(text, f"{what} row {number}", what, long_number)
        if long_number or text.count(b"[") + text.count(b"{") > MAX_DEPTH:
            with translated():
                encode_row(row, number)
    return column


def read_payload_column(message: pb.Payloads, n: int, what: str = "payloads") -> PayloadColumn:
    """Return the payloads of ``n`` points without parsing them; InvalidArgument when there are not ``n``."""
    text = message.json
    if not text and not message.row_sizes:
        return PayloadColumn.from_rows(None, n)
    sizes = _checked_sizes(message, n, len(text), what)
    bounds = offsets(sizes)
    if 0 not in sizes:
        return PayloadColumn(bounds, np.frombuffer(text, np.uint8))
    return PayloadColumn.from_raw([text[start:stop] or _EMPTY for start, stop in pairwise(bounds.tolist())])


def _checked_sizes(message: pb.Payloads, n: int, n_bytes: int, what: str) -> list[int]:
    rows = len(message.row_sizes)
    if rows != n:
        raise InvalidArgument(f"{what} has {rows} rows for {n} ids; pass one object per id", field=what)
    sizes = message.row_sizes[:]
    if sum(sizes) != n_bytes:
        raise InvalidArgument(
            f"{what} has {n_bytes} bytes of JSON, but its row_sizes add up to {sum(sizes)}", field=what
        )
    return sizes
