"""Effort tables measured on a caller's own queries: kept in the catalog, beside immutable segments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....indexes.protocol import Arrays
from ....storage.arrays.table import decode_table, encode_table
from ....storage.catalog.catalog import Catalog
from ....storage.catalog.key_value_store import ReadTransaction, WriteTransaction
from .segment import SealedSegment

_MAGIC = b"VCAL"
_VERSION = 1

Tables = dict[str, Arrays]
"""Arrays of an effort table by name, by vector field."""


def store_tables(
    catalog: Catalog, txn: WriteTransaction, collection: int, segment: str, tables: Tables
) -> None:
    """Store the effort tables of one segment."""
    for field, arrays in tables.items():
        catalog.put_calibration(txn, collection, segment, field, _encode(arrays))


def load_tables(catalog: Catalog, txn: ReadTransaction, collection: int, segment: SealedSegment) -> list[str]:
    """Give the indexes of ``segment`` the effort tables that the catalog holds for them.

    Returns the fields of which it had another or none.
    """
    known, changed = segment.effort_tables, []
    for field in segment.indexed_fields:
        value = catalog.calibration(txn, collection, segment.uuid, field)
        if value is not None:
            table = _decode(value)
            if not _equal(table, known.get(field)):
                segment.set_effort_table(field, table)
                changed.append(field)
    return changed


def _equal(one: Arrays, other: Arrays | None) -> bool:
    if other is None or one.keys() != other.keys():
        return False
    return all(np.array_equal(array, other[name]) for name, array in one.items())


def encode_queries(queries: Mapping[str, NDArray[Any]]) -> bytes:
    """Encode calibration queries for the catalog."""
    return _encode(queries)


def load_queries(
    catalog: Catalog, txn: ReadTransaction, collection: int, field: str
) -> dict[str, NDArray[Any]] | None:
    """Return the calibration queries of a field, None when there are none."""
    value = catalog.calibration_queries(txn, collection, field)
    return None if value is None else _decode(value)


def _encode(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    return encode_table(_MAGIC, _VERSION, {name: np.ascontiguousarray(a) for name, a in arrays.items()})


def _decode(value: bytes) -> dict[str, NDArray[Any]]:
    return decode_table(_MAGIC, _VERSION, value, "calibration")
