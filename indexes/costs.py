"""What searching takes on this machine, which every predicted cost comes from."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, fields
from functools import cache

from .kernels import cache_folder
from .kernels.cache_folder import NoCacheFolder

# Kept beside the kernels, which are one processor's too; another number when the fields mean something else.
_NAME = "costs-4.json"
# What is measured on a machine that is busy is not believed beyond this.
_MOST = 8.0


_USUAL = {
    "call": 2e-6,
    "row": 4e-9,
    "line": 3.2e-9,
    "random_row": 40e-9,
    "read": 14e-6,
    "read_line": 60e-9,
    "code_row": 3e-9,
    "code_line": 2.2e-9,
    "walked_row": 12e-9,
    "walked_line": 5e-9,
    "kept": 0.08e-9,
    "weight": 7e-9,
    "product": 0.03e-9,
    "posting": 1e-9,
    "summed": 0.2e-9,
}


@dataclass(frozen=True, slots=True)
class Costs:
    """Seconds of the parts that searches are made of.

    Parameters
    ----------
    call
        What a query takes before it looks at any row.
    row, line
        A row of a scan in order, and each cache line of it.
    random_row
        A row of a scan at a random place, until its first line has come.
    read, read_line
        A row that is not in memory, read at a random place beside many others; each cache line of one, read
        in order and verified.
    code_row, code_line
        A row whose codes are compared in a scan, and each cache line of them.
    walked_row, walked_line
        The same in a walk over a graph, where every row lies at a random place.
    kept
        For each comparison of a walk and each candidate it keeps: putting the row where it belongs.
    weight
        A weight of a sparse row, read and looked up.
    product
        A coordinate of a token multiplied with that of a query's token.
    posting
        A posting of a sparse index added to the sum of its row.
    summed
        A row whose sum is cleared and looked at.
    """

    call: float
    row: float
    line: float
    random_row: float
    read: float
    read_line: float
    code_row: float
    code_line: float
    walked_row: float
    walked_line: float
    kept: float
    weight: float
    product: float
    posting: float
    summed: float

    def __post_init__(self) -> None:
        for field in fields(self):
            usual, value = _USUAL[field.name], getattr(self, field.name)
            if not isinstance(value, float) or not usual / _MOST <= value <= usual * _MOST:
                raise ValueError(f"{field.name} is {value!r}; expected within {_MOST:g} times {usual}")


USUAL = Costs(**_USUAL)


@cache
def costs() -> Costs:
    """Return what was measured on this machine, or what is usual; the same to the end of the process.

    With ``VICINAL_COSTS=usual`` in the environment plans do not depend on the machine.
    """
    if os.environ.get("VICINAL_COSTS") == "usual":
        return USUAL
    return _kept() or USUAL


def are_known() -> bool:
    """Return whether measuring would bring nothing new."""
    return os.environ.get("VICINAL_COSTS") == "usual" or _kept() is not None


def keep(measured: Costs) -> None:
    """Keep what was measured for this process and those to come, where anything can be kept."""
    try:
        cache_folder.write(_NAME, json.dumps(asdict(measured)).encode())
    except NoCacheFolder:
        return
    costs.cache_clear()


def _kept() -> Costs | None:
    try:
        content = cache_folder.read(_NAME)
        return None if content is None else Costs(**json.loads(content))
    except (NoCacheFolder, ValueError, TypeError):
        # A damaged file is measured anew.
        return None
