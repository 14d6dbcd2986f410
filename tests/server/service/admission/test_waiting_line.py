"""The line that reads wait in: first come, first served, and whoever leaves it holds nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from vicinal.engine.errors import DeadlineExceeded
from vicinal.server.service.admission.waiting_line import WaitingLine

PATIENCE = 30.0


def stays(callback: Callable[[], None]) -> bool:
    """Stand for a caller who waits for ever."""
    return True


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_places_are_taken_and_left() -> None:
    line = WaitingLine(2)
    line.enter(None, stays)
    line.enter(0.0, stays)
    assert (line.free, line.waiting) == (0, 0)
    line.leave()
    line.leave()
    assert line.free == 2


def test_who_came_first_is_served_first() -> None:
    line = WaitingLine(1)
    line.enter(None, stays)
    served: list[int] = []

    def wait(number: int) -> None:
        line.enter(PATIENCE, stays)
        served.append(number)
        line.leave()

    threads = []
    for number in range(8):
        threads.append(threading.Thread(target=wait, args=(number,)))
        threads[-1].start()
        wait_until(lambda number=number: line.waiting == number + 1)  # type: ignore[misc]
    line.leave()
    for thread in threads:
        thread.join()
    assert served == list(range(8))
    assert (line.free, line.waiting) == (1, 0)


def test_who_has_no_time_left_leaves_the_line() -> None:
    line = WaitingLine(1)
    line.enter(None, stays)
    for seconds in (0.0, 0.01):
        with pytest.raises(DeadlineExceeded, match="waited"):
            line.enter(seconds, stays)
    assert (line.free, line.waiting) == (0, 0)
    line.leave()
    assert line.free == 1


def test_whose_caller_is_gone_leaves_the_line() -> None:
    line = WaitingLine(1)
    line.enter(None, stays)
    with pytest.raises(DeadlineExceeded):
        line.enter(None, lambda callback: False)
    left: list[Callable[[], None]] = []

    def leaves_word(callback: Callable[[], None]) -> bool:
        left.append(callback)
        return True

    ended: list[BaseException] = []

    def wait() -> None:
        try:
            line.enter(None, leaves_word)
        except DeadlineExceeded as error:
            ended.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    wait_until(lambda: bool(left))
    left[0]()
    # A caller may be told to be gone twice.
    left[0]()
    thread.join()
    assert len(ended) == 1
    assert (line.free, line.waiting) == (0, 0)
    line.leave()
    assert line.free == 1


def test_no_place_is_lost_between_those_who_come_leave_and_give_up() -> None:
    line = WaitingLine(2)
    inside = [0]
    most = [0]
    guard = threading.Lock()

    def work(number: int) -> None:
        for turn in range(200):
            try:
                line.enter(0.0005 if (number + turn) % 3 else None, stays)
            except DeadlineExceeded:
                continue
            with guard:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
            with guard:
                inside[0] -= 1
            line.leave()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most[0] <= 2
    assert (line.free, line.waiting) == (2, 0)
