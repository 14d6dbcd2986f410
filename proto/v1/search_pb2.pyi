from vicinal.proto.v1 import points_pb2 as _points_pb2
from vicinal.proto.v1 import schema_pb2 as _schema_pb2
from vicinal.proto.v1 import vectors_pb2 as _vectors_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PlanKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PLAN_KIND_UNSPECIFIED: _ClassVar[PlanKind]
    PLAN_KIND_EXACT_SCAN: _ClassVar[PlanKind]
    PLAN_KIND_INDEX_SEARCH: _ClassVar[PlanKind]

class PlanReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PLAN_REASON_UNSPECIFIED: _ClassVar[PlanReason]
    PLAN_REASON_NO_INDEX: _ClassVar[PlanReason]
    PLAN_REASON_ASKED_FOR: _ClassVar[PlanReason]
    PLAN_REASON_FEW_ROWS: _ClassVar[PlanReason]
    PLAN_REASON_EFFORT_GIVEN: _ClassVar[PlanReason]
    PLAN_REASON_CHEAPER: _ClassVar[PlanReason]
    PLAN_REASON_OUT_OF_REACH: _ClassVar[PlanReason]
    PLAN_REASON_CANDIDATES: _ClassVar[PlanReason]
PLAN_KIND_UNSPECIFIED: PlanKind
PLAN_KIND_EXACT_SCAN: PlanKind
PLAN_KIND_INDEX_SEARCH: PlanKind
PLAN_REASON_UNSPECIFIED: PlanReason
PLAN_REASON_NO_INDEX: PlanReason
PLAN_REASON_ASKED_FOR: PlanReason
PLAN_REASON_FEW_ROWS: PlanReason
PLAN_REASON_EFFORT_GIVEN: PlanReason
PLAN_REASON_CHEAPER: PlanReason
PLAN_REASON_OUT_OF_REACH: PlanReason
PLAN_REASON_CANDIDATES: PlanReason

class SearchOptions(_message.Message):
    __slots__ = ("field", "k", "offset", "filter", "recall", "ef", "exact", "with_payload", "with_vectors", "payload_keys", "vector_fields", "threads", "effort", "tokens", "score_threshold")
    class EffortEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    FIELD_FIELD_NUMBER: _ClassVar[int]
    K_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    RECALL_FIELD_NUMBER: _ClassVar[int]
    EF_FIELD_NUMBER: _ClassVar[int]
    EXACT_FIELD_NUMBER: _ClassVar[int]
    WITH_PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    WITH_VECTORS_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_KEYS_FIELD_NUMBER: _ClassVar[int]
    VECTOR_FIELDS_FIELD_NUMBER: _ClassVar[int]
    THREADS_FIELD_NUMBER: _ClassVar[int]
    EFFORT_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    SCORE_THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    field: str
    k: int
    offset: int
    filter: _points_pb2.Filter
    recall: float
    ef: int
    exact: bool
    with_payload: bool
    with_vectors: bool
    payload_keys: _containers.RepeatedScalarFieldContainer[str]
    vector_fields: _containers.RepeatedScalarFieldContainer[str]
    threads: int
    effort: _containers.ScalarMap[str, float]
    tokens: TokenBudgets
    score_threshold: float
    def __init__(self, field: _Optional[str] = ..., k: _Optional[int] = ..., offset: _Optional[int] = ..., filter: _Optional[_Union[_points_pb2.Filter, _Mapping]] = ..., recall: _Optional[float] = ..., ef: _Optional[int] = ..., exact: bool = ..., with_payload: bool = ..., with_vectors: bool = ..., payload_keys: _Optional[_Iterable[str]] = ..., vector_fields: _Optional[_Iterable[str]] = ..., threads: _Optional[int] = ..., effort: _Optional[_Mapping[str, float]] = ..., tokens: _Optional[_Union[TokenBudgets, _Mapping]] = ..., score_threshold: _Optional[float] = ...) -> None: ...

class TokenBudgets(_message.Message):
    __slots__ = ("query", "point")
    QUERY_FIELD_NUMBER: _ClassVar[int]
    POINT_FIELD_NUMBER: _ClassVar[int]
    query: int
    point: int
    def __init__(self, query: _Optional[int] = ..., point: _Optional[int] = ...) -> None: ...

