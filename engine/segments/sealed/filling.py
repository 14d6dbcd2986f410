"""Copies a segment and gives the copy the postings it lacks."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np

from ....storage.segments.segment import SegmentWriting
from ...progress import Progress
from .builder import BuiltSegment
from .postings.build import build_postings
from .postings.keys import ARRAYS
from .view import SealedView


def filled_copy(
    view: SealedView, sink: SegmentWriting, header: dict[str, Any], progress: Progress
) -> BuiltSegment:
    """Write all rows of ``view``, dead ones too, with its indexes and postings of the fields of its schema.

    Rows keep their numbers, so that the arrays of an index are the same. Postings are made anew, all of them
    in one reading of the payloads.
    """
    segment, schema = view.segment, view.schema
    stage = f"fill {', '.join(view.lacking)}"
    progress(stage, 0.0)
    for name, array in segment.file.arrays("").items():
        if not name.startswith(ARRAYS):
            sink.put_array(name, array)
    postings, arrays = build_postings(schema.fields, segment.payloads)
    for field, key, value in postings:
        sink.put_posting(field, key, value)
    for name, array in arrays.items():
        sink.put_array(name, np.ascontiguousarray(array))
    progress(stage, 1.0)
    created = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    # Of the vectors it says what it said: no field was added to them.
    described = segment.header["schema"] | {"fields": schema.to_json()["fields"]}
    kept = segment.header | {"schema": described, "created": created}
    sink.put_record("segment", kept | header)
    return BuiltSegment(np.sort(segment.sequence), segment.indexed_fields)
