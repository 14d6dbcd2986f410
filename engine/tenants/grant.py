"""A point of another that a tenant may read, as callers are told it."""

from __future__ import annotations

from dataclasses import dataclass

from ..results.point import PointId

GRANTS_LIMIT = 10_000
"""Grants of the longest page."""


@dataclass(frozen=True, slots=True)
class Grant:
    """One point that a tenant may read beside its own.

    Attributes
    ----------
    id : int or str
        The point's id.
    owner : str
        The tenant whose point it is.
    """

    id: PointId
    owner: str
