"""Parameters of vector fields, checked."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, TypeVar

from ...indexes.codecs import registry as codecs
from ...indexes.protocol import FieldShape, IndexSpec, missing_methods
from ...indexes.registry import spec_from_json
from ...indexes.rows.element import Element
from ..errors import InvalidArgument

MAX_DIM = 8192
MAX_MAGNITUDE = 1e17
"""Squares of larger float32 entries, summed over 8192 dimensions, could overflow."""

_Choice = TypeVar("_Choice", bound=StrEnum)


def index_from_json(record: Any, what: str) -> IndexSpec | None:
    # Until sparse and multi-vector fields had an index, their JSON named none.
    if record is None:
        return None
    try:
        return spec_from_json(record)
    except (ValueError, TypeError) as error:
        raise InvalidArgument(f"the index of {what} cannot be read: {error}", field=what) from error


def codec_from_json(record: Any, what: str) -> Any:
    """Return the codec that a field of ``what`` names, None where it names none."""
    if record is None:
        return None
    try:
        return codecs.codec_from_json(record)
    except (ValueError, TypeError) as error:
        raise InvalidArgument(f"the codec of {what} cannot be read: {error}", field=what) from error


def is_auto(index: Any) -> bool:
    return isinstance(index, str) and index == "auto"


def checked_index(index: Any, shape: FieldShape) -> IndexSpec:
    lacking = missing_methods(index)
    if lacking:
        raise InvalidArgument(
            f"index is {index!r}, which lacks {', '.join(lacking)}; pass an index spec, as Hnsw(m=16)",
            field="index",
        )
    try:
        index.check(shape)
    except ValueError as error:
        raise InvalidArgument(str(error), field="index") from error
    checked: IndexSpec = index
    return checked


def checked_dim(dim: Any, element: Element) -> int:
    if not isinstance(dim, int) or isinstance(dim, bool) or not 1 <= dim <= MAX_DIM:
        raise InvalidArgument(f"dim is {dim!r}; expected a whole number from 1 to {MAX_DIM}", field="dim")
    if element is Element.BINARY and dim % 8:
        message = f"dim is {dim}; binary vectors are packed in bytes, so it is a multiple of 8"
        raise InvalidArgument(message, field="dim")
    return dim


def checked_on_disk(on_disk: Any) -> bool:
    if type(on_disk) is not bool:
        raise InvalidArgument(f"on_disk is {on_disk!r}; expected True or False", field="on_disk")
    return on_disk


def choice(enum: type[_Choice], value: Any, what: str) -> _Choice:
    try:
        return enum(value)
    except (ValueError, TypeError) as error:
        known = ", ".join(repr(member.value) for member in enum)
        raise InvalidArgument(f"{what} is {value!r}; expected one of {known}", field=what) from error


def record_of_numbers(field: Any) -> dict[str, Any]:
    """Return what the JSON of a field has that stores vectors of ``dim`` numbers."""
    record = {
        "kind": field.kind,
        "dim": field.dim,
        "metric": field.metric.value,
        "element": field.element.value,
        "index": field.index.to_json(),
    }
    return record | {"on_disk": True} if field.on_disk else record
