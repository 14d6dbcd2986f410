"""The rows for which a condition holds that payloads are not read for."""

from __future__ import annotations

from pyroaring import BitMap

from ..conditions.scanned import Scanned
from ..expression import (
    AnyOf,
    Except,
    Exists,
    Filter,
    HasId,
    HasVector,
    IsNull,
    Match,
    Range,
)
from ..postings import PostingsSource


def evaluate(condition: Filter, source: PostingsSource) -> BitMap:
    """Return the rows for which a bound condition holds, answered by an index, by ids or by vectors."""
    match condition:
        case Match(key, value):
            return source.equal(key, value)
        case AnyOf(key, values):
            return source.equal_any(key, values)
        case Except(key, values):
            return source.other(key, values)
        case Range(key, lo, lo_open, hi, hi_open):
            return source.range(key, lo, lo_open, hi, hi_open)
        case IsNull(key):
            return source.null(key)
        case Exists(key):
            return source.present(key)
        case HasId(ids):
            return source.rows_of_ids(ids)
        case HasVector(field):
            return source.rows_having(field)
        case Scanned():
            return source.answer(condition)
    raise AssertionError(f"{type(condition).__name__} is no condition")
