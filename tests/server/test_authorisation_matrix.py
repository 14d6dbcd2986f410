"""Every RPC against every caller that must not make it: all are denied, and nothing changes.

The RPCs come from the descriptors, their requests from ``tests/serving/valid_requests.py``. A refusal proves
something only where the same request succeeds with the right key, so each case ends with that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import grpc
import pytest
from google.protobuf.message import Message
from grpc_reflection.v1alpha import reflection_pb2
from serving.calls import Metadata, Outcome
from serving.denied_callers import denied_callers
from serving.rpcs import BY_NAME, RPCS, Rpc
from serving.running_server import Served, health, running_server
from serving.running_workers import running
from serving.valid_requests import ENTRIES, Names, Target, collection_schema, queries

from vicinal.proto.v1 import (
    collections_pb2,
    database_pb2,
    points_pb2,
    search_pb2,
    tenants_pb2,
    vectors_pb2,
)
from vicinal.server.service.access.key_store import KeyStore

PROTO = Path(__file__).resolve().parent.parent.parent / "proto" / "v1"
RIGHTS = ["any", "read", "write", "admin"]
DENIED, HIDDEN = grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.NOT_FOUND
REFLECTION = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"


@dataclass(frozen=True)
class Stage:
    """A collection for one RPC, where ada and ben have points, and one more that exists beside it."""

    served: Served
    admin: str
    rpc: Rpc
    number: int

    @property
    def here(self) -> Target:
        return Target(f"here-{self.number:03}", "ada")

    @property
    def full(self) -> Target:
        """A target whose every name is taken."""
        return Target(f"full-{self.number:03}", "ada")

    def call(self, target: Target, key: str | None = None, metadata: Metadata = ()) -> Outcome:
        request = ENTRIES[self.rpc.name].make(target)
        return self.served.call(self.rpc.path.rpartition("/")[2], request, key, metadata=metadata)

    def ask(self, name: str, request: Message) -> Message:
        outcome = self.served.call(name, request, self.admin)
        assert outcome.ok, (name, outcome)
        return outcome.responses[-1]

    def create(self, name: str) -> None:
        request = collections_pb2.CreateCollectionRequest(name=name, schema=collection_schema())
        self.ask("CreateCollection", request)
        for tenant in ("ada", "ben"):
            self.ask(
                "UpsertPoints", ENTRIES["vicinal.v1.PointService.UpsertPoints"].make(Target(name, tenant))
            )
        grant = tenants_pb2.GrantPointsRequest(
            collection=name, tenant="ben", ids=vectors_pb2.PointIds(numbers=[1]), to=["ada"]
        )
        self.ask("GrantPoints", grant)

    def state(self) -> list[bytes]:
        """Return all that can be read of every collection of this stage."""
        names = self.ask("ListCollections", collections_pb2.ListCollectionsRequest())
        assert isinstance(names, collections_pb2.ListCollectionsResponse)
        aliases = self.ask("ListAliases", collections_pb2.ListAliasesRequest())
        seen = [answer.SerializeToString(deterministic=True) for answer in (names, aliases)]
        for name in names.names:
            if name[4:].startswith(f"-{self.number:03}"):
                seen += self._state_of(name)
        return seen

    def _state_of(self, name: str) -> list[bytes]:
        answers = [self.ask("GetCollection", collections_pb2.GetCollectionRequest(name=name))]
        info = self.ask("GetCollectionInfo", collections_pb2.GetCollectionInfoRequest(collection=name))
        assert isinstance(info, collections_pb2.GetCollectionInfoResponse)
        info.info.ClearField("activity")
        for segment in info.info.segments:
            # Caches grow by being read.
            segment.ClearField("bytes_memory")
        answers.append(info)
        answers.append(self.ask("ListTenants", tenants_pb2.ListTenantsRequest(collection=name, limit=100)))
        for tenant in ("ada", "ben"):
            stats = tenants_pb2.GetTenantStatsRequest(scope=points_pb2.Scope(collection=name, tenant=tenant))
            answers += self.served.call("GetTenantStats", stats, self.admin).responses
            grants = tenants_pb2.ListGrantsRequest(collection=name, name=tenant, limit=100)
            answers += self.served.call("ListGrants", grants, self.admin).responses
        for tenant in ("ada", "ben", "eve"):
            scope = points_pb2.Scope(collection=name, tenant=tenant)
            page = points_pb2.ScrollPointsRequest(scope=scope, limit=100, with_vectors=True)
            answers.append(self.ask("ScrollPoints", page))
            look = search_pb2.SearchRequest(
                scope=scope,
                query=queries(),
                options=search_pb2.SearchOptions(field="vector", k=9, exact=True),
            )
            answers.append(self.ask("Search", look))
        return [answer.SerializeToString(deterministic=True) for answer in answers]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with running(tmp_path_factory.mktemp("served") / "db") as server:
        yield server


@pytest.fixture(scope="module")
def admin(served: Served) -> str:
    return served.key("admin")


@pytest.fixture(scope="module", params=RPCS, ids=str)
def stage(request: pytest.FixtureRequest, served: Served, admin: str) -> Stage:
    stage = Stage(served, admin, request.param, RPCS.index(request.param))
    for name in (stage.here.collection, stage.full.collection, f"{stage.full.collection}-new"):
        stage.create(name)
    return stage


def test_the_table_is_the_descriptors() -> None:
    assert set(ENTRIES) == {rpc.name for rpc in RPCS}
    assert len(BY_NAME) == len(RPCS)
    for rpc in RPCS:
        made = ENTRIES[rpc.name].make(Target("name", "tenant"))
        assert type(made).DESCRIPTOR is rpc.request.DESCRIPTOR
        fields = rpc.request.DESCRIPTOR.fields_by_name
        assert (ENTRIES[rpc.name].names is Names.TENANT) == ("scope" in fields), rpc


def test_the_documented_rights_are_the_table() -> None:
    text = "\n".join(path.read_text() for path in sorted(PROTO.glob("*.proto")))
    documented = {}
    for comment, name in re.findall(r"((?:^ *//.*\n)+)^ *rpc (\w+)\(", text, re.MULTILINE):
        said = " ".join(line.strip(" /") for line in comment.splitlines())
        right = re.search(r'Needs the right "(\w+)"|Needs any valid key', said)
        assert right is not None, name
        documented[name] = right[1] or "any"
    assert documented == {name.rpartition(".")[2]: entry.right for name, entry in ENTRIES.items()}


def test_who_has_no_valid_key_is_denied(served: Served, stage: Stage) -> None:
    before = stage.state()
    outcomes = {
        caller: [stage.call(target, metadata=metadata) for target in (stage.here, Target("none-000", "eve"))]
        for caller, metadata in denied_callers(served).items()
    }
    expected = outcomes["no key"][0]
    assert expected.code is grpc.StatusCode.UNAUTHENTICATED
    assert "key" in expected.message
    # Whatever is wrong with the key, and whatever the call is about, the answer is the same.
    for caller, (here, elsewhere) in outcomes.items():
        assert here.seen() == expected.seen(), caller
        assert elsewhere.seen() == expected.seen(), caller
    assert stage.state() == before


def test_who_may_not_is_denied(served: Served, stage: Stage) -> None:
    entry = ENTRIES[stage.rpc.name]
    before = stage.state()
    for right in RIGHTS[1 : RIGHTS.index(entry.right)]:
        for bounds in (
            {},
            {"collections": ("full-000",)},
            {"tenants": ("ben",)},
            {"tenants": ("ada", "ben")},
        ):
            assert_hidden(stage, served.key(right, **bounds), DENIED)
    if not entry.tenants:
        for tenants in (("ada",), ("ben",), ("ada", "ben", "eve")):
            assert_hidden(stage, served.key("admin", tenants=tenants), DENIED)
    assert stage.state() == before


def test_who_is_bound_elsewhere_is_denied(served: Served, stage: Stage) -> None:
    entry = ENTRIES[stage.rpc.name]
    before = stage.state()
    collection_key = served.key("admin", collections=("other", "another"))
    if entry.names in (Names.COLLECTION, Names.TENANT):
        # Which names may be made and dropped is a rule of the key, told alike whether there is such a name.
        assert_hidden(stage, collection_key, DENIED if stage.rpc is BY_NAME["DeleteCollection"] else HIDDEN)
        if entry.tenants:
            both = served.key("admin", collections=("other",), tenants=("ada",))
            assert_hidden(stage, both, HIDDEN)
    elif entry.names in (Names.NEW_COLLECTION, Names.EVERY_COLLECTION):
        assert_hidden(stage, collection_key, DENIED)
    else:
        (answer,) = stage.call(stage.here, collection_key).responses
        assert b"here" not in answer.SerializeToString()
        assert b"full" not in answer.SerializeToString()
    if entry.names is Names.TENANT:
        for tenants in (("ben",), ("ben", "cat"), ("Ada",), ("ada ",), ("a",)):
            key = served.key("admin", tenants=tenants)
            outcome = stage.call(stage.here, key)
            assert outcome.code is HIDDEN, (tenants, outcome)
            # There is an ada and no eve.
            nobody = stage.call(replace(stage.here, tenant="eve"), key)
            assert outcome.seen("ada") == nobody.seen("eve")
            # Nor does it matter what else is wrong with the call.
            wrong = replace(stage.here, uuid="no such uuid")
            assert stage.call(wrong, key).seen("ada") == stage.call(replace(wrong, tenant="eve"), key).seen(
                "eve"
            )
    assert stage.state() == before


def assert_hidden(stage: Stage, key: str, code: grpc.StatusCode) -> None:
    """Assert that a key is denied, and cannot tell a name that is taken from one that is not."""
    outcome = stage.call(stage.full, key)
    assert outcome.code is code, outcome
    free = replace(stage.full, collection="free-999")
    assert outcome.seen(stage.full.collection) == stage.call(free, key).seen(free.collection)
    with_uuid = replace(stage.full, uuid="00000000-0000-0000-0000-000000000000")
    assert stage.call(with_uuid, key).seen(stage.full.collection) == stage.call(
        replace(with_uuid, collection="free-999"), key
    ).seen("free-999")
    assert stage.call(stage.here, key).code is code


def test_who_may_succeeds(served: Served, stage: Stage) -> None:
    """The same request with the least key that suffices: so that what was denied was denied for its key."""
    entry = ENTRIES[stage.rpc.name]
    right = "read" if entry.right == "any" else entry.right
    name = stage.here.collection
    before = stage.state()
    names = (f"{name}-new",) if entry.names is Names.NEW_COLLECTION else (name,)
    if entry.tenants:
        bound = served.key(right, collections=names, tenants=("ada",))
        assert stage.call(stage.here, bound).ok
        assert stage.call(replace(stage.here, tenant=None), bound).ok
        several = served.key(right, tenants=("ada", "ben"))
        assert stage.call(stage.here, several).ok
        unnamed = stage.call(replace(stage.here, tenant=None), several)
        assert unnamed.ok == (entry.names is not Names.TENANT)
    else:
        bound = served.key(right, collections=names)
        if entry.names is Names.EVERY_COLLECTION:
            assert stage.call(stage.here, bound).code is DENIED
            bound = served.key(right)
        outcome = stage.call(stage.here, bound)
        assert outcome.ok, outcome
    assert (stage.state() != before) == entry.changes


def test_wrong_input_of_a_stranger_says_nothing(served: Served, admin: str) -> None:
    """A request that is refused for its content where one may look, is refused for the key where not."""
    stage = Stage(served, admin, BY_NAME["Search"], 900)
    stage.create(stage.here.collection)
    bad_query = ENTRIES[BY_NAME["Search"].name].make(stage.here)
    assert isinstance(bad_query, search_pb2.SearchRequest)
    bad_query.query.CopyFrom(queries(1, dim=7))
    bad_field = search_pb2.SearchRequest()
    bad_field.CopyFrom(bad_query)
    bad_field.options.field = "no-such-field"
    bad_field.options.filter.json = b'{"key":"unindexed","match":{"value":1}}'
    stranger = served.key("admin", collections=("other",))
    for request in (bad_query, bad_field):
        assert served.call("Search", request, admin).code is grpc.StatusCode.INVALID_ARGUMENT
        there = served.call("Search", request, stranger)
        request.scope.collection = "gone-900"
        gone = served.call("Search", request, stranger)
        assert there.code is HIDDEN
        assert there.seen("here-900") == gone.seen("gone-900")
        request.scope.collection = stage.here.collection


def test_a_tenants_key_sees_no_collection_without_tenants(served: Served, admin: str) -> None:
    stage = Stage(served, admin, BY_NAME["CountPoints"], 901)
    schema = collection_schema()
    schema.partitioned = False
    stage.ask("CreateCollection", collections_pb2.CreateCollectionRequest(name="open-901", schema=schema))
    key = served.key("admin", tenants=("ada",))
    for name, entry in ENTRIES.items():
        if entry.names in (Names.COLLECTION, Names.TENANT):
            for tenant in (None, "ada"):
                there, gone = (
                    served.call(name.rpartition(".")[2], entry.make(Target(collection, tenant)), key)
                    for collection in ("open-901", "gone-901")
                )
                assert there.code is (HIDDEN if entry.tenants else DENIED), (name, there)
                assert there.seen("open-901") == gone.seen("gone-901"), name
    listed = served.call("ListCollections", collections_pb2.ListCollectionsRequest(), key).responses[0]
    assert isinstance(listed, collections_pb2.ListCollectionsResponse)
    assert "open-901" not in listed.names


def test_reflection_needs_a_key_and_health_does_not(served: Served, admin: str) -> None:
    assert health(served.channel) == 1
    reflect = served.channel.stream_stream(
        REFLECTION,
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    question = reflection_pb2.ServerReflectionRequest(list_services="")
    for path in (
        REFLECTION,
        REFLECTION.replace("v1alpha", "v1"),
        "/vicinal.v1.SearchService/NoSuchRpc",
        "/x/y",
    ):
        anonymous = served.channel.unary_unary(path)
        with pytest.raises(grpc.RpcError) as caught:
            anonymous(question.SerializeToString(), timeout=30)
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED, path
    (answer,) = reflect(iter([question]), timeout=30, metadata=(("authorization", f"Bearer {admin}"),))
    listed = {service.name for service in answer.list_services_response.service}
    assert listed >= {rpc.name.rpartition(".")[0] for rpc in RPCS}


def test_the_first_key_shuts_the_door_for_good(tmp_path: Path) -> None:
    limits = database_pb2.GetLimitsRequest()
    with running_server(tmp_path / "db") as server:
        assert server.call("GetLimits", limits).ok
        identifier, key = server.identified_key("read")
        assert server.call("GetLimits", limits).code is grpc.StatusCode.UNAUTHENTICATED
        assert server.call("GetLimits", limits, key).ok
        with KeyStore(server.folder) as keys:
            keys.revoke(identifier)
        for caller in (None, key):
            assert server.call("GetLimits", limits, caller).code is grpc.StatusCode.UNAUTHENTICATED
    with running_server(tmp_path / "db") as server:
        assert server.call("GetLimits", limits, key).code is grpc.StatusCode.UNAUTHENTICATED