class Candidates(_message.Message):
    __slots__ = ("query", "field", "count", "recall", "effort", "exact", "tokens")
    class EffortEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    QUERY_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    RECALL_FIELD_NUMBER: _ClassVar[int]
    EFFORT_FIELD_NUMBER: _ClassVar[int]
    EXACT_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    query: _vectors_pb2.Vectors
    field: str
    count: int
    recall: float
    effort: _containers.ScalarMap[str, float]
    exact: bool
    tokens: TokenBudgets
    def __init__(self, query: _Optional[_Union[_vectors_pb2.Vectors, _Mapping]] = ..., field: _Optional[str] = ..., count: _Optional[int] = ..., recall: _Optional[float] = ..., effort: _Optional[_Mapping[str, float]] = ..., exact: bool = ..., tokens: _Optional[_Union[TokenBudgets, _Mapping]] = ...) -> None: ...

class HitColumns(_message.Message):
    __slots__ = ("ids", "scores", "payloads", "vectors")
    IDS_FIELD_NUMBER: _ClassVar[int]
    SCORES_FIELD_NUMBER: _ClassVar[int]
    PAYLOADS_FIELD_NUMBER: _ClassVar[int]
    VECTORS_FIELD_NUMBER: _ClassVar[int]
    ids: _vectors_pb2.PointIds
    scores: _containers.RepeatedScalarFieldContainer[float]
    payloads: _vectors_pb2.Payloads
    vectors: _containers.RepeatedCompositeFieldContainer[_vectors_pb2.FieldVectors]
    def __init__(self, ids: _Optional[_Union[_vectors_pb2.PointIds, _Mapping]] = ..., scores: _Optional[_Iterable[float]] = ..., payloads: _Optional[_Union[_vectors_pb2.Payloads, _Mapping]] = ..., vectors: _Optional[_Iterable[_Union[_vectors_pb2.FieldVectors, _Mapping]]] = ...) -> None: ...

class QueryFilter(_message.Message):
    __slots__ = ("filter",)
    FILTER_FIELD_NUMBER: _ClassVar[int]
    filter: _points_pb2.Filter
    def __init__(self, filter: _Optional[_Union[_points_pb2.Filter, _Mapping]] = ...) -> None: ...

class SearchRequest(_message.Message):
    __slots__ = ("scope", "query", "options", "by_id", "candidates")
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    QUERY_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    BY_ID_FIELD_NUMBER: _ClassVar[int]
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    scope: _points_pb2.Scope
    query: _vectors_pb2.Vectors
    options: SearchOptions
    by_id: _vectors_pb2.PointIds
    candidates: Candidates
    def __init__(self, scope: _Optional[_Union[_points_pb2.Scope, _Mapping]] = ..., query: _Optional[_Union[_vectors_pb2.Vectors, _Mapping]] = ..., options: _Optional[_Union[SearchOptions, _Mapping]] = ..., by_id: _Optional[_Union[_vectors_pb2.PointIds, _Mapping]] = ..., candidates: _Optional[_Union[Candidates, _Mapping]] = ...) -> None: ...

class SearchResponse(_message.Message):
    __slots__ = ("hits",)
    HITS_FIELD_NUMBER: _ClassVar[int]
    hits: HitColumns
    def __init__(self, hits: _Optional[_Union[HitColumns, _Mapping]] = ...) -> None: ...

class SearchBatchRequest(_message.Message):
    __slots__ = ("scope", "queries", "options", "by_id", "candidates", "filters")
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    QUERIES_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    BY_ID_FIELD_NUMBER: _ClassVar[int]
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    FILTERS_FIELD_NUMBER: _ClassVar[int]
    scope: _points_pb2.Scope
    queries: _vectors_pb2.Vectors
    options: SearchOptions
    by_id: _vectors_pb2.PointIds
    candidates: Candidates
    filters: _containers.RepeatedCompositeFieldContainer[QueryFilter]
    def __init__(self, scope: _Optional[_Union[_points_pb2.Scope, _Mapping]] = ..., queries: _Optional[_Union[_vectors_pb2.Vectors, _Mapping]] = ..., options: _Optional[_Union[SearchOptions, _Mapping]] = ..., by_id: _Optional[_Union[_vectors_pb2.PointIds, _Mapping]] = ..., candidates: _Optional[_Union[Candidates, _Mapping]] = ..., filters: _Optional[_Iterable[_Union[QueryFilter, _Mapping]]] = ...) -> None: ...

class SearchBatchResponse(_message.Message):
    __slots__ = ("hits", "counts")
    HITS_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    hits: HitColumns
    counts: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, hits: _Optional[_Union[HitColumns, _Mapping]] = ..., counts: _Optional[_Iterable[int]] = ...) -> None: ...

