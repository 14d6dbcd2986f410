"""Rows of points as a table of Arrow: numbers as columns, payloads by key, vectors by field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from numpy.typing import NDArray

from ..invalid_value import InvalidValueError
from .library import optional_library
from .payload_values import JSON, JSON_KEY, MISSING, NULL_KEY

_EXACT = 2**53
"""Up to here every whole number is a float."""


def table_of(
    columns: Mapping[str, NDArray[Any]],
    payloads: Sequence[Mapping[str, Any]],
    vectors: Mapping[str, Any],
    payload_prefix: str = "",
) -> Any:
    """Return the rows as a pyarrow.Table: ``columns``, a column for each key of a payload, then ``vectors``.

    A key that a payload lacks is a null, and the column says so in its metadata unless it has nulls of its
    own too. Values that have no type in common, or would come back otherwise, are a column of JSON text,
    which says so as well. Whole numbers beside others become floats.

    Raises
    ------
    InvalidValueError
        When a payload key, with ``payload_prefix`` before it, or a vector field is also the name of a
        column.
    """
    arrow = optional_library("pyarrow", "a table of Arrow")
    fields, arrays = [], []
    for name, column in columns.items():
        is_object = column.dtype == object
        field, array = _typed(arrow, name, column.tolist()) if is_object else (name, arrow.array(column))
        fields.append(field if is_object else arrow.field(name, array.type))
        arrays.append(array)
    taken = {*columns, *vectors}
    if len(taken) < len(columns) + len(vectors):
        name = min(columns.keys() & vectors.keys())
        raise InvalidValueError(
            f"the vector field {name!r} is also the name of a column; ask for rows without vectors",
            field="with_vectors",
        )
    for key in dict.fromkeys(key for payload in payloads for key in payload):
        name = payload_prefix + key
        if name in taken:
            raise InvalidValueError(
                f"the payload key {key!r} would be a second column named {name!r}; say "
                "payload_prefix='payload.', or another",
                field="payload_prefix",
            )
        field, array = _typed(arrow, name, [payload.get(key) for payload in payloads])
        if array.null_count and all(payload.get(key, 0) is not None for payload in payloads):
            field = field.with_metadata({**(field.metadata or {}), NULL_KEY: MISSING})
        fields.append(field)
        arrays.append(array)
    fields += [arrow.field(name, array.type) for name, array in vectors.items()]
    return arrow.table([*arrays, *vectors.values()], schema=arrow.schema(fields))


def _typed(arrow: Any, name: str, values: list[Any]) -> tuple[Any, Any]:
    """Return values of JSON as a column and its field: in a type of their own, or as JSON text."""
    kinds = set(map(type, values)) - {type(None)}
    if kinds == {int, float} and all(abs(value) <= _EXACT for value in values if type(value) is int):
        values = [float(value) if type(value) is int else value for value in values]
    for kind in (None, arrow.uint64()):
        try:
            array = arrow.array(values, kind)
        except OverflowError:
            continue
        except arrow.ArrowException:
            break
        if not has_object_without_keys(arrow, array.type) and are_equal(array.to_pylist(), values):
            return arrow.field(name, array.type), array
        break
    texts = [None if value is None else orjson.dumps(value).decode() for value in values]
    return arrow.field(name, arrow.string(), metadata={JSON_KEY: JSON}), arrow.array(texts, arrow.string())


def are_equal(found: list[Any], given: list[Any]) -> bool:
    """Return whether values of JSON are the same, types included; objects are, whatever the order of keys."""
    return orjson.dumps(found, option=orjson.OPT_SORT_KEYS) == orjson.dumps(
        given, option=orjson.OPT_SORT_KEYS
    )


def has_object_without_keys(arrow: Any, kind: Any) -> bool:
    """Return whether an Arrow type has an object that never has a key, which many readers refuse."""
    inner = [kind.field(place).type for place in range(kind.num_fields)]
    return bool(arrow.types.is_struct(kind) and not inner) or any(
        has_object_without_keys(arrow, field) for field in inner
    )
