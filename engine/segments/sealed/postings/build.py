"""Makes the postings of a segment of its payloads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from .....storage.columns.payloads import PayloadColumn
from ....filters.parsing import ParsedField, element_paths, parse_fields
from ....schema.payload_field import FieldType
from ...bitmaps import bitmap
from .keys import NULL, PRESENT, array_name, element_path, value_key
from .keywords import keyword_arrays
from .ordered import ordered_arrays
from .places import place_arrays
from .uuids import as_uuids, uuid_bytes
from .words import word_arrays

Posting = tuple[str, bytes, bytes]
# Different values in ascending order, where the rows of each end, and the rows.
_Grouped = tuple[list[Any], NDArray[np.int64], NDArray[np.uint32]]


def build_postings(
    fields: Mapping[str, FieldType], payloads: PayloadColumn
) -> tuple[Iterable[Posting], dict[str, NDArray[Any]]]:
    """Return the postings of a segment with these payloads: (field, key, bytes) each, and arrays by name.

    The postings are made as they are read, each once.
    """
    parsed = parse_fields(fields, payloads, stored=True)
    arrays: dict[str, NDArray[Any]] = {}
    sets: list[Iterable[Posting]] = []
    named = [(path, fields[path], field, len(payloads)) for path, field in parsed.fields.items()]
    for under, within in element_paths(fields).items():
        elements = parsed.elements[under]
        arrays[array_name(element_path(under), "owner")] = elements.owners
        named += [
            (element_path(under, path), within[path], field, len(elements.owners))
            for path, field in elements.fields.items()
        ]
    for path, kind, field, n_rows in named:
        found, postings = _field(path, kind, field, n_rows)
        arrays |= {array_name(path, name): array for name, array in found.items()}
        sets.append(postings)
    return (posting for postings in sets for posting in postings), arrays


def _field(
    path: str, kind: FieldType, field: ParsedField, n_rows: int
) -> tuple[dict[str, NDArray[Any]], Iterator[Posting]]:
    """Return the arrays of a field by their short names, and its sets of rows."""
    arrays: dict[str, NDArray[Any]] = {"sized": field.sized, "size": field.sizes}
    values = field.values
    grouped = None
    sets: dict[bytes, BitMap] = {}
    match kind:
        case FieldType.KEYWORD:
            grouped = _grouped(field.rows, values)
            arrays |= keyword_arrays(*grouped)
        case FieldType.BOOL:
            grouped = _grouped(field.rows, values)
        case FieldType.TEXT:
            assert isinstance(values, list)
            found, sets = word_arrays(values, field.rows)
            arrays |= found
        case FieldType.GEO:
            assert isinstance(values, np.ndarray)
            arrays |= place_arrays(values, field.rows)
        case FieldType.UUID:
            uuids = as_uuids(values)
            order = np.argsort(uuids, kind="stable")
            arrays |= {"value": uuid_bytes(uuids[order]), "row": field.rows[order]}
        case _:
            assert isinstance(values, np.ndarray)
            arrays |= ordered_arrays(values, field.rows, n_rows)
    return arrays, _postings(path, field, grouped, sets)


def _postings(
    path: str, field: ParsedField, grouped: _Grouped | None, sets: Mapping[bytes, BitMap]
) -> Iterator[Posting]:
    if len(field.present):
        yield path, PRESENT, bitmap(field.present).serialize()
    if len(field.null):
        yield path, NULL, bitmap(field.null).serialize()
    for key, found in sets.items():
        yield path, key, found.serialize()
    if grouped is not None:
        values, ends, rows = grouped
        start = 0
        for value, end in zip(values, ends.tolist(), strict=True):
            yield path, value_key(value), bitmap(rows[start:end]).serialize()
            start = end


def _grouped(rows: NDArray[np.uint32], values: Any) -> _Grouped:
    different = sorted(set(values))
    code_of = {value: code for code, value in enumerate(different)}
    codes = np.fromiter(map(code_of.__getitem__, values), np.int64, len(values))
    ends = np.cumsum(np.bincount(codes, minlength=len(different)))
    return different, ends, rows[np.argsort(codes, kind="stable")]
