"""Explanations as messages: the plan and the time of a search beside its hits."""

from __future__ import annotations

from ....engine.results.explanation import Explanation, SegmentPlan
from ....engine.results.hits import BatchHits, Hits
from ....proto.v1 import search_pb2 as pb
from .hits import put_hits


def put_explanation(message: pb.ExplainResponse, explanation: Explanation, with_payload: bool = True) -> None:
    """Fill ``message`` with an explanation and its hits."""
    hits = explanation.hits
    put_hits(message.hits, hits, with_payload)
    message.counts.extend(hits.counts.tolist() if isinstance(hits, BatchHits) else [len(hits)])
    for segment in explanation.segments:
        message.segments.add(
            segment=segment.segment,
            rows=segment.rows,
            allowed=segment.allowed,
            plan=segment.plan,
            expected_recall=segment.expected_recall,
            hops=segment.hops,
            distances=segment.distances,
            rescored=segment.rescored,
            fallbacks=segment.fallbacks,
        )
    for stage, seconds in explanation.stages.items():
        message.stages.add(stage=stage, seconds=seconds)


def read_explanation(message: pb.ExplainResponse, hits: Hits | BatchHits) -> Explanation:
    """Return an explanation of ``hits``, which were read from the same message."""
    segments = tuple(
        SegmentPlan(
            segment=segment.segment,
            rows=segment.rows,
            allowed=segment.allowed,
            plan=segment.plan,
            expected_recall=segment.expected_recall if segment.HasField("expected_recall") else None,
            hops=segment.hops,
            distances=segment.distances,
            rescored=segment.rescored,
            fallbacks=segment.fallbacks,
        )
        for segment in message.segments
    )
    stages = {stage.stage: stage.seconds for stage in message.stages}
    return Explanation(hits, len(message.counts), segments, stages)
