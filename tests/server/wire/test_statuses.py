"""Errors go through a real server and a real client, because what arrives is theirs to say."""

from __future__ import annotations

import asyncio
import inspect
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RequestInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status
from hypothesis import given
from hypothesis import strategies as st

from vicinal.engine import errors
from vicinal.engine.errors import VicinalError
from vicinal.server.wire.statuses import DOMAIN, error_of, to_status

CLASSES = sorted(
    (value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, VicinalError)),
    key=lambda error_class: error_class.__name__,
)
REQUEST = "7f3a"


class Failing:
    """A server whose one method fails as it is told to."""

    def __init__(self) -> None:
        self.status: grpc.Status | None = None
        self.plain: tuple[grpc.StatusCode, str] | None = None
        self._server = grpc.server(ThreadPoolExecutor(2))
        handler = grpc.unary_unary_rpc_method_handler(self._fail)
        self._server.add_generic_rpc_handlers(
            [grpc.method_handlers_generic_handler("test.Failing", {"Fail": handler})]
        )
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()
        self._channel = grpc.insecure_channel(self.address)

    def close(self) -> None:
        self._channel.close()
        self._server.stop(None).wait()

    def error(self, failure: BaseException | Status | tuple[grpc.StatusCode, str]) -> VicinalError:
        """Return the error that a caller makes of a failure of the server."""
        self._prepare(failure)
        with pytest.raises(grpc.RpcError) as caught:
            self._channel.unary_unary("/test.Failing/Fail")(b"", timeout=10)
        return error_of(caught.value, self.address)

    def async_error(self, failure: BaseException) -> VicinalError:
        """Return the error that a caller of the asyncio API makes of it."""
        self._prepare(failure)

        async def call() -> VicinalError:
            async with grpc.aio.insecure_channel(self.address) as channel:
                with pytest.raises(grpc.RpcError) as caught:
                    await channel.unary_unary("/test.Failing/Fail")(b"", timeout=10)
                return error_of(caught.value, self.address)

        return asyncio.run(call())

    def _prepare(self, failure: BaseException | Status | tuple[grpc.StatusCode, str]) -> None:
        self.status = self.plain = None
        if isinstance(failure, tuple):
            self.plain = failure
        elif isinstance(failure, Status):
            self.status = rpc_status.to_status(failure)
        else:
            self.status = to_status(failure, REQUEST)

    def _fail(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        if self.plain is not None:
            context.abort(*self.plain)
        assert self.status is not None
        context.abort_with_status(self.status)
        raise AssertionError("abort raises")


@pytest.fixture(scope="module")
def failing() -> Iterator[Failing]:
    server = Failing()
    yield server
    server.close()


def assert_same(arrived: VicinalError, raised: VicinalError) -> None:
    assert type(arrived) is type(raised)
    assert str(arrived) == str(raised)
    assert arrived.field == raised.field
    assert arrived.retry_after == raised.retry_after
    assert arrived.__notes__ == [f"request {REQUEST}"]


@pytest.mark.parametrize("error_class", CLASSES)
def test_every_error_arrives_as_itself(failing: Failing, error_class: type[VicinalError]) -> None:
    for error in (
        error_class("year is 'x'; expected a number"),
        error_class("ungültig\n50 % zu viel", field="vectors['plot']"),
        error_class("too much", retry_after=0.25),
        error_class("", field="", retry_after=0.0),
    ):
        assert_same(failing.error(error), error)
    error = error_class("late", field="ids", retry_after=1.5)
    assert_same(failing.async_error(error), error)


@given(
    st.sampled_from(CLASSES),
    st.text(max_size=300).filter(lambda text: len(text.encode(errors="backslashreplace")) <= 1000),
    st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=50),
    st.none() | st.integers(0, 10_000).map(lambda number: number / 1000),
)
def test_any_message_arrives(
    failing: Failing, error_class: type[VicinalError], message: str, field: str | None, retry: float | None
) -> None:
    error = error_class(message, field=field, retry_after=retry)
    arrived = failing.error(error)
    # Half a character is no UTF-8, and is spelled out.
    assert str(arrived) == message.encode(errors="backslashreplace").decode()
    assert (type(arrived), arrived.field, arrived.retry_after) == (error_class, field, retry)


@pytest.mark.parametrize("letter", ["x", "é", "名", "🎬", "\udc80", "%", "\n"])
def test_a_long_message_is_cut_so_that_it_arrives(failing: Failing, letter: str) -> None:
    arrived = failing.error(errors.InvalidArgument(letter * 20_000, field=letter * 20_000))
    assert type(arrived) is errors.InvalidArgument
    assert str(arrived).endswith(" ...")
    assert 900 < len(str(arrived).encode()) <= 1000
    assert arrived.field is not None
    assert len(arrived.field.encode()) <= 200


