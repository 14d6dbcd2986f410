"""Groups that do not fit themselves, or what was asked for."""

from __future__ import annotations

from typing import Any

import pytest

from vicinal import Corruption
from vicinal.proto.v1 import points_pb2, search_pb2
from vicinal.server.wire.searching.groups import read_group_values

VALUES = [points_pb2.PayloadValue(text="a"), points_pb2.PayloadValue(integer=3)]


def test_the_values_of_all_groups_come_in_order() -> None:
    message = search_pb2.SearchGroupsResponse(values=VALUES, groups=[0, 2])
    assert read_group_values(message, 2, 2) == ["a", 3]


@pytest.mark.parametrize(
    "wrong",
    [
        {"values": VALUES, "groups": [2]},
        {"values": VALUES, "groups": [1, 0]},
        {"values": [*VALUES, *VALUES], "groups": [1, 3]},
        {"values": [*VALUES[:1], points_pb2.PayloadValue()], "groups": [0, 2]},
    ],
)
def test_others_are_damaged(wrong: dict[str, Any]) -> None:
    with pytest.raises(Corruption, match="cannot be read"):
        read_group_values(search_pb2.SearchGroupsResponse(**wrong), 2, 2)
