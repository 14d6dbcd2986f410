"""The structure of an LMDB file, looked at without LMDB."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import cast

import lmdb.verify

from .errors import CorruptionError
from .lmdb_meta import read_meta

# The module has no type annotations.
_walk = cast(Callable[[str, bool], list[str]], lmdb.verify.verify)


def structure_problems(path: str | Path) -> list[str]:
    """Return what is wrong with the pages of an LMDB data file; only an empty list makes it safe to open.

    LMDB trusts the pages it maps, and a damaged one can end the process. This is a walk in Python over every
    page; it does not look into values.
    """
    name = os.fspath(path)
    try:
        read_meta(name)
        return _walk(name, False)
    except CorruptionError as error:
        return [error.detail]
    except lmdb.verify.VerifyError as error:
        return [str(error)]