class SearchGroupsRequest(_message.Message):
    __slots__ = ("scope", "queries", "options", "by_id", "filters", "group_by", "group_size")
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    QUERIES_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    BY_ID_FIELD_NUMBER: _ClassVar[int]
    FILTERS_FIELD_NUMBER: _ClassVar[int]
    GROUP_BY_FIELD_NUMBER: _ClassVar[int]
    GROUP_SIZE_FIELD_NUMBER: _ClassVar[int]
    scope: _points_pb2.Scope
    queries: _vectors_pb2.Vectors
    options: SearchOptions
    by_id: _vectors_pb2.PointIds
    filters: _containers.RepeatedCompositeFieldContainer[QueryFilter]
    group_by: str
    group_size: int
    def __init__(self, scope: _Optional[_Union[_points_pb2.Scope, _Mapping]] = ..., queries: _Optional[_Union[_vectors_pb2.Vectors, _Mapping]] = ..., options: _Optional[_Union[SearchOptions, _Mapping]] = ..., by_id: _Optional[_Union[_vectors_pb2.PointIds, _Mapping]] = ..., filters: _Optional[_Iterable[_Union[QueryFilter, _Mapping]]] = ..., group_by: _Optional[str] = ..., group_size: _Optional[int] = ...) -> None: ...

class SearchGroupsResponse(_message.Message):
    __slots__ = ("hits", "counts", "values", "groups")
    HITS_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    hits: HitColumns
    counts: _containers.RepeatedScalarFieldContainer[int]
    values: _containers.RepeatedCompositeFieldContainer[_points_pb2.PayloadValue]
    groups: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, hits: _Optional[_Union[HitColumns, _Mapping]] = ..., counts: _Optional[_Iterable[int]] = ..., values: _Optional[_Iterable[_Union[_points_pb2.PayloadValue, _Mapping]]] = ..., groups: _Optional[_Iterable[int]] = ...) -> None: ...

class ExplainRequest(_message.Message):
    __slots__ = ("scope", "queries", "options", "by_id", "candidates", "filters", "group_by", "group_size")
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    QUERIES_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    BY_ID_FIELD_NUMBER: _ClassVar[int]
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    FILTERS_FIELD_NUMBER: _ClassVar[int]
    GROUP_BY_FIELD_NUMBER: _ClassVar[int]
    GROUP_SIZE_FIELD_NUMBER: _ClassVar[int]
    scope: _points_pb2.Scope
    queries: _vectors_pb2.Vectors
    options: SearchOptions
    by_id: _vectors_pb2.PointIds
    candidates: Candidates
    filters: _containers.RepeatedCompositeFieldContainer[QueryFilter]
    group_by: str
    group_size: int
    def __init__(self, scope: _Optional[_Union[_points_pb2.Scope, _Mapping]] = ..., queries: _Optional[_Union[_vectors_pb2.Vectors, _Mapping]] = ..., options: _Optional[_Union[SearchOptions, _Mapping]] = ..., by_id: _Optional[_Union[_vectors_pb2.PointIds, _Mapping]] = ..., candidates: _Optional[_Union[Candidates, _Mapping]] = ..., filters: _Optional[_Iterable[_Union[QueryFilter, _Mapping]]] = ..., group_by: _Optional[str] = ..., group_size: _Optional[int] = ...) -> None: ...

class ExplainResponse(_message.Message):
    __slots__ = ("hits", "counts", "segments", "stages", "weighting", "first_stage", "unindexed", "payloads_read", "values", "groups", "searches")
    HITS_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    SEGMENTS_FIELD_NUMBER: _ClassVar[int]
    STAGES_FIELD_NUMBER: _ClassVar[int]
    WEIGHTING_FIELD_NUMBER: _ClassVar[int]
    FIRST_STAGE_FIELD_NUMBER: _ClassVar[int]
    UNINDEXED_FIELD_NUMBER: _ClassVar[int]
    PAYLOADS_READ_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    SEARCHES_FIELD_NUMBER: _ClassVar[int]
    hits: HitColumns
    counts: _containers.RepeatedScalarFieldContainer[int]
    segments: _containers.RepeatedCompositeFieldContainer[SegmentPlan]
    stages: _containers.RepeatedCompositeFieldContainer[StageTime]
    weighting: Weighting
    first_stage: _containers.RepeatedCompositeFieldContainer[SegmentPlan]
    unindexed: _containers.RepeatedCompositeFieldContainer[_schema_pb2.PayloadField]
    payloads_read: int
    values: _containers.RepeatedCompositeFieldContainer[_points_pb2.PayloadValue]
    groups: _containers.RepeatedScalarFieldContainer[int]
    searches: int
    def __init__(self, hits: _Optional[_Union[HitColumns, _Mapping]] = ..., counts: _Optional[_Iterable[int]] = ..., segments: _Optional[_Iterable[_Union[SegmentPlan, _Mapping]]] = ..., stages: _Optional[_Iterable[_Union[StageTime, _Mapping]]] = ..., weighting: _Optional[_Union[Weighting, _Mapping]] = ..., first_stage: _Optional[_Iterable[_Union[SegmentPlan, _Mapping]]] = ..., unindexed: _Optional[_Iterable[_Union[_schema_pb2.PayloadField, _Mapping]]] = ..., payloads_read: _Optional[int] = ..., values: _Optional[_Iterable[_Union[_points_pb2.PayloadValue, _Mapping]]] = ..., groups: _Optional[_Iterable[int]] = ..., searches: _Optional[int] = ...) -> None: ...

