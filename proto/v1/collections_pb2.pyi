from vicinal.proto.v1 import schema_pb2 as _schema_pb2
from vicinal.proto.v1 import search_pb2 as _search_pb2
from vicinal.proto.v1 import vectors_pb2 as _vectors_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Progress(_message.Message):
    __slots__ = ("stage", "fraction")
    STAGE_FIELD_NUMBER: _ClassVar[int]
    FRACTION_FIELD_NUMBER: _ClassVar[int]
    stage: str
    fraction: float
    def __init__(self, stage: _Optional[str] = ..., fraction: _Optional[float] = ...) -> None: ...

class CreateCollectionRequest(_message.Message):
    __slots__ = ("name", "schema")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_FIELD_NUMBER: _ClassVar[int]
    name: str
    schema: _schema_pb2.Schema
    def __init__(self, name: _Optional[str] = ..., schema: _Optional[_Union[_schema_pb2.Schema, _Mapping]] = ...) -> None: ...

class CreateCollectionResponse(_message.Message):
    __slots__ = ("uuid",)
    UUID_FIELD_NUMBER: _ClassVar[int]
    uuid: str
    def __init__(self, uuid: _Optional[str] = ...) -> None: ...

class GetCollectionRequest(_message.Message):
    __slots__ = ("name", "collection_uuid")
    NAME_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_UUID_FIELD_NUMBER: _ClassVar[int]
    name: str
    collection_uuid: str
    def __init__(self, name: _Optional[str] = ..., collection_uuid: _Optional[str] = ...) -> None: ...

class GetCollectionResponse(_message.Message):
    __slots__ = ("uuid", "schema", "name")
    UUID_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    uuid: str
    schema: _schema_pb2.Schema
    name: str
    def __init__(self, uuid: _Optional[str] = ..., schema: _Optional[_Union[_schema_pb2.Schema, _Mapping]] = ..., name: _Optional[str] = ...) -> None: ...

class ListCollectionsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListCollectionsResponse(_message.Message):
    __slots__ = ("names",)
    NAMES_FIELD_NUMBER: _ClassVar[int]
    names: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, names: _Optional[_Iterable[str]] = ...) -> None: ...

class DeleteCollectionRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class DeleteCollectionResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RenameCollectionRequest(_message.Message):
    __slots__ = ("name", "new_name")
    NAME_FIELD_NUMBER: _ClassVar[int]
    NEW_NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    new_name: str
    def __init__(self, name: _Optional[str] = ..., new_name: _Optional[str] = ...) -> None: ...

class RenameCollectionResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class SetAliasesRequest(_message.Message):
    __slots__ = ("changes",)
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    changes: _containers.RepeatedCompositeFieldContainer[AliasChange]
    def __init__(self, changes: _Optional[_Iterable[_Union[AliasChange, _Mapping]]] = ...) -> None: ...

class AliasChange(_message.Message):
    __slots__ = ("alias", "collection")
    ALIAS_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    alias: str
    collection: str
    def __init__(self, alias: _Optional[str] = ..., collection: _Optional[str] = ...) -> None: ...

class SetAliasesResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListAliasesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListAliasesResponse(_message.Message):
    __slots__ = ("aliases",)
    ALIASES_FIELD_NUMBER: _ClassVar[int]
    aliases: _containers.RepeatedCompositeFieldContainer[Alias]
    def __init__(self, aliases: _Optional[_Iterable[_Union[Alias, _Mapping]]] = ...) -> None: ...

class Alias(_message.Message):
    __slots__ = ("alias", "collection")
    ALIAS_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    alias: str
    collection: str
    def __init__(self, alias: _Optional[str] = ..., collection: _Optional[str] = ...) -> None: ...

class AddFieldRequest(_message.Message):
    __slots__ = ("collection", "collection_uuid", "field")
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_UUID_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    collection: str
    collection_uuid: str
    field: _schema_pb2.PayloadField
    def __init__(self, collection: _Optional[str] = ..., collection_uuid: _Optional[str] = ..., field: _Optional[_Union[_schema_pb2.PayloadField, _Mapping]] = ...) -> None: ...

class AddFieldResponse(_message.Message):
    __slots__ = ("schema",)
    SCHEMA_FIELD_NUMBER: _ClassVar[int]
    schema: _schema_pb2.Schema
    def __init__(self, schema: _Optional[_Union[_schema_pb2.Schema, _Mapping]] = ...) -> None: ...

