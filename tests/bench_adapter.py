"""An adapter of the bench by its name, or a skipped test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import pytest

Peer = TypeVar("Peer")


def adapter(
    name: str, own: Callable[[], Peer], find: Callable[[Sequence[str]], tuple[list[Any], list[Any]]]
) -> Peer:
    """Return the adapter of an engine; skip the test where it is not installed."""
    if name == "vicinal":
        return own()
    peers, missing = find([name])
    if missing:
        pytest.skip(str(missing[0]))
    peer: Peer = peers[0]
    return peer
