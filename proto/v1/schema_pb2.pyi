from vicinal.proto.v1 import vectors_pb2 as _vectors_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Metric(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    METRIC_UNSPECIFIED: _ClassVar[Metric]
    METRIC_COSINE: _ClassVar[Metric]
    METRIC_DOT: _ClassVar[Metric]
    METRIC_L2: _ClassVar[Metric]
    METRIC_HAMMING: _ClassVar[Metric]
    METRIC_MAXSIM: _ClassVar[Metric]

class PayloadFieldType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PAYLOAD_FIELD_TYPE_UNSPECIFIED: _ClassVar[PayloadFieldType]
    PAYLOAD_FIELD_TYPE_KEYWORD: _ClassVar[PayloadFieldType]
    PAYLOAD_FIELD_TYPE_INTEGER: _ClassVar[PayloadFieldType]
    PAYLOAD_FIELD_TYPE_FLOAT: _ClassVar[PayloadFieldType]
    PAYLOAD_FIELD_TYPE_BOOL: _ClassVar[PayloadFieldType]
    PAYLOAD_FIELD_TYPE_DATETIME: _ClassVar[PayloadFieldType]
    PAYLOAD_FIELD_TYPE_UUID: _ClassVar[PayloadFieldType]
    PAYLOAD_FIELD_TYPE_TEXT: _ClassVar[PayloadFieldType]
    PAYLOAD_FIELD_TYPE_GEO: _ClassVar[PayloadFieldType]
METRIC_UNSPECIFIED: Metric
METRIC_COSINE: Metric
METRIC_DOT: Metric
METRIC_L2: Metric
METRIC_HAMMING: Metric
METRIC_MAXSIM: Metric
PAYLOAD_FIELD_TYPE_UNSPECIFIED: PayloadFieldType
PAYLOAD_FIELD_TYPE_KEYWORD: PayloadFieldType
PAYLOAD_FIELD_TYPE_INTEGER: PayloadFieldType
PAYLOAD_FIELD_TYPE_FLOAT: PayloadFieldType
PAYLOAD_FIELD_TYPE_BOOL: PayloadFieldType
PAYLOAD_FIELD_TYPE_DATETIME: PayloadFieldType
PAYLOAD_FIELD_TYPE_UUID: PayloadFieldType
PAYLOAD_FIELD_TYPE_TEXT: PayloadFieldType
PAYLOAD_FIELD_TYPE_GEO: PayloadFieldType

class DenseField(_message.Message):
    __slots__ = ("dim", "metric", "element_type", "index_json", "on_disk")
    DIM_FIELD_NUMBER: _ClassVar[int]
    METRIC_FIELD_NUMBER: _ClassVar[int]
    ELEMENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    INDEX_JSON_FIELD_NUMBER: _ClassVar[int]
    ON_DISK_FIELD_NUMBER: _ClassVar[int]
    dim: int
    metric: Metric
    element_type: _vectors_pb2.ElementType
    index_json: str
    on_disk: bool
    def __init__(self, dim: _Optional[int] = ..., metric: _Optional[_Union[Metric, str]] = ..., element_type: _Optional[_Union[_vectors_pb2.ElementType, str]] = ..., index_json: _Optional[str] = ..., on_disk: bool = ...) -> None: ...

class QueryWeights(_message.Message):
    __slots__ = ("weights", "entries", "digest")
    WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    weights: _vectors_pb2.Vectors
    entries: int
    digest: str
    def __init__(self, weights: _Optional[_Union[_vectors_pb2.Vectors, _Mapping]] = ..., entries: _Optional[int] = ..., digest: _Optional[str] = ...) -> None: ...

class SparseField(_message.Message):
    __slots__ = ("index_json", "metric", "idf", "tokens", "query_weights", "element_type", "bucket_size", "bucket_weights", "encoder")
    INDEX_JSON_FIELD_NUMBER: _ClassVar[int]
    METRIC_FIELD_NUMBER: _ClassVar[int]
    IDF_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    QUERY_WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    ELEMENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    BUCKET_SIZE_FIELD_NUMBER: _ClassVar[int]
    BUCKET_WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    ENCODER_FIELD_NUMBER: _ClassVar[int]
    index_json: str
    metric: Metric
    idf: bool
    tokens: bool
    query_weights: QueryWeights
    element_type: _vectors_pb2.ElementType
    bucket_size: int
    bucket_weights: _containers.RepeatedScalarFieldContainer[float]
    encoder: Bm25
    def __init__(self, index_json: _Optional[str] = ..., metric: _Optional[_Union[Metric, str]] = ..., idf: bool = ..., tokens: bool = ..., query_weights: _Optional[_Union[QueryWeights, _Mapping]] = ..., element_type: _Optional[_Union[_vectors_pb2.ElementType, str]] = ..., bucket_size: _Optional[int] = ..., bucket_weights: _Optional[_Iterable[float]] = ..., encoder: _Optional[_Union[Bm25, _Mapping]] = ...) -> None: ...

class Bm25(_message.Message):
    __slots__ = ("text", "language", "k1", "b")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    K1_FIELD_NUMBER: _ClassVar[int]
    B_FIELD_NUMBER: _ClassVar[int]
    text: str
    language: str
    k1: float
    b: float
    def __init__(self, text: _Optional[str] = ..., language: _Optional[str] = ..., k1: _Optional[float] = ..., b: _Optional[float] = ...) -> None: ...

class MultiField(_message.Message):
    __slots__ = ("dim", "element_type", "index_json", "metric", "max_tokens", "on_disk", "codec_json")
    DIM_FIELD_NUMBER: _ClassVar[int]
    ELEMENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    INDEX_JSON_FIELD_NUMBER: _ClassVar[int]
    METRIC_FIELD_NUMBER: _ClassVar[int]
    MAX_TOKENS_FIELD_NUMBER: _ClassVar[int]
    ON_DISK_FIELD_NUMBER: _ClassVar[int]
    CODEC_JSON_FIELD_NUMBER: _ClassVar[int]
    dim: int
    element_type: _vectors_pb2.ElementType
    index_json: str
    metric: Metric
    max_tokens: int
    on_disk: bool
    codec_json: str
    def __init__(self, dim: _Optional[int] = ..., element_type: _Optional[_Union[_vectors_pb2.ElementType, str]] = ..., index_json: _Optional[str] = ..., metric: _Optional[_Union[Metric, str]] = ..., max_tokens: _Optional[int] = ..., on_disk: bool = ..., codec_json: _Optional[str] = ...) -> None: ...

class VectorField(_message.Message):
    __slots__ = ("name", "dense", "sparse", "multi")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DENSE_FIELD_NUMBER: _ClassVar[int]
    SPARSE_FIELD_NUMBER: _ClassVar[int]
    MULTI_FIELD_NUMBER: _ClassVar[int]
    name: str
    dense: DenseField
    sparse: SparseField
    multi: MultiField
    def __init__(self, name: _Optional[str] = ..., dense: _Optional[_Union[DenseField, _Mapping]] = ..., sparse: _Optional[_Union[SparseField, _Mapping]] = ..., multi: _Optional[_Union[MultiField, _Mapping]] = ...) -> None: ...

class PayloadField(_message.Message):
    __slots__ = ("path", "type")
    PATH_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    path: str
    type: PayloadFieldType
    def __init__(self, path: _Optional[str] = ..., type: _Optional[_Union[PayloadFieldType, str]] = ...) -> None: ...

class Schema(_message.Message):
    __slots__ = ("vectors", "fields", "partitioned", "strict", "auto_fields", "declares_fields")
    VECTORS_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    PARTITIONED_FIELD_NUMBER: _ClassVar[int]
    STRICT_FIELD_NUMBER: _ClassVar[int]
    AUTO_FIELDS_FIELD_NUMBER: _ClassVar[int]
    DECLARES_FIELDS_FIELD_NUMBER: _ClassVar[int]
    vectors: _containers.RepeatedCompositeFieldContainer[VectorField]
    fields: _containers.RepeatedCompositeFieldContainer[PayloadField]
    partitioned: bool
    strict: bool
    auto_fields: bool
    declares_fields: bool
    def __init__(self, vectors: _Optional[_Iterable[_Union[VectorField, _Mapping]]] = ..., fields: _Optional[_Iterable[_Union[PayloadField, _Mapping]]] = ..., partitioned: bool = ..., strict: bool = ..., auto_fields: bool = ..., declares_fields: bool = ...) -> None: ...
