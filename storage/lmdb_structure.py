"""The structure of an LMDB file, looked at without LMDB."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import cast

import lmdb.verify

from .errors import CorruptionError
from .lmdb_meta import read_meta
from .lmdb_tree import places

_AFTER_EVERY_KEY = b"\xff" * 512

# The module has no type annotations.
_walk = cast(Callable[[str, bool], list[str]], lmdb.verify.verify)


def structure_problems(path: str | Path) -> list[str]:
    """Return what is wrong with the pages of an LMDB data file; only an empty list makes it safe to open.

    LMDB trusts the pages it maps, and a damaged one can end the process. This is a walk in Python over every
    page; it does not look into values.
    """
    name = os.fspath(path)
    try:
        file_bytes = read_meta(name).file_bytes
        problems = _walk(name, False)
        beyond = (
            place for _, place in places(name, _AFTER_EVERY_KEY) if place.offset + place.size > file_bytes
        )
        if (place := next(beyond, None)) is not None:
            problems.append(
                f"a value of {place.size} bytes at {place.offset} lies behind the {file_bytes} bytes"
            )
        return problems
    except CorruptionError as error:
        return [error.detail]
    except lmdb.verify.VerifyError as error:
        return [str(error)]
