from vicinal.proto.v1 import vectors_pb2 as _vectors_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class UpsertMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    UPSERT_MODE_UNSPECIFIED: _ClassVar[UpsertMode]
    UPSERT_MODE_INSERT_ONLY: _ClassVar[UpsertMode]
    UPSERT_MODE_UPDATE_ONLY: _ClassVar[UpsertMode]
UPSERT_MODE_UNSPECIFIED: UpsertMode
UPSERT_MODE_INSERT_ONLY: UpsertMode
UPSERT_MODE_UPDATE_ONLY: UpsertMode

class Scope(_message.Message):
    __slots__ = ("collection", "collection_uuid", "tenant")
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_UUID_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    collection: str
    collection_uuid: str
    tenant: str
    def __init__(self, collection: _Optional[str] = ..., collection_uuid: _Optional[str] = ..., tenant: _Optional[str] = ...) -> None: ...

class Filter(_message.Message):
    __slots__ = ("json",)
    JSON_FIELD_NUMBER: _ClassVar[int]
    json: bytes
    def __init__(self, json: _Optional[bytes] = ...) -> None: ...

class Selection(_message.Message):
    __slots__ = ("ids", "filter")
    IDS_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    ids: _vectors_pb2.PointIds
    filter: Filter
    def __init__(self, ids: _Optional[_Union[_vectors_pb2.PointIds, _Mapping]] = ..., filter: _Optional[_Union[Filter, _Mapping]] = ...) -> None: ...

class PointColumns(_message.Message):
    __slots__ = ("ids", "payloads", "vectors")
    IDS_FIELD_NUMBER: _ClassVar[int]
    PAYLOADS_FIELD_NUMBER: _ClassVar[int]
    VECTORS_FIELD_NUMBER: _ClassVar[int]
    ids: _vectors_pb2.PointIds
    payloads: _vectors_pb2.Payloads
    vectors: _containers.RepeatedCompositeFieldContainer[_vectors_pb2.FieldVectors]
    def __init__(self, ids: _Optional[_Union[_vectors_pb2.PointIds, _Mapping]] = ..., payloads: _Optional[_Union[_vectors_pb2.Payloads, _Mapping]] = ..., vectors: _Optional[_Iterable[_Union[_vectors_pb2.FieldVectors, _Mapping]]] = ...) -> None: ...

class UpsertPointsRequest(_message.Message):
    __slots__ = ("scope", "points", "mode", "only_if")
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    ONLY_IF_FIELD_NUMBER: _ClassVar[int]
    scope: Scope
    points: PointColumns
    mode: UpsertMode
    only_if: Filter
    def __init__(self, scope: _Optional[_Union[Scope, _Mapping]] = ..., points: _Optional[_Union[PointColumns, _Mapping]] = ..., mode: _Optional[_Union[UpsertMode, str]] = ..., only_if: _Optional[_Union[Filter, _Mapping]] = ...) -> None: ...

class UpsertPointsResponse(_message.Message):
    __slots__ = ("sequence_number", "written")
    SEQUENCE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    WRITTEN_FIELD_NUMBER: _ClassVar[int]
    sequence_number: int
    written: int
    def __init__(self, sequence_number: _Optional[int] = ..., written: _Optional[int] = ...) -> None: ...

class DeletePointsRequest(_message.Message):
    __slots__ = ("scope", "selection")
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    SELECTION_FIELD_NUMBER: _ClassVar[int]
    scope: Scope
    selection: Selection
    def __init__(self, scope: _Optional[_Union[Scope, _Mapping]] = ..., selection: _Optional[_Union[Selection, _Mapping]] = ...) -> None: ...

class DeletePointsResponse(_message.Message):
    __slots__ = ("deleted",)
    DELETED_FIELD_NUMBER: _ClassVar[int]
    deleted: int
    def __init__(self, deleted: _Optional[int] = ...) -> None: ...