class Weighting(_message.Message):
    __slots__ = ("n_vectors", "average_length")
    N_VECTORS_FIELD_NUMBER: _ClassVar[int]
    AVERAGE_LENGTH_FIELD_NUMBER: _ClassVar[int]
    n_vectors: int
    average_length: float
    def __init__(self, n_vectors: _Optional[int] = ..., average_length: _Optional[float] = ...) -> None: ...

class SegmentPlan(_message.Message):
    __slots__ = ("segment", "rows", "allowed", "effort", "expected_recall", "hops", "distances", "rescored", "fallbacks", "kind", "reason", "seconds", "other_seconds", "knobs", "read_bytes", "late_bytes", "raised")
    class KnobsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    SEGMENT_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    ALLOWED_FIELD_NUMBER: _ClassVar[int]
    EFFORT_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_RECALL_FIELD_NUMBER: _ClassVar[int]
    HOPS_FIELD_NUMBER: _ClassVar[int]
    DISTANCES_FIELD_NUMBER: _ClassVar[int]
    RESCORED_FIELD_NUMBER: _ClassVar[int]
    FALLBACKS_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    OTHER_SECONDS_FIELD_NUMBER: _ClassVar[int]
    KNOBS_FIELD_NUMBER: _ClassVar[int]
    READ_BYTES_FIELD_NUMBER: _ClassVar[int]
    LATE_BYTES_FIELD_NUMBER: _ClassVar[int]
    RAISED_FIELD_NUMBER: _ClassVar[int]
    segment: str
    rows: int
    allowed: int
    effort: str
    expected_recall: float
    hops: int
    distances: int
    rescored: int
    fallbacks: int
    kind: PlanKind
    reason: PlanReason
    seconds: float
    other_seconds: float
    knobs: _containers.ScalarMap[str, float]
    read_bytes: int
    late_bytes: int
    raised: int
    def __init__(self, segment: _Optional[str] = ..., rows: _Optional[int] = ..., allowed: _Optional[int] = ..., effort: _Optional[str] = ..., expected_recall: _Optional[float] = ..., hops: _Optional[int] = ..., distances: _Optional[int] = ..., rescored: _Optional[int] = ..., fallbacks: _Optional[int] = ..., kind: _Optional[_Union[PlanKind, str]] = ..., reason: _Optional[_Union[PlanReason, str]] = ..., seconds: _Optional[float] = ..., other_seconds: _Optional[float] = ..., knobs: _Optional[_Mapping[str, float]] = ..., read_bytes: _Optional[int] = ..., late_bytes: _Optional[int] = ..., raised: _Optional[int] = ...) -> None: ...

class StageTime(_message.Message):
    __slots__ = ("stage", "seconds")
    STAGE_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    stage: str
    seconds: float
    def __init__(self, stage: _Optional[str] = ..., seconds: _Optional[float] = ...) -> None: ...

class ScoreRequest(_message.Message):
    __slots__ = ("scope", "queries", "field", "ids", "counts", "tokens")
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    QUERIES_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    scope: _points_pb2.Scope
    queries: _vectors_pb2.Vectors
    field: str
    ids: _vectors_pb2.PointIds
    counts: _containers.RepeatedScalarFieldContainer[int]
    tokens: TokenBudgets
    def __init__(self, scope: _Optional[_Union[_points_pb2.Scope, _Mapping]] = ..., queries: _Optional[_Union[_vectors_pb2.Vectors, _Mapping]] = ..., field: _Optional[str] = ..., ids: _Optional[_Union[_vectors_pb2.PointIds, _Mapping]] = ..., counts: _Optional[_Iterable[int]] = ..., tokens: _Optional[_Union[TokenBudgets, _Mapping]] = ...) -> None: ...

class ScoreResponse(_message.Message):
    __slots__ = ("scores",)
    SCORES_FIELD_NUMBER: _ClassVar[int]
    scores: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, scores: _Optional[_Iterable[float]] = ...) -> None: ...
