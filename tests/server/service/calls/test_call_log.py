"""Lines of JSON, with nothing in them that a caller sent."""

from __future__ import annotations

import io
import logging
import threading
from typing import Any

import orjson
import pytest

from vicinal.server.service.calls.call_log import CallLog


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in stream.getvalue().split("\n")[:-1]]


def test_a_call_is_one_line() -> None:
    stream = io.StringIO()
    CallLog(every_call=True, stream=stream).call("r1", "Search", "0123456789ab", "OK", 0.00123456)
    (line,) = lines(stream)
    assert line.pop("ts").endswith("+00:00")
    assert line == {
        "level": "info",
        "event": "call",
        "request_id": "r1",
        "method": "Search",
        "key_id": "0123456789ab",
        "code": "OK",
        "seconds": 0.001235,
    }


def test_without_being_told_to_only_faults_of_the_server_are_logged() -> None:
    stream = io.StringIO()
    log = CallLog(stream=stream)
    for code in ["OK", "NOT_FOUND", "UNAVAILABLE", "RESOURCE_EXHAUSTED", "INTERNAL", "DATA_LOSS"]:
        log.call("r1", "Search", "", code, 0.1)
    assert [(line["level"], line["code"]) for line in lines(stream)] == [
        ("error", "INTERNAL"),
        ("error", "DATA_LOSS"),
    ]


def test_an_unexpected_error_is_told_by_where_not_by_what_it_says() -> None:
    stream = io.StringIO()

    def fail(text: str) -> None:
        raise ValueError(text)

    try:
        fail("the payload of somebody")
    except ValueError as error:
        CallLog(stream=stream).failed("r1", "Search", error)
    (line,) = lines(stream)
    assert (line["event"], line["error"], line["request_id"]) == ("internal_error", "ValueError", "r1")
    assert line["where"][-1].endswith(" fail")
    assert "somebody" not in stream.getvalue()


def test_nothing_breaks_a_line() -> None:
    stream = io.StringIO()
    CallLog(stream=stream).event("info", "started", address='a\n"b\u2028\x00', folder=object)
    (line,) = lines(stream)
    assert line["address"] == 'a\n"b\u2028\x00'


def test_lines_of_threads_do_not_mix() -> None:
    stream = io.StringIO()
    log = CallLog(every_call=True, stream=stream)
    threads = [
        threading.Thread(target=lambda: [log.call("r", "Search", "", "OK", 0.1) for _ in range(200)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lines(stream)) == 800


def test_a_log_that_cannot_be_written_stops_nothing() -> None:
    stream = io.StringIO()
    stream.close()
    CallLog(every_call=True, stream=stream).call("r", "Search", "", "OK", 0.1)


def test_standard_error_is_where_lines_go(capsys: pytest.CaptureFixture[str]) -> None:
    CallLog().event("info", "started")
    assert '"event":"started"' in capsys.readouterr().err


@pytest.fixture
def loggers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the loggers of this process as they are."""
    for name in ("vicinal", "grpc"):
        logger = logging.getLogger(name)
        for attribute in ("handlers", "propagate", "level"):
            value = getattr(logger, attribute)
            monkeypatch.setattr(logger, attribute, value[:] if isinstance(value, list) else value)


@pytest.mark.usefixtures("loggers")
def test_what_others_log_becomes_lines_once_attached() -> None:
    stream = io.StringIO()
    logging.getLogger("vicinal.database").info("not to the stream")
    CallLog(stream=stream).attach()
    logging.getLogger("vicinal.database").info("removing %s", "x.seg")
    try:
        raise ValueError("the payload of somebody")
    except ValueError as error:
        logging.getLogger("grpc._server").exception(f"Exception calling application: {error}")
    first, second = lines(stream)
    assert (first["level"], first["event"], first["logger"]) == ("info", "log", "vicinal.database")
    assert first["text"] == "removing x.seg"
    assert (second["level"], second["error"]) == ("error", "ValueError")
    assert len(second["where"]) == 1
    assert "somebody" not in stream.getvalue()