class UpdatePayloadsRequest(_message.Message):
    __slots__ = ("scope", "selection", "payload_json", "replace", "key", "payloads")
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    SELECTION_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_JSON_FIELD_NUMBER: _ClassVar[int]
    REPLACE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    PAYLOADS_FIELD_NUMBER: _ClassVar[int]
    scope: Scope
    selection: Selection
    payload_json: bytes
    replace: bool
    key: str
    payloads: _vectors_pb2.Payloads
    def __init__(self, scope: _Optional[_Union[Scope, _Mapping]] = ..., selection: _Optional[_Union[Selection, _Mapping]] = ..., payload_json: _Optional[bytes] = ..., replace: bool = ..., key: _Optional[str] = ..., payloads: _Optional[_Union[_vectors_pb2.Payloads, _Mapping]] = ...) -> None: ...

class UpdatePayloadsResponse(_message.Message):
    __slots__ = ("updated",)
    UPDATED_FIELD_NUMBER: _ClassVar[int]
    updated: int
    def __init__(self, updated: _Optional[int] = ...) -> None: ...

class DeletePayloadKeysRequest(_message.Message):
    __slots__ = ("scope", "selection", "keys")
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    SELECTION_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    scope: Scope
    selection: Selection
    keys: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, scope: _Optional[_Union[Scope, _Mapping]] = ..., selection: _Optional[_Union[Selection, _Mapping]] = ..., keys: _Optional[_Iterable[str]] = ...) -> None: ...

class DeletePayloadKeysResponse(_message.Message):
    __slots__ = ("updated",)
    UPDATED_FIELD_NUMBER: _ClassVar[int]
    updated: int
    def __init__(self, updated: _Optional[int] = ...) -> None: ...

class UpdateVectorsRequest(_message.Message):
    __slots__ = ("scope", "ids", "vectors")
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    VECTORS_FIELD_NUMBER: _ClassVar[int]
    scope: Scope
    ids: _vectors_pb2.PointIds
    vectors: _containers.RepeatedCompositeFieldContainer[_vectors_pb2.FieldVectors]
    def __init__(self, scope: _Optional[_Union[Scope, _Mapping]] = ..., ids: _Optional[_Union[_vectors_pb2.PointIds, _Mapping]] = ..., vectors: _Optional[_Iterable[_Union[_vectors_pb2.FieldVectors, _Mapping]]] = ...) -> None: ...

class UpdateVectorsResponse(_message.Message):
    __slots__ = ("updated",)
    UPDATED_FIELD_NUMBER: _ClassVar[int]
    updated: int
    def __init__(self, updated: _Optional[int] = ...) -> None: ...

class DeleteVectorsRequest(_message.Message):
    __slots__ = ("scope", "selection", "fields")
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    SELECTION_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    scope: Scope
    selection: Selection
    fields: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, scope: _Optional[_Union[Scope, _Mapping]] = ..., selection: _Optional[_Union[Selection, _Mapping]] = ..., fields: _Optional[_Iterable[str]] = ...) -> None: ...

class DeleteVectorsResponse(_message.Message):
    __slots__ = ("updated",)
    UPDATED_FIELD_NUMBER: _ClassVar[int]
    updated: int
    def __init__(self, updated: _Optional[int] = ...) -> None: ...

class GetPointsRequest(_message.Message):
    __slots__ = ("scope", "ids", "with_vectors", "vector_fields", "payload_keys", "without_payload")
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    WITH_VECTORS_FIELD_NUMBER: _ClassVar[int]
    VECTOR_FIELDS_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_KEYS_FIELD_NUMBER: _ClassVar[int]
    WITHOUT_PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    scope: Scope
    ids: _vectors_pb2.PointIds
    with_vectors: bool
    vector_fields: _containers.RepeatedScalarFieldContainer[str]
    payload_keys: _containers.RepeatedScalarFieldContainer[str]
    without_payload: bool
    def __init__(self, scope: _Optional[_Union[Scope, _Mapping]] = ..., ids: _Optional[_Union[_vectors_pb2.PointIds, _Mapping]] = ..., with_vectors: bool = ..., vector_fields: _Optional[_Iterable[str]] = ..., payload_keys: _Optional[_Iterable[str]] = ..., without_payload: bool = ...) -> None: ...

