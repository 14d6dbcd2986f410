"""The points of an index that hnswlib saved: its labels as ids, its vectors as they were stored.

The file has no magic number and no checksum, so everything that it says is held against its length before
a byte of a vector is believed. It names neither metric nor dimension: an element is its links, its vector
and its label, so the place of the label tells the dimension, and the metric is what the caller says. Under
hnswlib's ``cosine`` space the vectors in the file are of length one.

The layout is that of ``HierarchicalNSW::saveIndex`` since hnswlib 0.4. The links are left: a graph is grown
anew.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...engine.errors import InvalidArgument
from .batch import DEFAULT_FIELD, FileBatch, FileRequest, refuse_columns, rows_per_batch

_HEADER = np.dtype(
    [
        ("level0_offset", "<u8"),
        ("max_elements", "<u8"),
        ("n_elements", "<u8"),
        ("element_bytes", "<u8"),
        ("label_offset", "<u8"),
        ("vector_offset", "<u8"),
        ("max_level", "<i4"),
        ("entry", "<u4"),
        ("max_links", "<u8"),
        ("max_links0", "<u8"),
        ("m", "<u8"),
        ("level_factor", "<f8"),
        ("ef_construction", "<u8"),
    ]
)
_LABEL_BYTES = 8
_FLOAT_BYTES = 4
_LINK_BYTES = 4
_DELETED = 1
_MAX_DIM = 1 << 20


def read_hnswlib(request: FileRequest) -> Iterator[FileBatch]:
    """Read what is not deleted of a saved hnswlib index; ids are labels."""
    refuse_columns(request, "labels")
    n_elements, n_links, dim = _layout(request)
    if not n_elements:
        return
    element = np.dtype(
        [
            ("n_links", "<u2"),
            ("marks", "u1"),
            ("unused", "u1"),
            ("links", "<u4", (n_links,)),
            ("vector", "<f4", (dim,)),
            ("label", "<u8"),
        ]
    )
    elements = np.memmap(request.path, element, "r", _HEADER.itemsize, (n_elements,))
    field = request.vector_fields[0] if request.vector_fields else DEFAULT_FIELD
    step = rows_per_batch(element.itemsize)
    for start in range(0, n_elements, step):
        part = elements[start : start + step]
        if part["n_links"].max() > n_links:
            raise request.refuse(f"an element from {start:,} on has more links than fit: the file is damaged")
        live = part[part["marks"] & _DELETED == 0]
        if len(live):
            vectors = {field: np.ascontiguousarray(live["vector"])}
            read = (start + len(part)) / n_elements
            yield FileBatch(live["label"].tolist(), vectors, {field: "dense"}, None, read)


def _layout(request: FileRequest) -> tuple[int, int, int]:
    """Return the elements there are, the links and the dimensions of one; the file is as long as that."""
    size = request.path.stat().st_size
    if size < _HEADER.itemsize:
        raise _no_index(request, f"{size} bytes is shorter than its header")
    header = np.fromfile(request.path, _HEADER, 1)[0]
    said = {name: int(header[name]) for name in header.dtype.names if name != "level_factor"}
    n, links = said["n_elements"], said["max_links0"]
    vector_bytes = said["label_offset"] - said["vector_offset"]
    dim, rest = divmod(vector_bytes, _FLOAT_BYTES)
    if (
        said["level0_offset"] != 0
        or n > said["max_elements"]
        or said["vector_offset"] != _LINK_BYTES * (1 + links)
        or said["element_bytes"] != said["label_offset"] + _LABEL_BYTES
    ):
        raise _no_index(request, "what its header says does not fit together")
    if rest or not 1 <= dim <= _MAX_DIM:
        raise request.refuse(
            f"a vector has {vector_bytes:,} bytes; expected float32 values, 1 to {_MAX_DIM:,} of them"
        )
    # Each element has at least the length of its upper links behind all of them.
    needed = _HEADER.itemsize + n * (said["element_bytes"] + _LINK_BYTES)
    if size < needed:
        raise _no_index(request, f"{n:,} elements take at least {needed:,} bytes, and it has {size:,}")
    return n, links, dim


def _no_index(request: FileRequest, why: str) -> InvalidArgument:
    return request.refuse(f"not an index that hnswlib saved, or cut short: {why}")
