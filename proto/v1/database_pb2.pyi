from vicinal.proto.v1 import collections_pb2 as _collections_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetDatabaseInfoRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetDatabaseInfoResponse(_message.Message):
    __slots__ = ("format", "collections", "bytes_catalog", "catalog_use")
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    COLLECTIONS_FIELD_NUMBER: _ClassVar[int]
    BYTES_CATALOG_FIELD_NUMBER: _ClassVar[int]
    CATALOG_USE_FIELD_NUMBER: _ClassVar[int]
    format: int
    collections: _containers.RepeatedCompositeFieldContainer[_collections_pb2.CollectionInfo]
    bytes_catalog: int
    catalog_use: CatalogUse
    def __init__(self, format: _Optional[int] = ..., collections: _Optional[_Iterable[_Union[_collections_pb2.CollectionInfo, _Mapping]]] = ..., bytes_catalog: _Optional[int] = ..., catalog_use: _Optional[_Union[CatalogUse, _Mapping]] = ...) -> None: ...

class CatalogUse(_message.Message):
    __slots__ = ("used_bytes", "commits_behind", "reader")
    USED_BYTES_FIELD_NUMBER: _ClassVar[int]
    COMMITS_BEHIND_FIELD_NUMBER: _ClassVar[int]
    READER_FIELD_NUMBER: _ClassVar[int]
    used_bytes: int
    commits_behind: int
    reader: int
    def __init__(self, used_bytes: _Optional[int] = ..., commits_behind: _Optional[int] = ..., reader: _Optional[int] = ...) -> None: ...

class GetLimitsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetLimitsResponse(_message.Message):
    __slots__ = ("max_message_bytes", "max_points", "max_queries", "max_results", "server_version")
    MAX_MESSAGE_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_POINTS_FIELD_NUMBER: _ClassVar[int]
    MAX_QUERIES_FIELD_NUMBER: _ClassVar[int]
    MAX_RESULTS_FIELD_NUMBER: _ClassVar[int]
    SERVER_VERSION_FIELD_NUMBER: _ClassVar[int]
    max_message_bytes: int
    max_points: int
    max_queries: int
    max_results: int
    server_version: str
    def __init__(self, max_message_bytes: _Optional[int] = ..., max_points: _Optional[int] = ..., max_queries: _Optional[int] = ..., max_results: _Optional[int] = ..., server_version: _Optional[str] = ...) -> None: ...
