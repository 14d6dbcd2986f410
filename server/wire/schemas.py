"""Schemas as messages."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Any, TypeVar

from ...engine.errors import InvalidArgument
from ...engine.schema.bm25 import Bm25
from ...engine.schema.collection_schema import CollectionSchema
from ...engine.schema.multi_field import MAX_TOKENS, Multi
from ...engine.schema.parameters import codec_from_json
from ...engine.schema.payload_field import FieldType
from ...engine.schema.query_weights import QueryWeights
from ...engine.schema.sparse_field import Sparse
from ...engine.schema.vector_field import Dense, VectorField
from ...indexes.codecs.product import Product
from ...indexes.protocol import IndexSpec
from ...indexes.registry import spec_from_json
from ...indexes.rows.metric import Metric
from ...proto.v1 import schema_pb2 as pb
from ...proto.v1 import vectors_pb2 as pb_vectors
from .bounded_json import read_bounded_object, write_json
from .vectors import ELEMENT_TYPES, put_vectors, read_vectors

_Choice = TypeVar("_Choice")

_METRICS = {
    Metric.COSINE: pb.METRIC_COSINE,
    Metric.DOT: pb.METRIC_DOT,
    Metric.L2: pb.METRIC_L2,
    Metric.HAMMING: pb.METRIC_HAMMING,
}
_FIELD_TYPES = {
    FieldType.KEYWORD: pb.PAYLOAD_FIELD_TYPE_KEYWORD,
    FieldType.INTEGER: pb.PAYLOAD_FIELD_TYPE_INTEGER,
    FieldType.FLOAT: pb.PAYLOAD_FIELD_TYPE_FLOAT,
    FieldType.BOOL: pb.PAYLOAD_FIELD_TYPE_BOOL,
    FieldType.DATETIME: pb.PAYLOAD_FIELD_TYPE_DATETIME,
    FieldType.UUID: pb.PAYLOAD_FIELD_TYPE_UUID,
    FieldType.TEXT: pb.PAYLOAD_FIELD_TYPE_TEXT,
    FieldType.GEO: pb.PAYLOAD_FIELD_TYPE_GEO,
}
_METRIC_OF = {int(number): metric for metric, number in _METRICS.items()}
_FIELD_TYPE_OF = {int(number): kind for kind, number in _FIELD_TYPES.items()}
_ELEMENT_OF = {int(number): element for element, number in ELEMENT_TYPES.items()}

_MAX_INDEX_BYTES = 4096
_MAX_INDEX_NESTING = 8


def put_schema(message: pb.Schema, schema: CollectionSchema) -> None:
    """Fill ``message`` with a schema."""
    for name, field in schema.vectors.items():
        put_vector_field(message.vectors.add(), name, field)
    for path, kind in schema.fields.items():
        put_payload_field(message.fields.add(), path, kind)
    message.partitioned = schema.partitioned
    message.strict = schema.strict
    message.auto_fields = schema.auto
    message.declares_fields = schema.declares


def read_schema(message: pb.Schema) -> CollectionSchema:
    """Return the schema of a message.

    Raises
    ------
    InvalidArgument
        When a kind, metric or type is missing or unknown, a name occurs twice, or the engine refuses it.
    """
    vectors: dict[str, VectorField] = {}
    for field in message.vectors:
        _refuse_second(field.name, vectors, "vector field", "vectors")
        name, vector = read_vector_field(field)
        vectors[name] = vector
    fields: dict[str, FieldType] = {}
    for payload_field in message.fields:
        _refuse_second(payload_field.path, fields, "payload field", "fields")
        path, kind = read_payload_field(payload_field)
        fields[path] = kind
    schema = CollectionSchema(vectors, fields, message.partitioned, message.strict, message.auto_fields)
    return schema.without_more_fields() if schema.declares and not message.declares_fields else schema


def put_vector_field(message: pb.VectorField, name: str, field: VectorField) -> None:
    """Fill ``message`` with a vector field."""
    message.name = name
    _PUT[field.kind](message, field)


def read_vector_field(message: pb.VectorField) -> tuple[str, VectorField]:
    """Return name and field of a message; InvalidArgument when it has no kind, or the engine refuses it."""
    what, kind = f"vectors[{message.name!r}]", message.WhichOneof("kind")
    if kind is None:
        raise InvalidArgument(f"{what} has no kind; set one of {', '.join(_READ)}", field=what)
    return message.name, _READ[kind](message, what)


def put_payload_field(message: pb.PayloadField, path: str, kind: FieldType) -> None:
    """Fill ``message`` with an indexed payload field."""
    message.path = path
    message.type = _FIELD_TYPES[kind]


def read_payload_field(message: pb.PayloadField) -> tuple[str, FieldType]:
    """Return path and type of a message; InvalidArgument when the type is missing or unknown."""
    return message.path, _known(_FIELD_TYPE_OF, message.type, "type", f"fields[{message.path!r}]")


def _put_dense(message: pb.VectorField, field: Dense) -> None:
    message.dense.dim = field.dim
    message.dense.metric = _METRICS[field.metric]
    message.dense.element_type = ELEMENT_TYPES[field.element]
    message.dense.index_json = write_json(field.index.to_json()).decode()
    message.dense.on_disk = field.on_disk


def _put_sparse(message: pb.VectorField, field: Sparse) -> None:
    message.sparse.metric = _METRICS[field.metric]
    message.sparse.index_json = write_json(field.index.to_json()).decode()
    message.sparse.element_type = ELEMENT_TYPES[field.element]
    if field.bucket_size is not None and field.bucket_weights is not None:
        message.sparse.bucket_size = field.bucket_size
        message.sparse.bucket_weights.extend(field.bucket_weights)
    message.sparse.idf = field.idf
    message.sparse.tokens = field.tokens
    if field.encoder is not None:
        bm25 = message.sparse.encoder
        bm25.text, bm25.k1, bm25.b = field.encoder.text, field.encoder.k1, field.encoder.b
        if field.encoder.language is not None:
            bm25.language = field.encoder.language
    weights = field.query_weights
    if weights is not None and weights.column is not None:
        put_vectors(message.sparse.query_weights.weights, weights.column)
    elif weights is not None:
        message.sparse.query_weights.entries = weights.n
        message.sparse.query_weights.digest = weights.digest


def _put_multi(message: pb.VectorField, field: Multi) -> None:
    message.multi.dim = field.dim
    message.multi.element_type = ELEMENT_TYPES[field.element]
    message.multi.metric = _METRICS[field.metric]
    message.multi.max_tokens = field.max_tokens
    message.multi.index_json = write_json(field.index.to_json()).decode()
    message.multi.on_disk = field.on_disk
    if field.codec is not None:
        message.multi.codec_json = write_json(field.codec.to_json()).decode()


def _read_dense(message: pb.VectorField, what: str) -> Dense:
    dense = message.dense
    return Dense(
        dense.dim,
        metric=_known(_METRIC_OF, dense.metric, "metric", what),
        element=_known(_ELEMENT_OF, dense.element_type, "element_type", what),
        index=_read_index(dense.index_json, what),
        on_disk=dense.on_disk,
    )


def _read_sparse(message: pb.VectorField, what: str) -> Sparse:
    sparse = message.sparse
    # Until there was another metric, nobody named this one.
    metric = _known(_METRIC_OF, sparse.metric or pb.METRIC_DOT, "metric", what)
    index = _read_index(sparse.index_json, what)
    weights = _read_query_weights(sparse, what) if sparse.HasField("query_weights") else None
    encoder = _read_encoder(sparse.encoder) if sparse.HasField("encoder") else None
    element = sparse.element_type or pb_vectors.ELEMENT_TYPE_FLOAT32
    return Sparse(
        index=index,
        metric=metric,
        element=_known(_ELEMENT_OF, element, "element_type", what),
        bucket_size=sparse.bucket_size or None,
        bucket_weights=list(sparse.bucket_weights) or None,
        tokens=sparse.tokens,
        query_weights=weights,
        idf=sparse.idf,
        encoder=encoder,
    )


def _read_encoder(message: pb.Bm25) -> Bm25:
    language = message.language if message.HasField("language") else None
    return Bm25(message.text, language=language, k1=message.k1, b=message.b)


def _read_query_weights(message: pb.SparseField, what: str) -> QueryWeights:
    weights = message.query_weights
    if not weights.HasField("weights"):
        return QueryWeights(weights.entries, weights.digest)
    return QueryWeights.of_column(read_vectors(weights.weights, f"query_weights of {what}"))


def _read_multi(message: pb.VectorField, what: str) -> Multi:
    multi = message.multi
    # Until there was another metric, nobody named this one, which then had a name of its own.
    metric = multi.metric if multi.metric not in (0, pb.METRIC_MAXSIM) else pb.METRIC_DOT
    return Multi(
        multi.dim,
        metric=_known(_METRIC_OF, metric, "metric", what),
        element=_known(_ELEMENT_OF, multi.element_type, "element_type", what),
        max_tokens=multi.max_tokens or MAX_TOKENS,
        index=_read_index(multi.index_json, what),
        on_disk=multi.on_disk,
        codec=_read_codec(multi.codec_json, what),
    )


def _read_index(text: str, what: str) -> IndexSpec | None:
    if not text:
        return None
    try:
        return spec_from_json(_read_spec(text, f"the index of {what}", what))
    except (ValueError, TypeError) as error:
        raise InvalidArgument(f"the index of {what} cannot be read: {error}", field=what) from error


def _read_codec(text: str, what: str) -> Product | None:
    codec: Product | None = codec_from_json(
        _read_spec(text, f"the codec of {what}", what) if text else None, what
    )
    return codec


def _read_spec(text: str, where: str, what: str) -> dict[str, Any]:
    return read_bounded_object(
        text.encode(), where, what, max_bytes=_MAX_INDEX_BYTES, max_nesting=_MAX_INDEX_NESTING
    )


def _known(choices: dict[int, _Choice], number: int, name: str, what: str) -> _Choice:
    if number not in choices:
        raise InvalidArgument(
            f"{what} has {name} {number}; expected one of {', '.join(map(str, choices.values()))}, "
            f"{min(choices)} to {max(choices)}",
            field=what,
        )
    return choices[number]


def _refuse_second(name: str, seen: Container[str], kind: str, what: str) -> None:
    if name in seen:
        raise InvalidArgument(f"the {kind} {name!r} is declared twice", field=what)


# By kind, as fields and messages name them.
_PUT: dict[str, Callable[[pb.VectorField, Any], None]] = {
    "dense": _put_dense,
    "sparse": _put_sparse,
    "multi": _put_multi,
}
_READ: dict[str, Callable[[pb.VectorField, str], VectorField]] = {
    "dense": _read_dense,
    "sparse": _read_sparse,
    "multi": _read_multi,
}
