"""Explanations as messages: the plan and the time of a search beside its hits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ....engine.input.options import Budgets
from ....engine.results.carried import Named
from ....engine.results.explanation import Explanation, PlanKind, PlanReason, SegmentPlan
from ....engine.results.groups import BatchGroups, Groups, hits_of
from ....engine.results.hits import BatchHits, Hits
from ....engine.results.weighting import Weighting
from ....engine.schema.payload_field import FieldType
from ....proto.v1 import search_pb2 as pb
from ..schemas import put_payload_field, read_payload_field
from .groups import put_groups
from .hits import put_hits

_KIND, _REASON = "PLAN_KIND_", "PLAN_REASON_"


def put_explanation(
    message: pb.ExplainResponse, explanation: Explanation, with_payload: Named = True
) -> None:
    """Fill ``message`` with an explanation and its hits; groups are those of a batch."""
    hits, groups = explanation.hits, explanation.groups
    if groups is not None:
        assert isinstance(groups, BatchGroups)
        put_groups(message, groups, with_payload)
    else:
        put_hits(message.hits, hits, with_payload)
        message.counts.extend(hits.counts.tolist() if isinstance(hits, BatchHits) else [len(hits)])
    _put_plans(message.segments, explanation.segments)
    _put_plans(message.first_stage, explanation.first_stage)
    for path, kind in explanation.unindexed.items():
        put_payload_field(message.unindexed.add(), path, FieldType(kind))
    message.payloads_read, message.searches = explanation.payloads_read, explanation.searches
    for stage, seconds in explanation.stages.items():
        message.stages.add(stage=stage, seconds=seconds)
    if explanation.weighting is not None:
        weighting = explanation.weighting
        message.weighting.n_vectors = weighting.n_vectors
        if weighting.average_length is not None:
            message.weighting.average_length = weighting.average_length


def read_explanation(
    message: pb.ExplainResponse,
    found: Hits | BatchHits | Groups | BatchGroups,
    queries: int,
    tokens: Budgets | None = None,
) -> Explanation:
    """Return an explanation of what was ``found``, read from the same message, by so many tokens."""
    segments = tuple(map(_segment_plan, message.segments))
    stages = {stage.stage: stage.seconds for stage in message.stages}
    weighting = _weighting(message.weighting) if message.HasField("weighting") else None
    first = tuple(map(_segment_plan, message.first_stage))
    unindexed = {path: kind.value for path, kind in map(read_payload_field, message.unindexed)}
    groups = found if isinstance(found, Groups | BatchGroups) else None
    return Explanation(
        hits_of(found) if isinstance(found, Groups | BatchGroups) else found,
        queries,
        segments,
        stages,
        weighting,
        tokens,
        first,
        unindexed,
        message.payloads_read,
        groups,
        message.searches,
    )


def _put_plans(messages: Any, plans: Sequence[SegmentPlan]) -> None:
    for segment in plans:
        messages.add(
            segment=segment.segment,
            rows=segment.rows,
            allowed=segment.allowed,
            kind=pb.PlanKind.Value(_KIND + segment.kind.name),
            reason=None if segment.reason is None else pb.PlanReason.Value(_REASON + segment.reason.name),
            seconds=segment.seconds,
            other_seconds=segment.other_seconds,
            knobs=segment.knobs,
            effort=segment.effort,
            expected_recall=segment.expected_recall,
            hops=segment.hops,
            distances=segment.distances,
            rescored=segment.rescored,
            fallbacks=segment.fallbacks,
            read_bytes=segment.read_bytes,
            late_bytes=segment.late_bytes,
            raised=segment.raised,
        )


def _weighting(message: pb.Weighting) -> Weighting:
    average = message.average_length if message.HasField("average_length") else None
    return Weighting(message.n_vectors, average)


def _segment_plan(message: pb.SegmentPlan) -> SegmentPlan:
    kind = pb.PlanKind.Name(message.kind).removeprefix(_KIND)
    reason = pb.PlanReason.Name(message.reason).removeprefix(_REASON)
    return SegmentPlan(
        segment=message.segment,
        rows=message.rows,
        allowed=message.allowed,
        kind=PlanKind[kind],
        reason=PlanReason[reason] if message.reason else None,
        seconds=message.seconds if message.HasField("seconds") else None,
        other_seconds=message.other_seconds if message.HasField("other_seconds") else None,
        knobs=dict(message.knobs),
        effort=message.effort,
        expected_recall=message.expected_recall if message.HasField("expected_recall") else None,
        hops=message.hops,
        distances=message.distances,
        rescored=message.rescored,
        fallbacks=message.fallbacks,
        read_bytes=message.read_bytes,
        late_bytes=message.late_bytes,
        raised=message.raised,
    )
