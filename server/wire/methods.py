"""Every RPC by its path, from the descriptors of the services."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.unknown_fields import UnknownFieldSet

from ...engine.errors import InvalidArgument
from ...proto.v1 import collections_pb2, database_pb2, points_pb2, search_pb2, tenants_pb2
from .message_parts import RepeatedParts, check_parts, repeated_parts

_SMALL = 1 << 16


@dataclass(frozen=True, slots=True)
class Method:
    """One RPC.

    Attributes
    ----------
    path : str
        As in ``/vicinal.v1.SearchService/Search``; methods of different services may have equal short names.
    request, response : type of Message
        The class of what is sent and of what comes back.
    streams : bool
        Whether several responses come back.
    parts : RepeatedParts
        Where the request has repeated messages.
    """

    path: str
    request: type[Message]
    response: type[Message]
    streams: bool
    parts: RepeatedParts

    def parse(self, data: bytes) -> Message:
        """Return the request that was received.

        Raises
        ------
        InvalidArgument
            When the bytes are not a message of this kind, are in far more parts than any needs, or have a
            field that this release does not know: what a caller asks for is never ignored.
        """
        if self.parts and len(data) > _SMALL:
            check_parts(data, self.parts)
        message = self._decoded(data)
        if len(data) <= _SMALL:
            # What is as long without unknown fields as it came had none: the common case, in a microsecond.
            message.DiscardUnknownFields()
            if message.ByteSize() == len(data):
                return message
            message = self._decoded(data)
        _refuse_unknown(message)
        return message

    def _decoded(self, data: bytes) -> Message:
        try:
            return self.request.FromString(data)
        except DecodeError as error:
            raise InvalidArgument(
                f"the request is not a {self.request.DESCRIPTOR.full_name}, with texts in UTF-8: {error}"
            ) from error


def _refuse_unknown(message: Message) -> None:
    unknown = UnknownFieldSet(message)
    if len(unknown):
        raise InvalidArgument(
            f"the request has field {unknown[0].field_number} in {message.DESCRIPTOR.name}, which this "
            "server does not know; use a client of the server's release"
        )
    for field in message.DESCRIPTOR.fields:
        # What is unknown in an entry of a map is gone once it was read.
        if field.message_type is None or field.message_type.GetOptions().map_entry:
            continue
        inner = getattr(message, field.name)
        if not isinstance(inner, Message):
            for part in inner:
                _refuse_unknown(part)
        elif message.HasField(field.name):
            _refuse_unknown(inner)


def _methods() -> Iterator[Method]:
    services: list[ServiceDescriptor] = [
        service
        for module in (database_pb2, collections_pb2, points_pb2, search_pb2, tenants_pb2)
        for service in module.DESCRIPTOR.services_by_name.values()
    ]
    for service in services:
        for method in service.methods:
            yield Method(
                path=f"/{service.full_name}/{method.name}",
                request=GetMessageClass(method.input_type),
                response=GetMessageClass(method.output_type),
                streams=method.server_streaming,
                parts=repeated_parts(method.input_type),
            )


METHODS: Mapping[str, Method] = MappingProxyType({method.path: method for method in _methods()})
SERVICES: tuple[str, ...] = tuple(dict.fromkeys(path.split("/")[1] for path in METHODS))
"""Full names of the services, as health and reflection name them."""