class DropFieldRequest(_message.Message):
    __slots__ = ("collection", "collection_uuid", "path")
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_UUID_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    collection: str
    collection_uuid: str
    path: str
    def __init__(self, collection: _Optional[str] = ..., collection_uuid: _Optional[str] = ..., path: _Optional[str] = ...) -> None: ...

class DropFieldResponse(_message.Message):
    __slots__ = ("schema",)
    SCHEMA_FIELD_NUMBER: _ClassVar[int]
    schema: _schema_pb2.Schema
    def __init__(self, schema: _Optional[_Union[_schema_pb2.Schema, _Mapping]] = ...) -> None: ...

class AddVectorFieldRequest(_message.Message):
    __slots__ = ("collection", "collection_uuid", "field")
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_UUID_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    collection: str
    collection_uuid: str
    field: _schema_pb2.VectorField
    def __init__(self, collection: _Optional[str] = ..., collection_uuid: _Optional[str] = ..., field: _Optional[_Union[_schema_pb2.VectorField, _Mapping]] = ...) -> None: ...

class AddVectorFieldResponse(_message.Message):
    __slots__ = ("schema",)
    SCHEMA_FIELD_NUMBER: _ClassVar[int]
    schema: _schema_pb2.Schema
    def __init__(self, schema: _Optional[_Union[_schema_pb2.Schema, _Mapping]] = ...) -> None: ...

class DropVectorFieldRequest(_message.Message):
    __slots__ = ("collection", "collection_uuid", "name")
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_UUID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    collection: str
    collection_uuid: str
    name: str
    def __init__(self, collection: _Optional[str] = ..., collection_uuid: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...

class DropVectorFieldResponse(_message.Message):
    __slots__ = ("schema",)
    SCHEMA_FIELD_NUMBER: _ClassVar[int]
    schema: _schema_pb2.Schema
    def __init__(self, schema: _Optional[_Union[_schema_pb2.Schema, _Mapping]] = ...) -> None: ...

class GetCollectionInfoRequest(_message.Message):
    __slots__ = ("collection", "collection_uuid")
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_UUID_FIELD_NUMBER: _ClassVar[int]
    collection: str
    collection_uuid: str
    def __init__(self, collection: _Optional[str] = ..., collection_uuid: _Optional[str] = ...) -> None: ...

class GetCollectionInfoResponse(_message.Message):
    __slots__ = ("info",)
    INFO_FIELD_NUMBER: _ClassVar[int]
    info: CollectionInfo
    def __init__(self, info: _Optional[_Union[CollectionInfo, _Mapping]] = ...) -> None: ...

class CollectionInfo(_message.Message):
    __slots__ = ("name", "points", "segments", "tenants", "activity", "filling", "audited")
    NAME_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    SEGMENTS_FIELD_NUMBER: _ClassVar[int]
    TENANTS_FIELD_NUMBER: _ClassVar[int]
    ACTIVITY_FIELD_NUMBER: _ClassVar[int]
    FILLING_FIELD_NUMBER: _ClassVar[int]
    AUDITED_FIELD_NUMBER: _ClassVar[int]
    name: str
    points: int
    segments: _containers.RepeatedCompositeFieldContainer[SegmentInfo]
    tenants: int
    activity: Activity
    filling: _containers.RepeatedScalarFieldContainer[str]
    audited: _containers.RepeatedCompositeFieldContainer[AuditedRecall]
    def __init__(self, name: _Optional[str] = ..., points: _Optional[int] = ..., segments: _Optional[_Iterable[_Union[SegmentInfo, _Mapping]]] = ..., tenants: _Optional[int] = ..., activity: _Optional[_Union[Activity, _Mapping]] = ..., filling: _Optional[_Iterable[str]] = ..., audited: _Optional[_Iterable[_Union[AuditedRecall, _Mapping]]] = ...) -> None: ...

class AuditedRecall(_message.Message):
    __slots__ = ("field", "k", "filtered", "tokens", "tries", "promised", "found", "worst", "raised")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    K_FIELD_NUMBER: _ClassVar[int]
    FILTERED_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    TRIES_FIELD_NUMBER: _ClassVar[int]
    PROMISED_FIELD_NUMBER: _ClassVar[int]
    FOUND_FIELD_NUMBER: _ClassVar[int]
    WORST_FIELD_NUMBER: _ClassVar[int]
    RAISED_FIELD_NUMBER: _ClassVar[int]
    field: str
    k: int
    filtered: bool
    tokens: _search_pb2.TokenBudgets
    tries: int
    promised: float
    found: float
    worst: float
    raised: int
    def __init__(self, field: _Optional[str] = ..., k: _Optional[int] = ..., filtered: bool = ..., tokens: _Optional[_Union[_search_pb2.TokenBudgets, _Mapping]] = ..., tries: _Optional[int] = ..., promised: _Optional[float] = ..., found: _Optional[float] = ..., worst: _Optional[float] = ..., raised: _Optional[int] = ...) -> None: ...

class SegmentInfo(_message.Message):
    __slots__ = ("uuid", "rows", "dead", "bytes_disk", "bytes_memory", "indexed")
    UUID_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    DEAD_FIELD_NUMBER: _ClassVar[int]
    BYTES_DISK_FIELD_NUMBER: _ClassVar[int]
    BYTES_MEMORY_FIELD_NUMBER: _ClassVar[int]
    INDEXED_FIELD_NUMBER: _ClassVar[int]
    uuid: str
    rows: int
    dead: int
    bytes_disk: int
    bytes_memory: int
    indexed: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, uuid: _Optional[str] = ..., rows: _Optional[int] = ..., dead: _Optional[int] = ..., bytes_disk: _Optional[int] = ..., bytes_memory: _Optional[int] = ..., indexed: _Optional[_Iterable[str]] = ...) -> None: ...