class GetPointsResponse(_message.Message):
    __slots__ = ("points", "found")
    POINTS_FIELD_NUMBER: _ClassVar[int]
    FOUND_FIELD_NUMBER: _ClassVar[int]
    points: PointColumns
    found: _containers.RepeatedScalarFieldContainer[bool]
    def __init__(self, points: _Optional[_Union[PointColumns, _Mapping]] = ..., found: _Optional[_Iterable[bool]] = ...) -> None: ...

class ScrollPointsRequest(_message.Message):
    __slots__ = ("scope", "filter", "limit", "after", "with_vectors", "vector_fields", "payload_keys", "without_payload", "order_by", "after_integer", "after_number", "after_large", "after_time")
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    WITH_VECTORS_FIELD_NUMBER: _ClassVar[int]
    VECTOR_FIELDS_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_KEYS_FIELD_NUMBER: _ClassVar[int]
    WITHOUT_PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    ORDER_BY_FIELD_NUMBER: _ClassVar[int]
    AFTER_INTEGER_FIELD_NUMBER: _ClassVar[int]
    AFTER_NUMBER_FIELD_NUMBER: _ClassVar[int]
    AFTER_LARGE_FIELD_NUMBER: _ClassVar[int]
    AFTER_TIME_FIELD_NUMBER: _ClassVar[int]
    scope: Scope
    filter: Filter
    limit: int
    after: int
    with_vectors: bool
    vector_fields: _containers.RepeatedScalarFieldContainer[str]
    payload_keys: _containers.RepeatedScalarFieldContainer[str]
    without_payload: bool
    order_by: str
    after_integer: int
    after_number: float
    after_large: int
    after_time: int
    def __init__(self, scope: _Optional[_Union[Scope, _Mapping]] = ..., filter: _Optional[_Union[Filter, _Mapping]] = ..., limit: _Optional[int] = ..., after: _Optional[int] = ..., with_vectors: bool = ..., vector_fields: _Optional[_Iterable[str]] = ..., payload_keys: _Optional[_Iterable[str]] = ..., without_payload: bool = ..., order_by: _Optional[str] = ..., after_integer: _Optional[int] = ..., after_number: _Optional[float] = ..., after_large: _Optional[int] = ..., after_time: _Optional[int] = ...) -> None: ...

class ScrollPointsResponse(_message.Message):
    __slots__ = ("points", "next", "next_integer", "next_number", "next_large", "next_time")
    POINTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    NEXT_INTEGER_FIELD_NUMBER: _ClassVar[int]
    NEXT_NUMBER_FIELD_NUMBER: _ClassVar[int]
    NEXT_LARGE_FIELD_NUMBER: _ClassVar[int]
    NEXT_TIME_FIELD_NUMBER: _ClassVar[int]
    points: PointColumns
    next: int
    next_integer: int
    next_number: float
    next_large: int
    next_time: int
    def __init__(self, points: _Optional[_Union[PointColumns, _Mapping]] = ..., next: _Optional[int] = ..., next_integer: _Optional[int] = ..., next_number: _Optional[float] = ..., next_large: _Optional[int] = ..., next_time: _Optional[int] = ...) -> None: ...

