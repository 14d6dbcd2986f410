"""Requests that nobody should send, over a real socket to a real process: it refuses them and goes on.

``VICINAL_MALFORMED`` sets how many are sent (``make fuzz-server``); the default is the form for CI.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator

import grpc
import pytest
from google.rpc import error_details_pb2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from serving import mixed_collection as mixed
from serving.calls import Outcome, call
from serving.message_strategies import Malformed, mutated, noise
from serving.rpcs import BY_NAME, RPCS, Rpc
from serving.running_server import plain_channel
from serving.served_process import ServedProcess, served_process
from serving.sound_requests import PLAIN, TENANTS, fill, sound_requests
from serving.valid_requests import collection_schema, queries

from vicinal.proto.v1 import collections_pb2, points_pb2, search_pb2, tenants_pb2

REQUESTS = int(os.environ.get("VICINAL_MALFORMED", "600"))
# Longer than this and the call hangs.
PATIENCE = 10.0
# Beyond what the process has when it starts: its budget for the work of calls, and room for allocators.
MEMORY = 768 << 20
LOOK_EVERY = 100
# Its name is in no strategy, so no accident reaches it.
KEPT = "kept-for-looking-at-it-after-accidents"
CODES = {
    grpc.StatusCode.OK,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
}

SOUND = sound_requests()
NAMES = [PLAIN, mixed.NAME, *TENANTS, "vector", "plot", "codes", "bits", "words", "tokens"]


class Attacked:
    """A server that is sent what nobody should send, and looked at in between."""

    def __init__(self, process: ServedProcess, channel: grpc.Channel) -> None:
        self.process = process
        self.channel = channel
        self.codes: Counter[tuple[str, str]] = Counter()
        self._schemas = {KEPT: collection_schema()}
        for name in (PLAIN, mixed.NAME):
            (answer,) = self._call("GetCollection", collections_pb2.GetCollectionRequest(name=name)).responses
            assert isinstance(answer, collections_pb2.GetCollectionResponse)
            self._schemas[name] = answer.schema
        self._create(KEPT)
        for tenant in TENANTS:
            request = SOUND["vicinal.v1.PointService.UpsertPoints"][0]
            assert isinstance(request, points_pb2.UpsertPointsRequest)
            request = points_pb2.UpsertPointsRequest(
                scope=points_pb2.Scope(collection=KEPT, tenant=tenant), points=request.points
            )
            assert self._call("UpsertPoints", request).ok
        self._expected = self._look()
        self._memory = process.resident_bytes + MEMORY

    def send(self, rpc: Rpc, request: bytes) -> None:
        """Send one request and judge the answer."""
        start = time.monotonic()
        outcome = call(self.channel, rpc, request, timeout=PATIENCE)
        took = time.monotonic() - start
        self.codes[str(rpc), outcome.code.name] += 1
        assert self.process.is_alive, self.process.complaints()
        allowed = CODES
        if rpc.name.endswith(".WaitIndexed"):
            # Which takes a timeout of its own.
            allowed = CODES | {grpc.StatusCode.DEADLINE_EXCEEDED}
        assert outcome.code in allowed, (outcome, self.process.complaints())
        assert took < PATIENCE, outcome
        if not outcome.ok:
            assert_told_why(outcome)
        self.restore(rpc, outcome)
        if self.codes.total() % LOOK_EVERY == 0:
            self.check()

    def check(self) -> None:
        """Assert that a call in order is answered as ever, and that memory has its bounds."""
        assert self._look() == self._expected
        assert self.process.most_resident_bytes < self._memory

    def _look(self) -> list[bytes]:
        seen = []
        for tenant in TENANTS:
            scope = points_pb2.Scope(collection=KEPT, tenant=tenant)
            options = search_pb2.SearchOptions(field="vector", k=5, with_payload=True, with_vectors=True)
            request = search_pb2.SearchRequest(scope=scope, query=queries(), options=options)
            outcome = self._call("Search", request)
            assert outcome.ok, outcome
            seen.append(outcome.responses[0].SerializeToString(deterministic=True))
        return seen

    def restore(self, rpc: Rpc, outcome: Outcome) -> None:
        """Make again what an accident deleted; delete what one made."""
        if outcome.ok and rpc.name.endswith(("AddField", "DropField")):
            self._restore_fields()
        if outcome.ok and rpc.name.endswith("VectorField"):
            self._delete_changed()
        if outcome.ok and rpc.name.endswith("SetAliases"):
            self._drop_aliases()
        if outcome.ok and rpc.name.endswith(("DropTenants", "SetTenantQuota")):
            self._restore_tenants()
        remaking = ("DeleteCollection", "CreateCollection", "RenameCollection", "VectorField")
        if not outcome.ok or not rpc.name.endswith(remaking):
            return
        (answer,) = self._call("ListCollections", collections_pb2.ListCollectionsRequest()).responses
        assert isinstance(answer, collections_pb2.ListCollectionsResponse)
        for name in set(answer.names) - set(self._schemas):
            assert self._call("DeleteCollection", collections_pb2.DeleteCollectionRequest(name=name)).ok
        for name in set(self._schemas) - set(answer.names):
            self._create(name)
            for request in SOUND["vicinal.v1.PointService.UpsertPoints"]:
                assert isinstance(request, points_pb2.UpsertPointsRequest)
                assert request.scope.collection != name or self._call("UpsertPoints", request).ok

    def _delete_changed(self) -> None:
        """Delete the collections whose vector fields are others now: no vector comes back with its field."""
        for name, schema in self._schemas.items():
            (answer,) = self._call("GetCollection", collections_pb2.GetCollectionRequest(name=name)).responses
            assert isinstance(answer, collections_pb2.GetCollectionResponse)
            if [field.name for field in answer.schema.vectors] != [field.name for field in schema.vectors]:
                request = collections_pb2.DeleteCollectionRequest(name=name)
                assert self._call("DeleteCollection", request).ok

    def _drop_aliases(self) -> None:
        (answer,) = self._call("ListAliases", collections_pb2.ListAliasesRequest()).responses
        assert isinstance(answer, collections_pb2.ListAliasesResponse)
        changes = [collections_pb2.AliasChange(alias=one.alias) for one in answer.aliases]
        assert self._call("SetAliases", collections_pb2.SetAliasesRequest(changes=changes)).ok

    def _restore_tenants(self) -> None:
        for name in (PLAIN, mixed.NAME):
            create = tenants_pb2.CreateTenantsRequest(collection=name, names=TENANTS)
            assert self._call("CreateTenants", create).ok
            for tenant in TENANTS:
                free = tenants_pb2.SetTenantQuotaRequest(collection=name, name=tenant)
                assert self._call("SetTenantQuota", free).ok

    def _restore_fields(self) -> None:
        for name, schema in self._schemas.items():
            (answer,) = self._call("GetCollection", collections_pb2.GetCollectionRequest(name=name)).responses
            assert isinstance(answer, collections_pb2.GetCollectionResponse)
            had, has = ({field.path: field for field in one.fields} for one in (schema, answer.schema))
            for path in has.keys() - had.keys():
                drop = collections_pb2.DropFieldRequest(collection=name, path=path)
                assert self._call("DropField", drop).ok
            for path in had.keys() - has.keys():
                add = collections_pb2.AddFieldRequest(collection=name, field=had[path])
                assert self._call("AddField", add).ok

    def _create(self, name: str) -> None:
        request = collections_pb2.CreateCollectionRequest(name=name, schema=self._schemas[name])
        assert self._call("CreateCollection", request).ok

    def _call(self, name: str, request: object) -> Outcome:
        return call(self.channel, BY_NAME[name], request, timeout=PATIENCE)  # type: ignore[arg-type]


def assert_told_why(outcome: Outcome) -> None:
    """Assert that a refusal has its details and no entrails of the server."""
    info = outcome.detail(error_details_pb2.ErrorInfo)
    assert info is not None, outcome
    assert info.domain == "vicinal", outcome
    assert info.reason, outcome
    assert outcome.detail(error_details_pb2.RequestInfo) is not None, outcome
    assert outcome.message, outcome
    assert outcome.status.code == outcome.code.value[0], outcome
    for entrails in ("Traceback", "site-packages", ".py", "object at 0x", "Errno"):
        assert entrails not in outcome.message, outcome


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    folder = tmp_path_factory.mktemp("attacked")
    fill(folder / "db")
    with served_process(folder / "db", folder / "log") as process, plain_channel(process.port) as channel:
        yield Attacked(process, channel)


def accidents() -> st.SearchStrategy[tuple[Rpc, bytes]]:
    malformed = Malformed(NAMES)

    def of(rpc: Rpc) -> st.SearchStrategy[tuple[Rpc, bytes]]:
        sound = SOUND[rpc.name]
        bytes_of: list[Callable[[], st.SearchStrategy[bytes]]] = [
            lambda: st.one_of([malformed.altered(message) for message in sound]),
            lambda: st.one_of([mutated(message.SerializeToString()) for message in sound]),
            lambda: malformed.arbitrary(rpc.request),
            noise,
        ]
        return st.tuples(st.just(rpc), st.one_of([make() for make in bytes_of]))

    return st.sampled_from(RPCS).flatmap(of)


def test_malformed_requests(attacked: Attacked) -> None:
    @settings(max_examples=REQUESTS, deadline=None, suppress_health_check=list(HealthCheck))
    @given(accidents())
    def send(accident: tuple[Rpc, bytes]) -> None:
        attacked.send(*accident)

    send()
    attacked.check()
    print(dict(sorted(attacked.codes.items())))
    # Requests got past the door: each RPC refused some for what they say.
    judged = {name for name, code in attacked.codes if code in ("INVALID_ARGUMENT", "NOT_FOUND")}
    if REQUESTS >= 1500:
        assert len(judged) >= len(RPCS) - 4, judged


@pytest.mark.parametrize("rpc", RPCS, ids=str)
def test_sound_requests_are_sound(attacked: Attacked, rpc: Rpc) -> None:
    """What accidents are made of is answered, so that they are near to what is."""
    if rpc.name.endswith("DeleteCollection"):
        return
    for message in SOUND[rpc.name]:
        outcome = call(attacked.channel, rpc, message, timeout=PATIENCE)
        assert outcome.ok, (message, outcome)
        attacked.restore(rpc, outcome)


@pytest.mark.parametrize("rpc", RPCS, ids=str)
def test_truncated_requests(attacked: Attacked, rpc: Rpc) -> None:
    """Every beginning of a short request, as a sender that dies leaves it."""
    data = SOUND[rpc.name][0].SerializeToString()
    for length in range(min(len(data), 40)):
        attacked.send(rpc, data[:length])


def test_unknown_fields_are_refused_or_ignored(attacked: Attacked) -> None:
    """A request of a later release, with a field this one does not know, is no accident of the server's."""
    data = SOUND["vicinal.v1.SearchService.Search"][0].SerializeToString()
    attacked.send(BY_NAME["Search"], data + b"\xf8\x7f\x01")
