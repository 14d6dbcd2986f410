"""A batch of points as columns, and its bytes in the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays.table import decode_table, encode_table, table_bytes
from ..errors import CorruptionError
from .ids import IdColumn
from .partial import PartialColumn, column_of, concat_columns
from .payloads import PayloadColumn
from .ragged import Rows, row_numbers
from .vectors import COLUMN_OF_KIND, StoredKind, VectorColumn

MAGIC = b"VBAT"
VERSION = 4

_NO_TENANTS = np.empty(0, np.uint32)
# Eight bytes of padding before each array and the extra offset that every ragged column has.
_SLACK_PER_ARRAY = 16


@dataclass(frozen=True, slots=True)
class Batch:
    """Points in row order, one row in every column.

    Attributes
    ----------
    ids : IdColumn
    payloads : PayloadColumn
    vectors : dict of str to VectorColumn
        By field name; a field name holds no ``/``.
    tenants : (n,) uint32, or empty in a collection without tenants
    """

    ids: IdColumn
    payloads: PayloadColumn
    vectors: Mapping[str, VectorColumn] = field(default_factory=dict)
    tenants: NDArray[np.uint32] = field(default_factory=lambda: _NO_TENANTS)

    def __post_init__(self) -> None:
        n = len(self.ids)
        lengths = {
            "payloads": len(self.payloads),
            **{name: len(column) for name, column in self.vectors.items()},
        }
        if len(self.tenants):
            lengths["tenants"] = len(self.tenants)
        wrong = {name: length for name, length in lengths.items() if length != n}
        if wrong:
            raise ValueError(f"columns {wrong} do not have the {n} rows of the ids")

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def nbytes(self) -> int:
        """Bytes of all its arrays."""
        in_vectors = sum(column.nbytes for column in self.vectors.values())
        return self.ids.nbytes + self.payloads.nbytes + self.tenants.nbytes + in_vectors

    def encode(self) -> bytes:
        """Return the batch as bytes; :meth:`decode` is its inverse."""
        version = max(map(_version_of, self.vectors.values()), default=1)
        return encode_table(MAGIC, version, self._arrays())

    @classmethod
    def decode(cls, data: bytes | memoryview, source: str = "batch") -> Batch:
        """Return the batch of these bytes; its columns are views of ``data`` where alignment allows.

        Raises
        ------
        CorruptionError
            When the bytes are not those of a whole batch; ``source`` says in it where they came from.
        FormatVersionError
            When they were written by a newer version.
        """
        groups: dict[str, dict[str, NDArray[Any]]] = {}
        for path, array in decode_table(MAGIC, VERSION, data, source).items():
            group, _, name = path.rpartition("/")
            groups.setdefault(group, {})[name] = array
        ids = IdColumn.from_arrays(groups.pop("ids", {}), source)
        payloads = PayloadColumn.from_arrays(groups.pop("payloads", {}), source)
        tenants = groups.pop("", {}).get("tenants", _NO_TENANTS)
        if tenants.dtype != np.uint32 or tenants.ndim != 1:
            raise CorruptionError(
                source, f"tenants are {tenants.dtype} {tenants.shape}, expected uint32 (n,)"
            )
        vectors = dict(_decode_vectors(group, arrays, len(ids), source) for group, arrays in groups.items())
        try:
            return cls(ids, payloads, vectors, tenants)
        except ValueError as error:
            raise CorruptionError(source, str(error)) from error

    def take(self, rows: Rows) -> Batch:
        """Return the batch of ``rows``, in that order."""
        chosen = row_numbers(rows)
        vectors = {name: column.take(chosen) for name, column in self.vectors.items()}
        tenants = self.tenants[chosen] if len(self.tenants) else self.tenants
        return Batch(self.ids.take(chosen), self.payloads.take(chosen), vectors, tenants)

    def slice(self, start: int, stop: int) -> Batch:
        """Return the batch of rows ``start`` to ``stop``, over views where the columns have them."""
        vectors = {name: column.slice(start, stop) for name, column in self.vectors.items()}
        return Batch(
            self.ids.slice(start, stop),
            self.payloads.slice(start, stop),
            vectors,
            self.tenants[start:stop],
        )

    @classmethod
    def concat(cls, batches: Sequence[Batch]) -> Batch:
        """Return one or more batches with the same vector fields laid end to end."""
        filled = [batch for batch in batches if len(batch)] or list(batches[:1])
        if not filled:
            raise ValueError("no batches to lay end to end; pass at least one")
        vectors = {
            name: concat_columns([batch.vectors[name] for batch in filled]) for name in filled[0].vectors
        }
        return cls(
            IdColumn.concat([batch.ids for batch in filled]),
            PayloadColumn.concat([batch.payloads for batch in filled]),
            vectors,
            _concat_tenants(filled),
        )

    def split(self, max_bytes: int) -> list[Batch]:
        """Return consecutive batches of at most ``max_bytes`` encoded each; a single row may exceed it."""
        if table_bytes(self._arrays()) <= max_bytes or len(self) <= 1:
            return [self]
        arrays = self._arrays()
        overhead = table_bytes({name: array[:0] for name, array in arrays.items()}) + _SLACK_PER_ARRAY * len(
            arrays
        )
        room = max(max_bytes - overhead, 1)
        ends = np.cumsum(self._row_bytes())
        parts, start = [], 0
        while start < len(self):
            before = int(ends[start - 1]) if start else 0
            stop = max(int(np.searchsorted(ends, before + room, side="right")), start + 1)
            parts.append(self.slice(start, stop))
            start = stop
        return parts

    def _row_bytes(self) -> NDArray[np.int64]:
        sizes = self.ids.row_bytes() + self.payloads.row_bytes()
        for column in self.vectors.values():
            sizes += column.row_bytes()
        if len(self.tenants):
            sizes += self.tenants.itemsize
        return sizes

    def _arrays(self) -> dict[str, NDArray[Any]]:
        arrays = {f"ids/{name}": array for name, array in self.ids.arrays().items()}
        arrays.update({f"payloads/{name}": array for name, array in self.payloads.arrays().items()})
        if len(self.tenants):
            arrays["tenants"] = self.tenants
        for field_name, column in self.vectors.items():
            for name, array in column.arrays().items():
                arrays[f"vectors/{field_name}/{column.kind}/{name}"] = array
        return arrays


def _version_of(column: VectorColumn) -> int:
    """Return from which version on a column is read: any reads one that has all its vectors, as floats."""
    tokens = column.arrays().get("tokens")
    if tokens is not None and tokens.dtype.kind != "f":
        return 4
    if column.kind == "binary":
        return 3
    return 2 if isinstance(column, PartialColumn) else 1


def _concat_tenants(batches: Sequence[Batch]) -> NDArray[np.uint32]:
    if not any(len(batch.tenants) for batch in batches):
        return _NO_TENANTS
    # Without tenants is the same as all of them 0.
    return np.concatenate(
        [batch.tenants if len(batch.tenants) else np.zeros(len(batch), np.uint32) for batch in batches]
    )


def _decode_vectors(
    group: str, arrays: Mapping[str, NDArray[Any]], n: int, source: str
) -> tuple[str, VectorColumn]:
    head, _, rest = group.partition("/")
    name, _, kind = rest.rpartition("/")
    if head != "vectors" or not name or kind not in COLUMN_OF_KIND:
        raise CorruptionError(source, f"unknown arrays {group!r}")
    known: dict[str, StoredKind] = {known: known for known in COLUMN_OF_KIND}
    return name, column_of(known[kind], arrays, n, source)
