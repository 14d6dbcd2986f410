"""What is generated from proto/v1/ is what its .proto files say, and they say what everything means.

Everything has a comment in front of it or behind it on its line. Without one stand only

- a message that is the request or the response of an RPC and named after it: the RPC's comment tells of it;
- the first value of an enum, which says that nothing was said.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)

ROOT = Path(__file__).resolve().parent.parent.parent
COMPILER = ROOT / "build" / "protoc"
PROTOS = sorted((ROOT / "proto" / "v1").glob("*.proto"))

# Numbers of the fields of descriptors, which the paths of comments are made of.
MESSAGES, ENUMS, SERVICES = 4, 5, 6
FIELDS, NESTED, NESTED_ENUMS = 2, 3, 4
VALUES = METHODS = 2

Place = tuple[int, ...]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with what the compiler makes of the .proto files, and their descriptors."""
    if not (COMPILER / "grpc_tools").is_dir():
        pytest.fail(f"there is no compiler in {COMPILER.relative_to(ROOT)}; install it: make build/protoc")
    folder = tmp_path_factory.mktemp("compiled")
    home = folder / "vicinal" / "proto" / "v1"
    home.mkdir(parents=True)
    for proto in PROTOS:
        shutil.copy(proto, home)
    command = [
        *(sys.executable, "-m", "grpc_tools.protoc", f"-I{folder}"),
        *(f"--python_out={folder}", f"--pyi_out={folder}"),
        *(f"--descriptor_set_out={folder / 'descriptors'}", "--include_source_info"),
        *(str(home / proto.name) for proto in PROTOS),
    ]
    done = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": str(COMPILER), "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def files(compiled: Path) -> list[FileDescriptorProto]:
    """Return the descriptors of the .proto files, with their comments."""
    return list(FileDescriptorSet.FromString((compiled / "descriptors").read_bytes()).file)


@pytest.mark.parametrize("suffix", ["_pb2.py", "_pb2.pyi"])
@pytest.mark.parametrize("proto", PROTOS, ids=lambda path: path.name)
def test_generated_code_is_that_of_the_proto_files(compiled: Path, proto: Path, suffix: str) -> None:
    name = proto.stem + suffix
    expected = (compiled / "vicinal" / "proto" / "v1" / name).read_text()
    committed = ROOT / "proto" / "v1" / name
    assert committed.exists(), f"{name} is missing; run: make proto"
    assert committed.read_text() == expected, f"{name} is not what {proto.name} says; run: make proto"


def test_nothing_is_generated_that_has_no_proto_file() -> None:
    generated = {path.name.split("_pb2")[0] for path in (ROOT / "proto" / "v1").glob("*_pb2*")}
    assert generated == {path.stem for path in PROTOS}


def test_everything_has_a_comment(files: list[FileDescriptorProto]) -> None:
    bare = []
    for file in files:
        commented = {
            tuple(place.path)
            for place in file.source_code_info.location
            if place.leading_comments.strip() or place.trailing_comments.strip()
        }
        bare += [f"{file.name}: {what}" for path, what in documented(file) if path not in commented]
    assert not bare, "\n".join(["without a comment:", *bare])


def test_every_file_begins_with_what_it_is_about() -> None:
    for proto in PROTOS:
        assert proto.read_text().startswith("// "), proto.name


def test_every_rpc_has_messages_of_its_own(files: list[FileDescriptorProto]) -> None:
    used: list[str] = []
    for file in files:
        for service in file.service:
            assert service.name.endswith("Service")
            for method in service.method:
                assert method.input_type == f".{file.package}.{method.name}Request"
                assert method.output_type == f".{file.package}.{method.name}Response"
                used += [method.input_type, method.output_type]
    assert len(set(used)) == len(used)
    fields = [field.type_name for file in files for message in file.message_type for field in message.field]
    assert not set(used) & set(fields), "the messages of an RPC are parts of nothing else"


def test_enums_begin_with_unspecified(files: list[FileDescriptorProto]) -> None:
    enums = [enum for file in files for _, enum in all_enums(file)]
    assert enums
    for enum in enums:
        prefix = "".join("_" * letter.isupper() + letter.upper() for letter in enum.name).lstrip("_")
        assert (enum.value[0].name, enum.value[0].number) == (f"{prefix}_UNSPECIFIED", 0)
        assert all(value.name.startswith(f"{prefix}_") for value in enum.value)


def test_files_are_of_one_package(files: list[FileDescriptorProto]) -> None:
    assert {file.package for file in files} == {"vicinal.v1"}
    assert {file.syntax for file in files} == {"proto3"}
    assert {file.name for file in files} == {f"vicinal/proto/v1/{path.name}" for path in PROTOS}


def documented(file: FileDescriptorProto) -> Iterator[tuple[Place, str]]:
    """Yield path and name of everything in a file that needs a comment."""
    of_rpcs = set()
    for number, service in enumerate(file.service):
        yield (SERVICES, number), service.name
        for method_number, method in enumerate(service.method):
            yield (SERVICES, number, METHODS, method_number), f"{service.name}.{method.name}"
            of_rpcs |= {f"{method.name}Request", f"{method.name}Response"}
    for path, message in all_messages(file):
        if message.name not in of_rpcs:
            yield path, message.name
        for number, field in enumerate(message.field):
            yield (*path, FIELDS, number), f"{message.name}.{field.name}"
    for path, enum in all_enums(file):
        yield path, enum.name
        for number, value in enumerate(enum.value):
            if value.number:
                yield (*path, VALUES, number), value.name


def all_messages(file: FileDescriptorProto) -> Iterator[tuple[Place, DescriptorProto]]:
    """Yield every message of a file, those in messages too, but not what maps are made of."""
    pending: list[tuple[Place, DescriptorProto]] = [
        ((MESSAGES, number), message) for number, message in enumerate(file.message_type)
    ]
    while pending:
        path, message = pending.pop()
        if not message.options.map_entry:
            yield path, message
        pending += [((*path, NESTED, number), inner) for number, inner in enumerate(message.nested_type)]


def all_enums(file: FileDescriptorProto) -> Iterator[tuple[Place, EnumDescriptorProto]]:
    """Yield every enum of a file, those in messages too."""
    yield from (((ENUMS, number), enum) for number, enum in enumerate(file.enum_type))
    for path, message in all_messages(file):
        yield from (((*path, NESTED_ENUMS, number), enum) for number, enum in enumerate(message.enum_type))
