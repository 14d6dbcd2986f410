"""The arrays of a Seismic index, checked, as kernels read them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import check_array
from ..protocol import Arrays
from ..rows.addresses import address
from ..rows.sparse import SparseRows
from ..sparse.slots import slots_of
from .forward import forward_record

# In segments of before, tables have another name, and no pair lies in them.
_FORMER_TABLES, _FORMER_NO_ENTRY = "tables", 0xFFFFFFFF


class SeismicArrays:
    """Arrays of an index and the record that leads kernels to them; kept alive together.

    Raises
    ------
    ValueError
        They do not fit each other or the rows. What a block holds is not read for that; damage is met by the
        file's checksums.
    """

    def __init__(self, arrays: Arrays, rows: SparseRows) -> None:
        from ..kernels.blocking import NO_ENTRY, SINGLE
        from ..kernels.forward import UNIT
        from ..kernels.summaries import BLOCKS

        n, n_terms = len(rows), len(arrays.get("terms", ()))
        self.terms = check_array("terms", arrays, np.uint32, (n_terms,))
        check_array("frequencies", arrays, np.int64, (n_terms,))
        self.steps = check_array("steps", arrays, np.float32, (n_terms,))
        n_blocks, n_parts = len(arrays.get("block_ends", ())), len(arrays.get("part_blocks", (0,))) - 1
        ends = check_array("block_ends", arrays, np.uint32, (n_blocks,))
        postings = check_array("postings", arrays, np.uint32, (len(arrays.get("postings", ())),))
        former = _FORMER_TABLES in arrays
        named = _FORMER_TABLES if former else "summaries"
        tables = check_array(named, arrays, np.uint32, (len(arrays.get(named, ())),))
        pairs = check_array("pairs", arrays, np.uint16, (len(arrays.get("pairs", ())),))
        records = check_array("records", arrays, np.uint8, (len(arrays.get("records", ())),))
        offsets = check_array("offsets", arrays, np.uint32, (n + 1,))
        self.list_parts = _rising("list_parts", arrays, n_terms, n_parts)
        self.part_blocks = _rising("part_blocks", arrays, n_parts, n_blocks)
        _rising("part_tables", arrays, n_parts, len(tables))
        _rising("part_pairs", arrays, n_parts, len(pairs))
        if (
            int(offsets[0]) != 0
            or int(offsets[-1]) * UNIT != len(records)
            or (offsets[1:] < offsets[:-1]).any()
        ):
            raise ValueError(f"the offsets of the records do not rise from 0 to {len(records)} bytes")
        if (ends[1:] <= ends[:-1]).any() or (int(ends[-1]) if n_blocks else 0) != len(postings):
            raise ValueError(f"the ends of the blocks do not rise to {len(postings)}")
        record = np.zeros(1, BLOCKS)
        record["forward"] = forward_record(self.steps, offsets, records)
        record["indptr"], record["indices"] = address(rows.indptr), address(rows.indices)
        record["values"], record["nnz"] = address(rows.values), len(rows.indices)
        self._slots = slots_of(self.terms)
        self._order = self._ordered = None
        if self._slots is None:
            self._order = np.argsort(self.terms).astype(np.uint32)
            self._ordered = self.terms[self._order]
        record["order"], record["slot_of"] = address(self._ordered), address(self._order)
        record["slots"] = address(self._slots)
        record["n_slots"] = 0 if self._slots is None else len(self._slots)
        record["form"], record["flat"] = rows.form, rows.flat
        for name in ("steps", "list_parts", "part_blocks", "part_tables", "part_pairs", "block_ends"):
            record[name] = address(arrays[name])
        for name in ("postings", "pairs"):
            record[name] = address(arrays[name])
        record["tables"] = address(tables)
        record["no_entry"], record["single"] = (_FORMER_NO_ENTRY, 0) if former else (NO_ENTRY, SINGLE)
        if "neighbors" in arrays:
            n_knn = arrays["neighbors"].shape[-1]
            record["neighbors"] = address(check_array("neighbors", arrays, np.uint32, (n, n_knn)))
            record["n_knn"] = n_knn
        record["n_parts"], record["n_blocks"], record["n_postings"] = n_parts, n_blocks, len(postings)
        self._arrays, self._record = arrays, record
        self.address = address(record)
        self.nbytes = sum(array.nbytes for array in arrays.values())

    def document_frequencies(self, terms: NDArray[np.uint32]) -> NDArray[np.int64]:
        """Return how many rows hold each of the given terms."""
        found = np.zeros(len(terms), np.int64)
        if self._slots is not None:
            known = terms < len(self._slots)
            slots = np.full(len(terms), len(self.terms), np.int64)
            slots[known] = self._slots[terms[known]]
        elif self._ordered is not None and self._order is not None and len(self._ordered):
            places = np.minimum(np.searchsorted(self._ordered, terms), len(self._ordered) - 1)
            slots = np.where(self._ordered[places] == terms, self._order[places], len(self.terms))
        else:
            return found
        has = slots < len(self.terms)
        found[has] = self._arrays["frequencies"][slots[has]]
        return found


def _rising(name: str, arrays: Arrays, n: int, last: int) -> NDArray[Any]:
    offsets = check_array(name, arrays, np.int64, (n + 1,))
    if int(offsets[0]) != 0 or int(offsets[-1]) != last or (offsets[1:] < offsets[:-1]).any():
        raise ValueError(f"{name} does not rise from 0 to {last}")
    return offsets
