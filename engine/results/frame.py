"""Results as frames of other libraries."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from ...storage.arrow.library import optional_library
from ...storage.arrow.tables import table_of
from ..error_translation import public


@dataclass(frozen=True, slots=True)
class FrameColumns:
    """What a frame of n rows is made of.

    Attributes
    ----------
    numbers : mapping of str to (n,) array
        The first columns, ids among them.
    payloads : sequence of n mappings
    vectors : mapping of str to pyarrow.Array
        By field name, n rows each.
    """

    numbers: Mapping[str, NDArray[Any]]
    payloads: Sequence[Mapping[str, Any]]
    vectors: Mapping[str, Any]


@public
class AsFrame(ABC):
    """Results that can be had as a frame, a row a point: of pyarrow, pandas or polars.

    They give themselves by the Arrow PyCapsule protocol too, so ``pyarrow.table(hits)``,
    ``pandas.DataFrame.from_arrow(hits)`` and DuckDB read them as they are.

    The columns are ``id``, those of payloads by key, and those of vectors by field where results carry
    them: dense ones lists of one size, sparse ones objects of ``indices`` and ``values``. A payload that
    lacks a key has a null in its column. Whole numbers beside others of the same key become floats. Other
    values of a key that have no type in common, as objects with differing keys, are JSON text, and so are
    ids where some are numbers and some are texts; the column's metadata says ``vicinal.json``.
    """

    __slots__ = ()

    def to_arrow(self, *, payload_prefix: str = "") -> Any:
        """Return the results as a pyarrow.Table.

        Parameters
        ----------
        payload_prefix : str
            Before each payload key in the name of its column; needed where a key is also the name of
            another column, as ``id``.

        Raises
        ------
        InvalidArgument
            When two columns would have one name, or pyarrow is not installed.
        """
        optional_library("pyarrow", "to_arrow")
        columns = self._frame_columns()
        return table_of(columns.numbers, columns.payloads, columns.vectors, payload_prefix)

    def to_pandas(self, *, payload_prefix: str = "") -> Any:
        """Return the results as a pandas.DataFrame, as :meth:`to_arrow` does.

        Whole numbers and truth values with gaps are columns of ``Int64``, ``UInt64`` and ``boolean``.
        """
        pandas = optional_library("pandas", "to_pandas")
        table = self.to_arrow(payload_prefix=payload_prefix)
        frame = table.to_pandas()
        nullable = {"int64": "Int64", "uint64": "UInt64", "bool": "boolean"}
        for name in table.column_names:
            column = table[name]
            if column.null_count and str(column.type) in nullable:
                frame[name] = pandas.array(column.to_pylist(), dtype=nullable[str(column.type)])
        return frame

    def to_polars(self, *, payload_prefix: str = "") -> Any:
        """Return the results as a polars.DataFrame, as :meth:`to_arrow` does."""
        polars = optional_library("polars", "to_polars")
        return polars.from_arrow(self.to_arrow(payload_prefix=payload_prefix))

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return what :meth:`to_arrow` does as a capsule of an ArrowArrayStream."""
        return self.to_arrow().__arrow_c_stream__(requested_schema)

    @abstractmethod
    def _frame_columns(self) -> FrameColumns:
        """Return the columns of the frame."""
