"""Writing the points of a collection to a file: Parquet or JSON lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from ...engine.collection import Collection
from ...engine.errors import InvalidArgument
from ...engine.input.texts import given_fields
from ...engine.results.point import Point
from ...engine.schema.collection_schema import CollectionSchema
from ...indexes.rows.element import Element
from ...storage.arrow.payload_values import MISSING, NULL_KEY
from ...storage.arrow.tables import are_equal, has_object_without_keys
from ...storage.arrow.vector_arrays import array_of_vectors
from .batch import DEFAULT_ID, optional_module
from .readers import format_suffix
from .values import plain

PAGE_POINTS = 2_000
Told = Callable[[int], None]


@dataclass(frozen=True)
class ExportRequest:
    """What to write, and where.

    Attributes
    ----------
    path : Path
        A new file; its suffix says the format, ``.parquet`` or ``.jsonl``.
    id_field : str
        The name of the column of ids.
    with_vectors : bool
        Whether vectors are written beside ids and payloads.
    tenant : str or None
        Whose points, in a partitioned collection.
    """

    path: Path
    id_field: str = DEFAULT_ID
    with_vectors: bool = True
    tenant: str | None = None


def write_file(collection: Collection, request: ExportRequest, told: Told) -> int:
    """Write all points in the order they were written, and return how many they were.

    A point is one record: its id, its vectors by field name, null where it has none, its payload by key.
    Vectors that are made of payloads are left out. ``told`` is called with the number of points written so
    far. The file appears under its name when it is whole.

    Raises
    ------
    InvalidArgument
        The suffix is of no known format, the file exists, or a payload key is also the name of the id column
        or of a vector field.
    """
    suffix = format_suffix(request.path)
    if suffix not in _WRITERS:
        raise InvalidArgument(f"{request.path}: expected a file ending in one of {', '.join(_WRITERS)}")
    if request.path.exists():
        raise InvalidArgument(f"{request.path} exists; choose another name, or move it away")
    if not request.path.parent.is_dir():
        raise InvalidArgument(f"{request.path.parent} is no folder; create it first")
    partial = request.path.with_name(request.path.name + ".partial")
    try:
        n_points = _WRITERS[suffix](collection, request, partial, told)
        partial.rename(request.path)
    finally:
        partial.unlink(missing_ok=True)
    return n_points


def _write_json_lines(collection: Collection, request: ExportRequest, path: Path, told: Told) -> int:
    n_points = 0
    fields = given_fields(collection.schema) if request.with_vectors else []
    with open(path, "wb") as file:
        for points in _pages(collection, request, request.with_vectors):
            for point in points:
                vectors = {name: plain(point.vectors.get(name)) for name in fields}
                record = _record(collection.schema, request, point, vectors)
                file.write(orjson.dumps(record, option=orjson.OPT_SERIALIZE_NUMPY) + b"\n")
            n_points += len(points)
            told(n_points)
    return n_points


def _write_parquet(collection: Collection, request: ExportRequest, path: Path, told: Told) -> int:
    arrow = optional_module("pyarrow", "writing Parquet")
    parquet = optional_module("pyarrow.parquet", "writing Parquet")
    vector_types = _arrow_vector_types(arrow, collection.schema) if request.with_vectors else {}
    payload_schema = _payload_schema(arrow, collection, request)
    schema = arrow.schema(
        [payload_schema.field(request.id_field)]
        + [arrow.field(name, kind) for name, kind in vector_types.items()]
        + [field for field in payload_schema if field.name != request.id_field]
    )
    n_points = 0
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        for points in _pages(collection, request, request.with_vectors):
            records = [_record(collection.schema, request, point, {}) for point in points]
            if any(not record.keys() <= set(schema.names) for record in records):
                raise InvalidArgument(
                    f"{collection.name!r} was given new payload keys during the export; try again"
                )
            arrays = []
            for field in schema:
                if field.name in vector_types:
                    vectors = [point.vectors.get(field.name) for point in points]
                    has_any = any(vector is not None for vector in vectors)
                    arrays.append(
                        array_of_vectors(vectors) if has_any else arrow.nulls(len(vectors), field.type)
                    )
                else:
                    values = [record.get(field.name) for record in records]
                    with _refused(arrow, request, field.name):
                        arrays.append(arrow.array(values, field.type))
                    _check_kept(arrow, request, field, arrays[-1], values)
            writer.write_table(arrow.table(arrays, schema=schema))
            n_points += len(points)
            told(n_points)
    return n_points


def _payload_schema(arrow: Any, collection: Collection, request: ExportRequest) -> Any:
    """Find a column type for the ids and for every payload key by going through all payloads once."""
    schema = arrow.schema([])
    nulls, n_having, n_points = set(), Counter[str](), 0
    for points in _pages(collection, request, with_vectors=False):
        records = [_record(collection.schema, request, point, {}) for point in points]
        n_points += len(records)
        names = dict.fromkeys(name for record in records for name in record)
        for name in names:
            values = [record[name] for record in records if name in record]
            n_having[name] += len(values)
            if None in values:
                nulls.add(name)
            with _refused(arrow, request, name):
                kind = _arrow_type(arrow, [record.get(name) for record in records], name == request.id_field)
                schema = _with_column(arrow, schema, name, kind)
    if request.id_field not in schema.names:
        schema = schema.append(arrow.field(request.id_field, arrow.uint64()))
    for place, field in enumerate(schema):
        if has_object_without_keys(arrow, field.type):
            raise _refusal(request, field.name, "an object without keys")
        if 0 < n_having[field.name] < n_points:
            # A column has nulls alone for both.
            if field.name in nulls:
                raise _refusal(request, field.name, "nulls where other points have no such key")
            schema = schema.set(place, field.with_metadata({NULL_KEY: MISSING}))
    return schema


def _arrow_type(arrow: Any, values: list[Any], unsigned: bool) -> Any:
    """Return the type of a column, uint64 where int64 is too small or, for ids, always."""
    try:
        kind = arrow.array(values).type
    except OverflowError:
        return arrow.array(values, arrow.uint64()).type
    return arrow.uint64() if unsigned and arrow.types.is_integer(kind) else kind


def _with_column(arrow: Any, schema: Any, name: str, kind: Any) -> Any:
    """Add a column, or widen the one of that name."""
    place = schema.get_field_index(name)
    if place >= 0 and {schema.field(place).type, kind} == {arrow.int64(), arrow.uint64()}:
        # Arrow would make it int64. Where it has a negative number too, writing that is refused.
        return schema.set(place, arrow.field(name, arrow.uint64()))
    return arrow.unify_schemas(
        [schema, arrow.schema([arrow.field(name, kind)])], promote_options="permissive"
    )


def _holds_struct(arrow: Any, kind: Any) -> bool:
    inner = (kind.field(i).type for i in range(kind.num_fields))
    return bool(arrow.types.is_struct(kind)) or any(_holds_struct(arrow, field) for field in inner)


def _check_kept(arrow: Any, request: ExportRequest, field: Any, array: Any, values: list[Any]) -> None:
    """Refuse a column that would come back otherwise: 1 as 1.0, or an object with the keys of all."""
    if not are_equal(array.to_pylist(), values):
        differ = (
            "objects whose keys differ" if _holds_struct(arrow, field.type) else "values of several types"
        )
        raise _refusal(request, field.name, differ)


@contextmanager
def _refused(arrow: Any, request: ExportRequest, name: str) -> Iterator[None]:
    try:
        yield
    except (arrow.ArrowInvalid, arrow.ArrowTypeError) as error:
        raise _refusal(request, name, f"values of several types ({error})") from error
    except OverflowError as error:
        raise _refusal(request, name, f"numbers beyond those of its type ({error})") from error


def _refusal(request: ExportRequest, name: str, what: str) -> InvalidArgument:
    return InvalidArgument(
        f"{name!r} holds {what}, which one Parquet column cannot; export to JSON lines instead, "
        f"--out {request.path.with_suffix('.jsonl').name}",
        field=name,
    )


def _arrow_vector_types(arrow: Any, schema: CollectionSchema) -> dict[str, Any]:
    scalars = {
        Element.FLOAT32: arrow.float32(),
        Element.FLOAT16: arrow.float16(),
        Element.INT8: arrow.int8(),
        Element.BINARY: arrow.uint8(),
    }
    values = ("values", arrow.list_(arrow.float32()))
    by_index, by_token = ("indices", arrow.list_(arrow.uint32())), ("tokens", arrow.list_(arrow.string()))
    types: dict[str, Callable[[Any], Any]] = {
        "dense": lambda field: arrow.list_(scalars[field.element], field.element.width(field.dim)),
        "sparse": lambda field: arrow.struct([by_token if field.tokens else by_index, values]),
        "multi": lambda field: arrow.list_(arrow.list_(_float_of(arrow, field.element), field.dim)),
    }
    fields = ((name, schema.vectors[name]) for name in given_fields(schema))
    return {name: types[field.kind](field) for name, field in fields}


def _float_of(arrow: Any, element: Element) -> Any:
    """Return the type of tokens as they are answered."""
    return arrow.float16() if element is Element.FLOAT16 else arrow.float32()


def _pages(collection: Collection, request: ExportRequest, with_vectors: bool) -> Iterator[list[Point]]:
    after = None
    while True:
        page = collection.scroll(
            limit=PAGE_POINTS, after=after, with_vectors=with_vectors, tenant=request.tenant
        )
        if page.points:
            yield list(page.points)
        if page.next is None:
            return
        after = page.next


def _record(
    schema: CollectionSchema, request: ExportRequest, point: Point, vectors: dict[str, Any]
) -> dict[str, Any]:
    taken = {request.id_field, *(given_fields(schema) if request.with_vectors else ())}
    clash = sorted(taken & point.payload.keys())
    if clash:
        raise InvalidArgument(
            f"point {point.id!r} has the payload key {clash[0]!r}, which is also the name of a column: "
            "name the column of ids with --id-field, or leave the vectors out with --without-vectors"
        )
    return {request.id_field: point.id, **vectors, **point.payload}


_WRITERS: dict[str, Callable[[Collection, ExportRequest, Path, Told], int]] = {
    ".parquet": _write_parquet,
    ".jsonl": _write_json_lines,
}
