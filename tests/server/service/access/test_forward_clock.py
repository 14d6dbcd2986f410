"""A time of day that never goes back."""

from __future__ import annotations

import datetime
from pathlib import Path

import vicinal
from vicinal.server.service.access.forward_clock import ForwardClock, now
from vicinal.server.service.access.key_store import KeyStore

NOON = datetime.datetime(2030, 1, 1, 12, tzinfo=datetime.UTC)
HOUR = datetime.timedelta(hours=1)


class System:
    """Both clocks of a system, of which the time of day can be set."""

    def __init__(self) -> None:
        self.wall = NOON
        self.seconds = 1000.0
        self.clock = ForwardClock(lambda: self.wall, lambda: self.seconds)

    def wait(self, time: datetime.timedelta) -> None:
        self.wall += time
        self.seconds += time.total_seconds()


def test_it_is_the_time_of_day() -> None:
    before = now()
    told = ForwardClock()()
    assert before <= told <= now()
    system = System()
    system.wait(HOUR)
    assert system.clock() == NOON + HOUR
    # Set ahead, or asleep, when the other clock stands still.
    system.wall += 5 * HOUR
    assert system.clock() == NOON + 6 * HOUR


def test_set_back_it_goes_on_from_the_latest_it_saw() -> None:
    system = System()
    system.wait(HOUR)
    system.wall -= 24 * HOUR
    assert system.clock() == NOON + HOUR
    system.wait(HOUR)
    assert system.clock() == NOON + 2 * HOUR
    # Until the time of day has caught up.
    system.wall = NOON + 3 * HOUR
    assert system.clock() == NOON + 3 * HOUR


def test_a_clock_set_back_brings_no_key_back(tmp_path: Path) -> None:
    vicinal.open(tmp_path / "db").close()
    system = System()
    with KeyStore(tmp_path / "db", clock=system.clock) as keys:
        expired = keys.create("expired", "read", expires=NOON + HOUR)[1]
        valid = keys.create("valid", "read", expires=NOON + 3 * HOUR)[1]
        system.wait(HOUR)
        assert keys.lookup(expired) is None
        assert keys.lookup(valid) is not None
        system.wall -= 24 * HOUR
        assert keys.lookup(expired) is None
        assert keys.lookup(valid) is not None
        # Nor does it make one last longer that is still valid.
        system.wait(2 * HOUR)
        assert keys.lookup(valid) is None