def test_a_subclass_arrives_as_what_it_is_derived_from(failing: Failing) -> None:
    class OurOwn(errors.MapFull):
        """Raised by a plugin."""

    assert type(failing.error(OurOwn("full"))) is errors.MapFull
    assert to_status(OurOwn("full"), REQUEST).code is grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize(
    "error", [ValueError("secret"), KeyError("secret"), RecursionError(), OSError(2, "secret")]
)
def test_of_other_errors_a_caller_learns_the_request_only(failing: Failing, error: Exception) -> None:
    assert to_status(error, REQUEST).code is grpc.StatusCode.INTERNAL
    status = to_status(error, REQUEST)
    assert b"secret" not in status.trailing_metadata[0][1]
    arrived = failing.error(error)
    assert type(arrived) is VicinalError
    assert str(arrived) == f"internal error, request {REQUEST}"


def test_details_are_those_of_google_rpc() -> None:
    error = errors.LimitExceeded("k is 20,000; at most 10,000", field="k", retry_after=1.25)
    ((key, value),) = to_status(error, REQUEST).trailing_metadata
    assert key == "grpc-status-details-bin"
    status = Status.FromString(value)
    found = {}
    for detail in status.details:
        for kind in (BadRequest, ErrorInfo, RequestInfo, RetryInfo):
            if detail.Is(kind.DESCRIPTOR):
                found[kind] = kind.FromString(detail.value)
    assert (status.code, status.message) == (8, str(error))
    assert found[ErrorInfo] == ErrorInfo(domain=DOMAIN, reason="LIMIT_EXCEEDED", metadata={"field": "k"})
    (violation,) = found[BadRequest].field_violations
    assert (violation.field, violation.description) == ("k", str(error))
    assert (found[RetryInfo].retry_delay.seconds, found[RetryInfo].retry_delay.nanos) == (1, 250_000_000)
    assert found[RequestInfo].request_id == REQUEST


def test_reasons_are_the_names_of_the_classes() -> None:
    for error_class in CLASSES:
        status = Status.FromString(to_status(error_class(""), REQUEST).trailing_metadata[0][1])
        info = ErrorInfo()
        assert any(detail.Unpack(info) for detail in status.details)
        assert info.reason.replace("_", "").lower() == error_class.__name__.lower()


@pytest.mark.parametrize("code", [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK])
def test_a_status_of_somebody_else_becomes_an_error(failing: Failing, code: grpc.StatusCode) -> None:
    arrived = failing.error((code, "as the proxy says"))
    assert failing.address in str(arrived)
    assert "as the proxy says" in str(arrived)
    expected = {error_class for error_class in CLASSES if to_status(error_class(""), REQUEST).code is code}
    expected.add(
        {
            grpc.StatusCode.CANCELLED: errors.Unavailable,
            grpc.StatusCode.UNIMPLEMENTED: errors.FailedPrecondition,
            grpc.StatusCode.OUT_OF_RANGE: errors.InvalidArgument,
            grpc.StatusCode.INTERNAL: VicinalError,
        }.get(code, VicinalError)
    )
    assert type(arrived) in expected


def test_a_reason_of_a_newer_server_is_taken_by_its_code(failing: Failing) -> None:
    status = Status(code=8, message="too warm")
    status.details.add().Pack(ErrorInfo(domain=DOMAIN, reason="TOO_WARM", metadata={"field": "k"}))
    arrived = failing.error(status)
    assert type(arrived) is errors.ResourceExhausted
    assert (str(arrived), arrived.field) == ("too warm", "k")


def test_a_reason_of_another_domain_is_not_ours(failing: Failing) -> None:
    status = Status(code=14, message="no backend")
    status.details.add().Pack(ErrorInfo(domain="proxy.example", reason="DISK_FULL"))
    assert type(failing.error(status)) is errors.Unavailable


def test_a_server_that_is_not_there_is_unavailable() -> None:
    with socket.socket() as nobody:
        # Bound and not listened on, so that nobody else gets it.
        nobody.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        with grpc.insecure_channel(address) as channel, pytest.raises(grpc.RpcError) as caught:
            channel.unary_unary("/test.Failing/Fail")(b"", timeout=10)
    arrived = error_of(caught.value, address)
    assert type(arrived) is errors.Unavailable
    assert str(arrived).startswith(f"cannot reach {address}: ")


def test_a_method_that_is_not_there_is_of_another_release(failing: Failing) -> None:
    with grpc.insecure_channel(failing.address) as channel, pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary("/test.Failing/Newer")(b"", timeout=10)
    arrived = error_of(caught.value, failing.address)
    assert type(arrived) is errors.FailedPrecondition
    assert "of another release" in str(arrived)


def test_a_message_that_is_too_large_exceeds_a_limit(failing: Failing) -> None:
    options = [("grpc.max_send_message_length", 1000)]
    with grpc.insecure_channel(failing.address, options) as channel, pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary("/test.Failing/Fail")(bytes(1001), timeout=10)
    arrived = error_of(caught.value, failing.address)
    assert type(arrived) is errors.LimitExceeded
    assert "1001" in str(arrived)
