"""Every RPC of proto/v1, read from the descriptors: one that is added is here without being named."""

from __future__ import annotations

import pkgutil
from dataclasses import dataclass
from importlib import import_module

from google.protobuf.descriptor import FileDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

import vicinal.proto.v1


@dataclass(frozen=True, slots=True)
class Rpc:
    """One RPC; ``name`` is such as ``vicinal.v1.SearchService.Search``."""

    name: str
    path: str
    request: type[Message]
    response: type[Message]
    streams: bool

    def __str__(self) -> str:
        return self.name.removeprefix("vicinal.v1.")


def _files() -> list[FileDescriptor]:
    names = [module.name for module in pkgutil.iter_modules(vicinal.proto.v1.__path__)]
    modules = [import_module(f"vicinal.proto.v1.{name}") for name in names if name.endswith("_pb2")]
    return [module.DESCRIPTOR for module in modules]


def _rpcs() -> list[Rpc]:
    found = []
    for file in _files():
        for service in file.services_by_name.values():
            for method in service.methods:
                assert not method.client_streaming, f"{method.full_name}: the tests send one request"
                found.append(
                    Rpc(
                        method.full_name,
                        f"/{service.full_name}/{method.name}",
                        GetMessageClass(method.input_type),
                        GetMessageClass(method.output_type),
                        method.server_streaming,
                    )
                )
    return sorted(found, key=lambda rpc: rpc.name)


RPCS = _rpcs()
BY_NAME = {rpc.path.rpartition("/")[2]: rpc for rpc in RPCS}