class Activity(_message.Message):
    __slots__ = ("stage", "fraction", "last_error", "retry_seconds")
    STAGE_FIELD_NUMBER: _ClassVar[int]
    FRACTION_FIELD_NUMBER: _ClassVar[int]
    LAST_ERROR_FIELD_NUMBER: _ClassVar[int]
    RETRY_SECONDS_FIELD_NUMBER: _ClassVar[int]
    stage: str
    fraction: float
    last_error: str
    retry_seconds: float
    def __init__(self, stage: _Optional[str] = ..., fraction: _Optional[float] = ..., last_error: _Optional[str] = ..., retry_seconds: _Optional[float] = ...) -> None: ...

class FlushCollectionRequest(_message.Message):
    __slots__ = ("collection", "collection_uuid")
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_UUID_FIELD_NUMBER: _ClassVar[int]
    collection: str
    collection_uuid: str
    def __init__(self, collection: _Optional[str] = ..., collection_uuid: _Optional[str] = ...) -> None: ...

class FlushCollectionResponse(_message.Message):
    __slots__ = ("progress",)
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    progress: Progress
    def __init__(self, progress: _Optional[_Union[Progress, _Mapping]] = ...) -> None: ...

class MergeCollectionRequest(_message.Message):
    __slots__ = ("collection", "collection_uuid")
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_UUID_FIELD_NUMBER: _ClassVar[int]
    collection: str
    collection_uuid: str
    def __init__(self, collection: _Optional[str] = ..., collection_uuid: _Optional[str] = ...) -> None: ...

class MergeCollectionResponse(_message.Message):
    __slots__ = ("progress",)
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    progress: Progress
    def __init__(self, progress: _Optional[_Union[Progress, _Mapping]] = ...) -> None: ...

class WaitIndexedRequest(_message.Message):
    __slots__ = ("collection", "collection_uuid", "timeout_seconds")
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_UUID_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_SECONDS_FIELD_NUMBER: _ClassVar[int]
    collection: str
    collection_uuid: str
    timeout_seconds: float
    def __init__(self, collection: _Optional[str] = ..., collection_uuid: _Optional[str] = ..., timeout_seconds: _Optional[float] = ...) -> None: ...

class WaitIndexedResponse(_message.Message):
    __slots__ = ("progress",)
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    progress: Progress
    def __init__(self, progress: _Optional[_Union[Progress, _Mapping]] = ...) -> None: ...

class CalibrateCollectionRequest(_message.Message):
    __slots__ = ("collection", "collection_uuid", "field", "queries")
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_UUID_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    QUERIES_FIELD_NUMBER: _ClassVar[int]
    collection: str
    collection_uuid: str
    field: str
    queries: _vectors_pb2.Vectors
    def __init__(self, collection: _Optional[str] = ..., collection_uuid: _Optional[str] = ..., field: _Optional[str] = ..., queries: _Optional[_Union[_vectors_pb2.Vectors, _Mapping]] = ...) -> None: ...

class CalibrateCollectionResponse(_message.Message):
    __slots__ = ("progress", "segments")
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    SEGMENTS_FIELD_NUMBER: _ClassVar[int]
    progress: Progress
    segments: int
    def __init__(self, progress: _Optional[_Union[Progress, _Mapping]] = ..., segments: _Optional[int] = ...) -> None: ...
