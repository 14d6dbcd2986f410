"""Values of payload fields, there and back."""

from __future__ import annotations

import pytest

from vicinal import InvalidArgument
from vicinal.engine.results.facet import FieldValue
from vicinal.proto.v1 import points_pb2
from vicinal.server.wire.payload_values import put_value, read_value


@pytest.mark.parametrize(
    "value", [True, False, 0, -(2**63), 2**63 - 1, 2**63, 2**64 - 1, 0.0, 1.5, -1e300, "", "é" * 300]
)
def test_there_and_back(value: FieldValue) -> None:
    message = points_pb2.PayloadValue()
    put_value(message, value)
    read = read_value(points_pb2.PayloadValue.FromString(message.SerializeToString()))
    assert (type(read), read) == (type(value), value)


def test_no_value_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="absent"):
        read_value(points_pb2.PayloadValue())
