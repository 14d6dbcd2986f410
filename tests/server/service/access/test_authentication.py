"""The interceptor in front of a tiny server: who is let in, and what the others are told."""

from __future__ import annotations

import datetime
import logging
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent import futures
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_status import rpc_status
from hypothesis import given
from hypothesis import strategies as st

import vicinal
from vicinal.server.service.access.api_key import key_of
from vicinal.server.service.access.authentication import AuthenticationInterceptor, current_principal
from vicinal.server.service.access.key_store import KeyStore

WHO, EACH = "/vicinal.test.Who/Am", "/vicinal.test.Who/Each"
Metadata = tuple[tuple[str, str], ...]
YEAR = datetime.timedelta(days=365)


class Who(grpc.GenericRpcHandler):
    """Answers with the id of the caller's key, once or three times, without a look at the message."""

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        if handler_call_details.method == WHO:
            return grpc.stream_unary_rpc_method_handler(self._am)
        if handler_call_details.method == EACH:
            return grpc.stream_stream_rpc_method_handler(self._each)
        return None

    def _am(self, messages: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
        return current_principal.get().key_id.encode()

    def _each(self, messages: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        for _ in range(3):
            yield current_principal.get().key_id.encode()


@dataclass
class Served:
    """A server with the interceptor, a channel to it, and the keys it asks for."""

    folder: Path
    keys: KeyStore
    channel: grpc.Channel
    interceptor: AuthenticationInterceptor
    refused: Counter[str] = field(default_factory=Counter)

    def who(self, metadata: Metadata = (), method: str = WHO) -> str:
        answer: bytes = self.channel.unary_unary(method)(b"", metadata=metadata, timeout=30)
        return answer.decode()

    def refusal(self, metadata: Metadata = (), method: str = WHO) -> grpc.RpcError:
        with pytest.raises(grpc.RpcError) as refused:
            self.who(metadata, method)
        return refused.value


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    folder = tmp_path / "db"
    vicinal.open(folder).close()
    refused: Counter[str] = Counter()
    with KeyStore(folder) as keys, futures.ThreadPoolExecutor(8) as pool:
        interceptor = AuthenticationInterceptor(None, lambda reason: refused.update([reason]))
        server = grpc.server(pool, interceptors=[interceptor])
        server.add_generic_rpc_handlers([Who()])
        health_pb2_grpc.add_HealthServicer_to_server(health.HealthServicer(), server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                yield Served(folder, keys, channel, interceptor, refused)
        finally:
            server.stop(None).wait()


@pytest.fixture
def opened(served: Served) -> Served:
    served.interceptor.open(served.keys)
    return served


def bearer(key: str) -> Metadata:
    return (("authorization", f"Bearer {key}"),)


def everything_of(error: Any) -> tuple[Any, ...]:
    """Return all that a caller receives of a refusal."""
    return (
        error.code(),
        error.details(),
        tuple(sorted(error.trailing_metadata())),
        tuple(error.initial_metadata()),
    )


def details_of(error: Any) -> dict[type, Any]:
    status = rpc_status.from_call(error)
    assert status is not None
    found = {}
    for kind in (ErrorInfo, RetryInfo):
        for packed in status.details:
            message = kind()
            if packed.Unpack(message):
                found[kind] = message
    return found


def is_healthy(channel: grpc.Channel) -> bool:
    answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=30)
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


@pytest.mark.parametrize("method", [WHO, EACH, "/vicinal.test.Who/Nobody"])
def test_nobody_is_answered_before_the_keys_are_known(served: Served, method: str) -> None:
    _, key = served.keys.create("a", "admin")
    for metadata in ((), bearer(key)):
        error = served.refusal(metadata, method)
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        assert "opening" in error.details()
        retry = details_of(error)[RetryInfo].retry_delay
        assert 0 < retry.ToTimedelta().total_seconds() < 10
    assert is_healthy(served.channel)
    assert served.refused == {"not_ready": 2}
    served.interceptor.open(served.keys)
    if method == WHO:
        assert served.who(bearer(key))


def test_everyone_is_let_in_while_there_is_no_key(opened: Served) -> None:
    assert opened.who() == ""
    assert opened.who(bearer("anything")) == ""
    assert opened.refused == {}


def test_a_valid_key_is_let_in_however_it_is_sent(opened: Served) -> None:
    identifier, key = opened.keys.create("a", "read")
    for metadata in [
        bearer(key),
        (("x-api-key", key),),
        (("authorization", f"bearer {key}"),),
        (("authorization", f"BEARER {key}"), ("x-api-key", key)),
        (("authorization", "Basic bm9ib2R5OnNlY3JldA=="), ("x-api-key", key)),
    ]:
        assert opened.who(metadata) == identifier
    assert list(opened.channel.unary_stream(EACH)(b"", metadata=bearer(key))) == [identifier.encode()] * 3


def bad_keys(keys: KeyStore) -> dict[str, Metadata]:
    valid_id, valid = keys.create("valid", "admin")
    revoked_id, revoked = keys.create("revoked", "admin")
    keys.revoke(revoked_id)
    with KeyStore(keys._catalog.store.path.removesuffix("catalog"), clock=_long_ago) as past:
        _, expired = past.create("expired", "admin", expires=_long_ago() + YEAR)
    return {
        "missing": (),
        "empty": bearer(""),
        "malformed": bearer("secret"),
        "no scheme": (("authorization", valid),),
        "another scheme": (("authorization", f"Basic {valid}"),),
        "unknown": bearer(f"vicinal_{'0' * 12}_{valid[-43:]}"),
        "wrong secret": bearer(f"vicinal_{valid_id}_{revoked[-43:]}"),
        "expired": bearer(expired),
        "revoked": bearer(revoked),
        "two keys": (*bearer(valid), ("x-api-key", revoked)),
        "one key twice, one of them wrong": (*bearer(valid), *bearer(valid + "x")),
        "under another name": (("api-key", valid),),
        "long": bearer("x" * 4_000),
    }


def _long_ago() -> datetime.datetime:
    return datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)


def test_whatever_is_wrong_with_a_key_the_answer_is_the_same(opened: Served) -> None:
    bad = bad_keys(opened.keys)
    answers = {
        (what, method): everything_of(opened.refusal(metadata, method))
        for what, metadata in bad.items()
        for method in (WHO, EACH, "/vicinal.test.Who/Nobody", "/grpc.reflection.v1.ServerReflection/Info")
    }
    first = answers["missing", WHO]
    assert first[0] is grpc.StatusCode.UNAUTHENTICATED
    assert {case for case, answer in answers.items() if answer != first} == set()
    assert opened.refused == {"unauthenticated": len(answers)}
    error = opened.refusal()
    assert details_of(error)[ErrorInfo].reason == "UNAUTHENTICATED"


def test_a_valid_key_learns_which_methods_exist(opened: Served) -> None:
    _, key = opened.keys.create("a", "read")
    assert opened.refusal(bearer(key), "/vicinal.test.Who/Nobody").code() is grpc.StatusCode.UNIMPLEMENTED


def test_the_health_check_takes_no_key_and_nothing_like_it_does(opened: Served) -> None:
    opened.keys.create("a", "read")
    assert is_healthy(opened.channel)
    for method in [
        "/grpc.health.v1.HealthX/Check",
        "/grpc.health.v1x/Check",
        "//grpc.health.v1.Health/Check",
    ]:
        assert opened.refusal((), method).code() is grpc.StatusCode.UNAUTHENTICATED


def test_a_denied_call_is_answered_before_it_has_sent_anything(opened: Served) -> None:
    opened.keys.create("a", "read")
    release = threading.Event()

    def never() -> Iterator[bytes]:
        release.wait(30)
        yield b""

    try:
        with pytest.raises(grpc.RpcError) as refused:
            opened.channel.stream_unary(WHO)(never(), timeout=20)
        assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
    finally:
        release.set()


def test_a_key_revoked_by_another_process_is_denied_the_next_call(opened: Served) -> None:
    identifier, key = opened.keys.create("a", "read")
    assert opened.who(bearer(key)) == identifier
    script = (
        "import sys; from vicinal.server.service.access.key_store import KeyStore; "
        "KeyStore(sys.argv[1]).revoke(sys.argv[2])"
    )
    subprocess.run([sys.executable, "-c", script, str(opened.folder), identifier], check=True, timeout=60)
    assert opened.refusal(bearer(key)).code() is grpc.StatusCode.UNAUTHENTICATED


def test_calls_at_the_same_time_keep_their_callers_apart(opened: Served) -> None:
    made = [opened.keys.create(f"k{i}", "read") for i in range(4)]
    wrong: list[str] = []

    def call(identifier: str, key: str) -> None:
        for _ in range(50):
            said = opened.who(bearer(key))
            each = {
                answer.decode() for answer in opened.channel.unary_stream(EACH)(b"", metadata=bearer(key))
            }
            if {said} | each != {identifier}:
                wrong.append(said)

    threads = [threading.Thread(target=call, args=pair) for pair in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def damage(served: Served) -> str:
    """Make the record of a key unreadable, and return the key."""
    identifier, key = served.keys.create("a", "admin")
    catalog = served.keys._catalog
    with catalog.write() as txn:
        catalog.put_api_key(txn, identifier, {"name": "a"})
    return key


def close(served: Served) -> str:
    _, key = served.keys.create("a", "admin")
    assert served.who(bearer(key))
    served.keys.close()
    return key


@pytest.mark.parametrize("break_keys", [damage, close])
def test_nobody_is_let_in_when_keys_cannot_be_looked_up(
    opened: Served, break_keys: Callable[[Served], str]
) -> None:
    error = opened.refusal(bearer(break_keys(opened)))
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert str(opened.folder) not in error.details()


def test_nothing_logs_a_key(opened: Served, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    bad = bad_keys(opened.keys)
    for metadata in bad.values():
        opened.refusal(metadata)
    key = damage(opened)
    opened.refusal(bearer(key))
    said = caplog.text
    assert "could not be looked up" in said
    for secret in [
        key[-43:],
        *(value[-43:] for metadata in bad.values() for _, value in metadata if "_" in value),
    ]:
        assert secret not in said


def test_outside_of_a_call_there_is_no_caller() -> None:
    with pytest.raises(LookupError):
        current_principal.get()


names = st.sampled_from(["authorization", "x-api-key", "user-agent", "authorization-bin"])
values = (
    st.text() | st.binary() | st.sampled_from(["Bearer", "Bearer ", "Bearer  a", "Bearer a b", "bearer a"])
)


@given(st.lists(st.tuples(names, values)))
def test_any_metadata_has_one_key_or_none(metadata: list[tuple[str, str | bytes]]) -> None:
    found = key_of(metadata)
    assert isinstance(found, str)
    assert not found or any(found in str(value) for _, value in metadata)
