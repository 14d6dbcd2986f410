from vicinal.proto.v1 import points_pb2 as _points_pb2
from vicinal.proto.v1 import vectors_pb2 as _vectors_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TenantQuota(_message.Message):
    __slots__ = ("points", "bytes", "requests_per_second")
    POINTS_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    REQUESTS_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    points: int
    bytes: int
    requests_per_second: float
    def __init__(self, points: _Optional[int] = ..., bytes: _Optional[int] = ..., requests_per_second: _Optional[float] = ...) -> None: ...

class CreateTenantsRequest(_message.Message):
    __slots__ = ("collection", "collection_uuid", "names")
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_UUID_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    collection: str
    collection_uuid: str
    names: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, collection: _Optional[str] = ..., collection_uuid: _Optional[str] = ..., names: _Optional[_Iterable[str]] = ...) -> None: ...

class CreateTenantsResponse(_message.Message):
    __slots__ = ("created",)
    CREATED_FIELD_NUMBER: _ClassVar[int]
    created: int
    def __init__(self, created: _Optional[int] = ...) -> None: ...

class ListTenantsRequest(_message.Message):
    __slots__ = ("collection", "collection_uuid", "prefix", "limit", "after")
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_UUID_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    collection: str
    collection_uuid: str
    prefix: str
    limit: int
    after: str
    def __init__(self, collection: _Optional[str] = ..., collection_uuid: _Optional[str] = ..., prefix: _Optional[str] = ..., limit: _Optional[int] = ..., after: _Optional[str] = ...) -> None: ...

class ListTenantsResponse(_message.Message):
    __slots__ = ("names",)
    NAMES_FIELD_NUMBER: _ClassVar[int]
    names: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, names: _Optional[_Iterable[str]] = ...) -> None: ...

class DropTenantsRequest(_message.Message):
    __slots__ = ("collection", "collection_uuid", "names")
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_UUID_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    collection: str
    collection_uuid: str
    names: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, collection: _Optional[str] = ..., collection_uuid: _Optional[str] = ..., names: _Optional[_Iterable[str]] = ...) -> None: ...

class DropTenantsResponse(_message.Message):
    __slots__ = ("dropped",)
    DROPPED_FIELD_NUMBER: _ClassVar[int]
    dropped: int
    def __init__(self, dropped: _Optional[int] = ...) -> None: ...

class GetTenantStatsRequest(_message.Message):
    __slots__ = ("scope",)
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    scope: _points_pb2.Scope
    def __init__(self, scope: _Optional[_Union[_points_pb2.Scope, _Mapping]] = ...) -> None: ...

class GetTenantStatsResponse(_message.Message):
    __slots__ = ("name", "points", "bytes", "segments", "quota")
    NAME_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    SEGMENTS_FIELD_NUMBER: _ClassVar[int]
    QUOTA_FIELD_NUMBER: _ClassVar[int]
    name: str
    points: int
    bytes: int
    segments: int
    quota: TenantQuota
    def __init__(self, name: _Optional[str] = ..., points: _Optional[int] = ..., bytes: _Optional[int] = ..., segments: _Optional[int] = ..., quota: _Optional[_Union[TenantQuota, _Mapping]] = ...) -> None: ...

class SetTenantQuotaRequest(_message.Message):
    __slots__ = ("collection", "collection_uuid", "name", "quota")
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_UUID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    QUOTA_FIELD_NUMBER: _ClassVar[int]
    collection: str
    collection_uuid: str
    name: str
    quota: TenantQuota
    def __init__(self, collection: _Optional[str] = ..., collection_uuid: _Optional[str] = ..., name: _Optional[str] = ..., quota: _Optional[_Union[TenantQuota, _Mapping]] = ...) -> None: ...

class SetTenantQuotaResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GrantPointsRequest(_message.Message):
    __slots__ = ("collection", "collection_uuid", "tenant", "ids", "to")
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_UUID_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    collection: str
    collection_uuid: str
    tenant: str
    ids: _vectors_pb2.PointIds
    to: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, collection: _Optional[str] = ..., collection_uuid: _Optional[str] = ..., tenant: _Optional[str] = ..., ids: _Optional[_Union[_vectors_pb2.PointIds, _Mapping]] = ..., to: _Optional[_Iterable[str]] = ...) -> None: ...

class GrantPointsResponse(_message.Message):
    __slots__ = ("granted",)
    GRANTED_FIELD_NUMBER: _ClassVar[int]
    granted: int
    def __init__(self, granted: _Optional[int] = ...) -> None: ...

class RevokePointsRequest(_message.Message):
    __slots__ = ("collection", "collection_uuid", "tenant", "ids", "to")
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_UUID_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    collection: str
    collection_uuid: str
    tenant: str
    ids: _vectors_pb2.PointIds
    to: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, collection: _Optional[str] = ..., collection_uuid: _Optional[str] = ..., tenant: _Optional[str] = ..., ids: _Optional[_Union[_vectors_pb2.PointIds, _Mapping]] = ..., to: _Optional[_Iterable[str]] = ...) -> None: ...

class RevokePointsResponse(_message.Message):
    __slots__ = ("revoked",)
    REVOKED_FIELD_NUMBER: _ClassVar[int]
    revoked: int
    def __init__(self, revoked: _Optional[int] = ...) -> None: ...

class ListGrantsRequest(_message.Message):
    __slots__ = ("collection", "collection_uuid", "name", "limit", "after")
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_UUID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    collection: str
    collection_uuid: str
    name: str
    limit: int
    after: _vectors_pb2.PointIds
    def __init__(self, collection: _Optional[str] = ..., collection_uuid: _Optional[str] = ..., name: _Optional[str] = ..., limit: _Optional[int] = ..., after: _Optional[_Union[_vectors_pb2.PointIds, _Mapping]] = ...) -> None: ...

class ListGrantsResponse(_message.Message):
    __slots__ = ("ids", "owners")
    IDS_FIELD_NUMBER: _ClassVar[int]
    OWNERS_FIELD_NUMBER: _ClassVar[int]
    ids: _vectors_pb2.PointIds
    owners: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, ids: _Optional[_Union[_vectors_pb2.PointIds, _Mapping]] = ..., owners: _Optional[_Iterable[str]] = ...) -> None: ...
