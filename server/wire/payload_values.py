"""Values of payload fields as messages."""

from __future__ import annotations

from ...engine.errors import InvalidArgument
from ...engine.results.facet import FieldValue
from ...proto.v1 import points_pb2 as pb

_MOST_SIGNED = 2**63 - 1


def put_value(message: pb.PayloadValue, value: FieldValue) -> None:
    """Fill ``message`` with a value."""
    if isinstance(value, bool):
        message.boolean = value
    elif isinstance(value, str):
        message.text = value
    elif isinstance(value, float):
        message.number = value
    elif value > _MOST_SIGNED:
        message.large_integer = value
    else:
        message.integer = value


def read_value(message: pb.PayloadValue) -> FieldValue:
    """Return the value of a message.

    Raises
    ------
    InvalidArgument
        It has none.
    """
    which = message.WhichOneof("value")
    if which is None:
        raise InvalidArgument("a payload value is absent; expected a bool, a number or a text")
    value: FieldValue = getattr(message, which)
    return value
