from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ElementType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ELEMENT_TYPE_UNSPECIFIED: _ClassVar[ElementType]
    ELEMENT_TYPE_FLOAT32: _ClassVar[ElementType]
    ELEMENT_TYPE_FLOAT16: _ClassVar[ElementType]
    ELEMENT_TYPE_INT8: _ClassVar[ElementType]
    ELEMENT_TYPE_BINARY: _ClassVar[ElementType]
ELEMENT_TYPE_UNSPECIFIED: ElementType
ELEMENT_TYPE_FLOAT32: ElementType
ELEMENT_TYPE_FLOAT16: ElementType
ELEMENT_TYPE_INT8: ElementType
ELEMENT_TYPE_BINARY: ElementType

class Matrix(_message.Message):
    __slots__ = ("data", "element_type", "rows", "columns")
    DATA_FIELD_NUMBER: _ClassVar[int]
    ELEMENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    element_type: ElementType
    rows: int
    columns: int
    def __init__(self, data: _Optional[bytes] = ..., element_type: _Optional[_Union[ElementType, str]] = ..., rows: _Optional[int] = ..., columns: _Optional[int] = ...) -> None: ...

class SparseMatrix(_message.Message):
    __slots__ = ("indices", "values", "row_sizes", "binary")
    INDICES_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    ROW_SIZES_FIELD_NUMBER: _ClassVar[int]
    BINARY_FIELD_NUMBER: _ClassVar[int]
    indices: bytes
    values: bytes
    row_sizes: _containers.RepeatedScalarFieldContainer[int]
    binary: bool
    def __init__(self, indices: _Optional[bytes] = ..., values: _Optional[bytes] = ..., row_sizes: _Optional[_Iterable[int]] = ..., binary: bool = ...) -> None: ...

class TokenMatrix(_message.Message):
    __slots__ = ("tokens", "numbers", "values", "row_sizes")
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    NUMBERS_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    ROW_SIZES_FIELD_NUMBER: _ClassVar[int]
    tokens: _containers.RepeatedScalarFieldContainer[str]
    numbers: bytes
    values: bytes
    row_sizes: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, tokens: _Optional[_Iterable[str]] = ..., numbers: _Optional[bytes] = ..., values: _Optional[bytes] = ..., row_sizes: _Optional[_Iterable[int]] = ...) -> None: ...

class Texts(_message.Message):
    __slots__ = ("texts",)
    TEXTS_FIELD_NUMBER: _ClassVar[int]
    texts: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, texts: _Optional[_Iterable[str]] = ...) -> None: ...

class RaggedMatrix(_message.Message):
    __slots__ = ("tokens", "row_sizes", "scales")
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    ROW_SIZES_FIELD_NUMBER: _ClassVar[int]
    SCALES_FIELD_NUMBER: _ClassVar[int]
    tokens: Matrix
    row_sizes: _containers.RepeatedScalarFieldContainer[int]
    scales: bytes
    def __init__(self, tokens: _Optional[_Union[Matrix, _Mapping]] = ..., row_sizes: _Optional[_Iterable[int]] = ..., scales: _Optional[bytes] = ...) -> None: ...

class Vectors(_message.Message):
    __slots__ = ("dense", "sparse", "multi", "tokens", "texts")
    DENSE_FIELD_NUMBER: _ClassVar[int]
    SPARSE_FIELD_NUMBER: _ClassVar[int]
    MULTI_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    TEXTS_FIELD_NUMBER: _ClassVar[int]
    dense: Matrix
    sparse: SparseMatrix
    multi: RaggedMatrix
    tokens: TokenMatrix
    texts: Texts
    def __init__(self, dense: _Optional[_Union[Matrix, _Mapping]] = ..., sparse: _Optional[_Union[SparseMatrix, _Mapping]] = ..., multi: _Optional[_Union[RaggedMatrix, _Mapping]] = ..., tokens: _Optional[_Union[TokenMatrix, _Mapping]] = ..., texts: _Optional[_Union[Texts, _Mapping]] = ...) -> None: ...

class FieldVectors(_message.Message):
    __slots__ = ("field", "vectors", "present")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    VECTORS_FIELD_NUMBER: _ClassVar[int]
    PRESENT_FIELD_NUMBER: _ClassVar[int]
    field: str
    vectors: Vectors
    present: PresentRows
    def __init__(self, field: _Optional[str] = ..., vectors: _Optional[_Union[Vectors, _Mapping]] = ..., present: _Optional[_Union[PresentRows, _Mapping]] = ...) -> None: ...

class PresentRows(_message.Message):
    __slots__ = ("rows",)
    ROWS_FIELD_NUMBER: _ClassVar[int]
    rows: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, rows: _Optional[_Iterable[int]] = ...) -> None: ...

class PointIds(_message.Message):
    __slots__ = ("numbers", "texts", "is_text")
    NUMBERS_FIELD_NUMBER: _ClassVar[int]
    TEXTS_FIELD_NUMBER: _ClassVar[int]
    IS_TEXT_FIELD_NUMBER: _ClassVar[int]
    numbers: _containers.RepeatedScalarFieldContainer[int]
    texts: _containers.RepeatedScalarFieldContainer[str]
    is_text: _containers.RepeatedScalarFieldContainer[bool]
    def __init__(self, numbers: _Optional[_Iterable[int]] = ..., texts: _Optional[_Iterable[str]] = ..., is_text: _Optional[_Iterable[bool]] = ...) -> None: ...

class Payloads(_message.Message):
    __slots__ = ("json", "row_sizes")
    JSON_FIELD_NUMBER: _ClassVar[int]
    ROW_SIZES_FIELD_NUMBER: _ClassVar[int]
    json: bytes
    row_sizes: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, json: _Optional[bytes] = ..., row_sizes: _Optional[_Iterable[int]] = ...) -> None: ...
