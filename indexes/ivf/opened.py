"""The arrays of inverted lists, checked, as kernels read them."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import check_array, within
from ..codecs.centroids import open_centroids
from ..codecs.protocol import Codec, Coded, WeighedBias
from ..costs import costs
from ..exact.dense import row_record
from ..protocol import Arrays
from ..rows.addresses import address
from ..rows.dense import NO_NORMS, DenseRows
from ..rows.metric import Metric
from ..rows.offsets import check_offsets
from .blocks import block_starts, groups_of, padded_groups
from .layout import Layout
from .scratch import ScratchSizes

OF_LISTS, OF_CODEC = "lists.", "codec."
"""What the names of the arrays begin with that the codec of the centroids, and of the rows, has learnt."""

# Rows whose codes are compared in blocks for one row of a scan of codes row by row.
_ROWS_OF_BLOCKS = 8
_LINE = 64


@dataclass(frozen=True, slots=True)
class Listed:
    """What stands in lists.

    Parameters
    ----------
    dim
        Dimensions of a vector.
    metric
        How vectors are compared.
    rows
        Members are numbers below it.
    fewest, most
        How many entries the lists have together.
    repeated
        Whether a row may stand in a list more than once, having several vectors.
    """

    dim: int
    metric: Metric
    rows: int
    fewest: int
    most: int
    repeated: bool = False


class OpenedLists:
    """Arrays of an index and the record that leads kernels to them; kept alive together.

    Parameters
    ----------
    arrays
        Those of the index.
    listed
        What stands in the lists.
    layout
        How.
    stored
        The rows that kernels score exactly; None where others do that.

    Raises
    ------
    ValueError
        They do not fit each other or the rows.
    """

    def __init__(
        self, arrays: Arrays, listed: Listed, layout: Layout, stored: DenseRows | None = None
    ) -> None:
        from ..kernels.list_records import BLOCKS, LISTS, ROW_CODES, ROWS

        dim, metric = listed.dim, listed.metric
        self.n_lists = len(arrays.get(OF_LISTS + "codes", ()))
        self.offsets, self.members = check_lists(arrays, self.n_lists, listed)
        self.entries = len(self.members)
        of_lists, list_codes = open_centroids(within(OF_LISTS, arrays), dim, metric, self.n_lists)
        self._held: list[Any] = [stored, of_lists, list_codes, self.offsets, self.members]
        self.record = record = np.zeros(1, LISTS)
        padded_bytes = 0
        if stored is not None:
            row = self._hold(row_record(stored))
            record["rows"], padded_bytes = address(row), int(row["padded_bytes"][0])
        record["centroid_codes"] = address(self._hold(of_lists.record(list_codes)))
        record["n_lists"], record["n_entries"] = self.n_lists, self.entries
        record["offsets"], record["members"] = address(self.offsets), address(self.members)
        record["stops"] = address(self.offsets[1:])
        self.stops = check_stops(arrays, self.offsets)
        record["residual"] = layout.residual and layout.codec is not None
        record["spilled"] = layout.spill
        self.codec: Codec | None = None
        query_bytes, self.groups, self.row_bytes = 64, 0, 0
        record["form"] = ROWS
        if layout.codec is not None:
            self.codec = made = layout.codec.open(within(OF_CODEC, arrays), dim, metric)
            query_bytes, self.groups, self.row_bytes = made.query_bytes, groups_of(made), made.row_bytes
            record["form"] = BLOCKS if self.groups else ROW_CODES
            coded = self._blocks(arrays, made) if self.groups else made.checked(arrays, self.entries)
            self._hold(coded)
            record["codes"] = address(self._hold(made.record(coded)))
            if layout.residual and isinstance(made, WeighedBias):
                weights = self._hold(made.bias_weights(of_lists.decode(list_codes)))
                record["bias_weights"] = address(weights if len(weights) else None)
        self.address = address(record)
        self._list_lines = of_lists.query_bytes / _LINE
        self.sizes = ScratchSizes(
            padded=padded_bytes,
            query=query_bytes,
            list_query=of_lists.query_bytes,
            groups=padded_groups(self.groups),
            n_lists=self.n_lists,
        )

    @property
    def n_levels(self) -> int:
        """How many parts of each list can be read alone, each a part of the next."""
        return 0 if self.stops is None else len(self.stops)

    def until(self, level: int) -> OpenedLists:
        """Return the same lists, of each of which is read what stands before its stop of a level."""
        assert self.stops is not None
        shorter, stops = copy(self), self.stops[level]
        shorter.record, shorter.entries = self.record.copy(), int((stops - self.offsets[:-1]).sum())
        shorter.record["stops"], shorter.address = address(stops), address(shorter.record)
        return shorter

    def finding_seconds(self) -> float:
        """Predict how long a query takes to find its nearest lists."""
        known = costs()
        return self.n_lists * (known.code_row + self._list_lines * known.code_line)

    def entry_seconds(self) -> float:
        """Predict how long the codes of one entry of a list take to compare."""
        known = costs()
        if self.groups:
            return known.code_row / _ROWS_OF_BLOCKS + self.groups / 2 / _LINE * known.code_line
        return known.code_row + self.row_bytes / _LINE * known.code_line

    def most_entries(self, n_probe: int) -> int:
        """Return how many entries as many lists have at most."""
        return int(np.sort(np.diff(self.offsets))[-n_probe:].sum())

    def _hold(self, held: Any) -> Any:
        self._held.append(held)
        return held

    def _blocks(self, arrays: Arrays, codec: Codec) -> Coded:
        from ..kernels.fast_scan import BLOCK_ROWS, GROUP_BYTES

        starts = self._hold(block_starts(self.offsets))
        groups = padded_groups(self.groups)
        blocks = check_array("blocks", arrays, np.uint8, (int(starts[-1]), groups * GROUP_BYTES))
        record = self.record
        record["blocks"], record["block_starts"], record["groups"] = address(blocks), address(starts), groups
        for name in ("bias", "factors"):
            if name in arrays:
                array = check_array(name, arrays, np.float32, (self.entries + BLOCK_ROWS,))
                record[name] = address(array)
        self._hold(arrays)
        return Coded(np.empty((0, codec.row_bytes), np.uint8), NO_NORMS, NO_NORMS)


def check_lists(arrays: Arrays, n_lists: int, listed: Listed) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """Return where the lists begin and the rows in them; ValueError unless every list holds rows in order."""
    entries, n = len(arrays.get("members", ())), listed.rows
    members = check_array("members", arrays, np.uint32, (entries,))
    offsets = check_array("offsets", arrays, np.int64, (n_lists + 1,))
    check_offsets("offsets", offsets, entries)
    if not n_lists or not listed.fewest <= entries <= listed.most:
        raise ValueError(f"{n_lists} lists hold {entries} rows of {n}")
    if int(members.max(initial=0)) >= n:
        raise ValueError(f"members name rows beyond the last of {n}")
    rises = np.ones(entries + 1, np.bool_)
    rises[1:-1] = members[1:] >= members[:-1] if listed.repeated else members[1:] > members[:-1]
    rises[offsets] = True
    stops = check_stops(arrays, offsets)
    if stops is not None:
        rises[stops.reshape(-1)] = True
    if not rises.all():
        raise ValueError("members of a list do not ascend")
    return offsets, members


def check_stops(arrays: Arrays, offsets: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """Return ``(levels, n_lists)``: where each level ends in each list; None where lists have no levels."""
    if "stops" not in arrays:
        return None
    shape = len(arrays["stops"]), len(offsets) - 1
    stops = check_array("stops", arrays, np.int64, shape)
    if (np.diff(np.concatenate([offsets[None, :-1], stops, offsets[None, 1:]]), axis=0) < 0).any():
        raise ValueError("levels of a list do not end one behind the other, within the list")
    return stops