class SamplePointsRequest(_message.Message):
    __slots__ = ("scope", "filter", "n", "seed", "with_vectors", "vector_fields", "payload_keys", "without_payload")
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    N_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    WITH_VECTORS_FIELD_NUMBER: _ClassVar[int]
    VECTOR_FIELDS_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_KEYS_FIELD_NUMBER: _ClassVar[int]
    WITHOUT_PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    scope: Scope
    filter: Filter
    n: int
    seed: int
    with_vectors: bool
    vector_fields: _containers.RepeatedScalarFieldContainer[str]
    payload_keys: _containers.RepeatedScalarFieldContainer[str]
    without_payload: bool
    def __init__(self, scope: _Optional[_Union[Scope, _Mapping]] = ..., filter: _Optional[_Union[Filter, _Mapping]] = ..., n: _Optional[int] = ..., seed: _Optional[int] = ..., with_vectors: bool = ..., vector_fields: _Optional[_Iterable[str]] = ..., payload_keys: _Optional[_Iterable[str]] = ..., without_payload: bool = ...) -> None: ...

class SamplePointsResponse(_message.Message):
    __slots__ = ("points",)
    POINTS_FIELD_NUMBER: _ClassVar[int]
    points: PointColumns
    def __init__(self, points: _Optional[_Union[PointColumns, _Mapping]] = ...) -> None: ...

class CountPointsRequest(_message.Message):
    __slots__ = ("scope", "filter")
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    scope: Scope
    filter: Filter
    def __init__(self, scope: _Optional[_Union[Scope, _Mapping]] = ..., filter: _Optional[_Union[Filter, _Mapping]] = ...) -> None: ...

class CountPointsResponse(_message.Message):
    __slots__ = ("count",)
    COUNT_FIELD_NUMBER: _ClassVar[int]
    count: int
    def __init__(self, count: _Optional[int] = ...) -> None: ...

class PayloadValue(_message.Message):
    __slots__ = ("boolean", "integer", "large_integer", "number", "text")
    BOOLEAN_FIELD_NUMBER: _ClassVar[int]
    INTEGER_FIELD_NUMBER: _ClassVar[int]
    LARGE_INTEGER_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    boolean: bool
    integer: int
    large_integer: int
    number: float
    text: str
    def __init__(self, boolean: bool = ..., integer: _Optional[int] = ..., large_integer: _Optional[int] = ..., number: _Optional[float] = ..., text: _Optional[str] = ...) -> None: ...

class GetFacetsRequest(_message.Message):
    __slots__ = ("scope", "filter", "field", "limit")
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    scope: Scope
    filter: Filter
    field: str
    limit: int
    def __init__(self, scope: _Optional[_Union[Scope, _Mapping]] = ..., filter: _Optional[_Union[Filter, _Mapping]] = ..., field: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class Facet(_message.Message):
    __slots__ = ("value", "count")
    VALUE_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    value: PayloadValue
    count: int
    def __init__(self, value: _Optional[_Union[PayloadValue, _Mapping]] = ..., count: _Optional[int] = ...) -> None: ...

class GetFacetsResponse(_message.Message):
    __slots__ = ("facets",)
    FACETS_FIELD_NUMBER: _ClassVar[int]
    facets: _containers.RepeatedCompositeFieldContainer[Facet]
    def __init__(self, facets: _Optional[_Iterable[_Union[Facet, _Mapping]]] = ...) -> None: ...

class GetMinMaxRequest(_message.Message):
    __slots__ = ("scope", "filter", "field")
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    scope: Scope
    filter: Filter
    field: str
    def __init__(self, scope: _Optional[_Union[Scope, _Mapping]] = ..., filter: _Optional[_Union[Filter, _Mapping]] = ..., field: _Optional[str] = ...) -> None: ...

class GetMinMaxResponse(_message.Message):
    __slots__ = ("least", "most")
    LEAST_FIELD_NUMBER: _ClassVar[int]
    MOST_FIELD_NUMBER: _ClassVar[int]
    least: PayloadValue
    most: PayloadValue
    def __init__(self, least: _Optional[_Union[PayloadValue, _Mapping]] = ..., most: _Optional[_Union[PayloadValue, _Mapping]] = ...) -> None: ...
