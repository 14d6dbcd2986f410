"""The standard reflection service: which services there are and what they take, for tools."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.message import DecodeError
from grpc_reflection.v1alpha import reflection, reflection_pb2

from ....engine.errors import InvalidArgument, ResourceExhausted
from ..access.authentication import current_principal
from ..admission.receiving import CallerGone, Receiving

if TYPE_CHECKING:
    Handler = grpc.RpcMethodHandler[Any, Any]

# The two are the same messages under two names: tools ask for the newer one first.
SERVICES = ("grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection")
_METHOD = "ServerReflectionInfo"


class Reflection:
    """Answers tools as `grpcurl`. A stream of questions is ended when the next one takes too long to come.

    Parameters
    ----------
    services : iterable of str
        Full names of the services there are.
    receiving : Receiving
    """

    def __init__(self, services: Iterable[str], receiving: Receiving) -> None:
        self._answers = reflection.ReflectionServicer([*services, SERVICES[1]])
        self._receiving = receiving

    def handlers(self) -> dict[str, Handler]:
        """Return what gRPC serves, by path."""
        handler = grpc.stream_stream_rpc_method_handler(
            self._serve,
            response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
        )
        return {f"/{service}/{_METHOD}": handler for service in SERVICES}

    def _serve(
        self, messages: Iterator[bytes], context: grpc.ServicerContext
    ) -> Iterator[reflection_pb2.ServerReflectionResponse]:
        answers: Any = self._answers
        yield from answers.ServerReflectionInfo(self._questions(messages, context), context)

    def _questions(
        self, messages: Iterator[bytes], context: grpc.ServicerContext
    ) -> Iterator[reflection_pb2.ServerReflectionRequest]:
        while True:
            try:
                message = self._receiving.receive(messages, context, current_principal.get().key_id)
                yield reflection_pb2.ServerReflectionRequest.FromString(message)
            except DecodeError:
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the request is no ServerReflectionRequest")
            except ResourceExhausted as error:
                context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, str(error))
            except (CallerGone, InvalidArgument):
                # The caller has no more questions.
                return
