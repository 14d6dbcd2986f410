"""What facets and groups mean, one payload at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from naive_filter import values_at

from vicinal import Facet
from vicinal.engine.filters.canonical import microseconds

_RANKS = {bool: 0, int: 1, float: 1, str: 2}


def known_as(value: Any, kind: str | None) -> Any:
    """Return what equal values have in common, None where it is no value of a field of this type.

    The first of it ranks types, and what comes behind ranks values of a type.
    """
    if kind == "text":
        # An index has its words, so its values are read from payloads.
        kind = None
    if type(value) not in _RANKS or (kind in ("datetime", "uuid") and type(value) is not str):
        return None
    if kind == "datetime":
        try:
            return 2, microseconds(value)
        except ValueError:
            return None
    if kind == "uuid":
        try:
            return 2, UUID(value).int
        except ValueError:
            return None
    numbers: dict[str, set[type]] = {"integer": {int}, "float": {int, float}}
    fits = numbers | {"keyword": {str}, "bool": {bool}, "text": {str}, "geo": set()}
    if kind is not None and type(value) not in fits[kind]:
        return None
    return _RANKS[type(value)], value


def facets(payloads: Iterable[dict[str, Any]], path: str, kind: str | None) -> list[tuple[Any, int]]:
    """Return what each value is known as, and how many payloads have it, ranked."""
    counted: dict[Any, int] = {}
    for payload in payloads:
        for known in {known_as(value, kind) for value in values_at(payload, path)} - {None}:
            counted[known] = counted.get(known, 0) + 1
    return sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))


def check_facets(found: Sequence[Facet], payloads: list[dict[str, Any]], path: str, kind: str | None) -> None:
    """Raise AssertionError unless these are all facets of the payloads."""
    told = [(known_as(facet.value, kind), facet.count) for facet in found]
    assert told == facets(payloads, path, kind), (path, kind)
    stored = {repr(value) for payload in payloads for value in values_at(payload, path)}
    for facet in found:
        assert repr(facet.value) in stored or type(facet.value) is not str


def ends(payloads: Iterable[dict[str, Any]], path: str, kind: str | None) -> tuple[Any, Any] | None:
    """Return what the least and the most value are known as."""
    values = [value for payload in payloads for value in values_at(payload, path)]
    for kinds in (kind,) if kind is not None else ("float", "datetime"):
        known = [one for value in values if (one := known_as(value, kinds)) is not None]
        if known:
            return min(known), max(known)
    return None


def groups(
    rows: Iterable[tuple[int, dict[str, Any]]], path: str, kind: str | None, k: int, size: int
) -> list[tuple[Any, list[int]]]:
    """Return what each of the first groups is known as, and the numbers of its first rows, nearest first."""
    found: dict[Any, list[int]] = {}
    for number, payload in rows:
        known = [known_as(value, kind) for value in values_at(payload, path)]
        for one in dict.fromkeys(known):
            if one is not None:
                found.setdefault(one, []).append(number)
    return [(known, numbers[:size]) for known, numbers in list(found.items())[:k]]
