"""What a write makes of payloads: pure functions from those there are to those there are to be."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...storage.columns.batch import Batch
from ...storage.columns.payloads import PayloadColumn
from ..input.payload_paths import PayloadPath
from ..results.point import PointId

Payload = Mapping[str, Any]


def with_payloads(batch: Batch, change: Callable[[PointId, dict[str, Any]], Payload]) -> Batch:
    """Return the points whose payload ``change`` makes another, with that; it returns the same where not."""
    before = batch.payloads.to_list()
    payloads = list(map(change, batch.ids.to_list(), before))
    changed = [i for i, payload in enumerate(payloads) if payload is not before[i]]
    column = PayloadColumn.from_rows([payloads[i] for i in changed], len(changed))
    return replace(batch.take(changed), payloads=column)


def with_change(payload: Payload, change: Payload, path: PayloadPath, replace: bool) -> Payload:
    """Return the payload with ``change`` merged, by key, into the object at ``path``, or in its place.

    Objects on the way that are missing are made; what stands there and is no object gives way to one.
    """
    if not path:
        return change if replace else {**payload, **change}
    key, *rest = path
    inner = payload.get(key)
    inside = with_change(inner if isinstance(inner, dict) else {}, change, tuple(rest), replace)
    return {**payload, key: inside}


def without_paths(payload: Payload, paths: Sequence[PayloadPath]) -> Payload:
    """Return the payload without what filters find at ``paths``; itself, where they find nothing."""
    for path in paths:
        payload = _without(payload, path)
    return payload


def _without(value: Any, path: PayloadPath) -> Any:
    if isinstance(value, list):
        # As a filter does, from a list into each object in it.
        items = [_without(item, path) for item in value]
        return value if all(map(operator.is_, items, value)) else items
    key = path[0]
    if not isinstance(value, dict) or key not in value:
        return value
    if len(path) == 1:
        return {name: inner for name, inner in value.items() if name != key}
    inner = _without(value[key], path[1:])
    return value if inner is value[key] else {**value, key: inner}
