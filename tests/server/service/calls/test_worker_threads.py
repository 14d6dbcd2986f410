"""The threads that calls run in."""

from __future__ import annotations

import logging
import threading
import time
import weakref
from collections.abc import Callable

import pytest

from vicinal.server.service.calls.worker_threads import WorkerThreads

PATIENCE = 30.0


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_one_after_the_other_is_done_by_one_thread() -> None:
    threads = WorkerThreads(8, "test")
    used: list[str] = []
    for number in range(50):
        threads.submit(lambda: used.append(threading.current_thread().name))
        wait_until(lambda number=number: len(used) == number + 1 and threads.resting >= 1)  # type: ignore[misc]
    threads.shutdown()
    assert set(used) == {"test-0"}


def test_as_many_run_at_a_time_as_there_may_be() -> None:
    threads = WorkerThreads(3, "test")
    release, started, done = threading.Event(), threading.Semaphore(0), []

    def work(number: int) -> None:
        started.release()
        assert release.wait(PATIENCE)
        done.append(number)

    for number in range(20):
        threads.submit(work, number)
    for _ in range(3):
        assert started.acquire(timeout=PATIENCE)
    assert not started.acquire(timeout=0.05)
    assert done == []
    withdrawn = work, (99,)
    assert not threads.begin(withdrawn)
    assert threads.waiting == 18
    assert threads.withdraw(withdrawn)
    assert not threads.withdraw(withdrawn)
    release.set()
    threads.shutdown(wait=True)
    assert sorted(done) == list(range(20))


def alive(name: str) -> int:
    return sum(thread.name.startswith(f"{name}-") for thread in threading.enumerate())


def fill(threads: WorkerThreads, number: int) -> None:
    """Have so many threads work at the same time, and return when they are done."""
    together = threading.Barrier(number + 1)
    for _ in range(number):
        threads.submit(together.wait, PATIENCE)
    together.wait(PATIENCE)


def test_threads_that_rest_end_but_for_a_few() -> None:
    threads = WorkerThreads(300, "ending", kept=4, rest_seconds=0.01)
    for _ in range(3):
        fill(threads, 200)
        wait_until(lambda: alive("ending") == 4)
    assert threads.resting == 4
    threads.shutdown(wait=True)
    assert alive("ending") == 0


def test_threads_that_rest_briefly_stay() -> None:
    threads = WorkerThreads(300, "staying", kept=4, rest_seconds=3600.0)
    fill(threads, 50)
    wait_until(lambda: threads.resting == 50)
    assert alive("staying") == 50
    threads.shutdown(wait=True)
    assert alive("staying") == 0


def test_no_work_is_lost_to_a_thread_that_is_about_to_end() -> None:
    threads = WorkerThreads(16, "racing", kept=0, rest_seconds=0.0001)
    done: list[int] = []
    for number in range(3000):
        threads.submit(done.append, number)
        if number % 7 == 0:
            time.sleep(0.0001)
    threads.shutdown(wait=True)
    assert sorted(done) == list(range(3000))


def test_every_piece_of_work_is_done_once() -> None:
    threads = WorkerThreads(4, "test")
    done: list[int] = []

    def submit(start: int) -> None:
        for number in range(start, start + 500):
            threads.submit(done.append, number)

    submitters = [threading.Thread(target=submit, args=(start,)) for start in range(0, 2000, 500)]
    for submitter in submitters:
        submitter.start()
    for submitter in submitters:
        submitter.join()
    threads.shutdown(wait=True)
    assert sorted(done) == list(range(2000))


def test_work_that_fails_is_logged_and_its_thread_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    threads = WorkerThreads(1, "test")

    def fail() -> None:
        raise RuntimeError("this one fails")

    done = threading.Event()
    with caplog.at_level(logging.ERROR, logger="vicinal.server"):
        threads.submit(fail)
        threads.submit(done.set)
        assert done.wait(PATIENCE)
    threads.shutdown(wait=True)
    assert "RuntimeError" in caplog.text


def test_what_was_submitted_before_the_end_is_done_and_nothing_after() -> None:
    threads = WorkerThreads(1, "test")
    release, done = threading.Event(), []
    threads.submit(release.wait, PATIENCE)
    for number in range(5):
        threads.submit(done.append, number)
    threads.shutdown(wait=False)
    with pytest.raises(RuntimeError, match="ended"):
        threads.submit(done.append, 9)
    release.set()
    threads.shutdown(wait=True)
    assert done == list(range(5))


def test_a_thread_at_rest_keeps_nothing_of_its_last_work() -> None:
    class Argument:
        pass

    threads = WorkerThreads(1, "test")
    argument = Argument()
    alive = weakref.ref(argument)
    threads.submit(lambda value: None, argument)
    del argument
    wait_until(lambda: alive() is None)
    threads.shutdown(wait=True)
