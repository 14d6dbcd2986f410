"""When collections are looked at, with a clock at which others write."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest

import vicinal
from vicinal import Dense
from vicinal.engine.maintenance import agenda as agenda_module
from vicinal.engine.maintenance.agenda import Agenda
from vicinal.engine.state.collection_state import CollectionState


@pytest.fixture
def states() -> Iterator[list[CollectionState]]:
    with vicinal.open(":memory:") as db:
        yield [db.create_collection(name, Dense(2))._state for name in ("due", "news")]


def clock(monkeypatch: pytest.MonkeyPatch, now: Callable[[], float]) -> None:
    monkeypatch.setattr(agenda_module, "time", SimpleNamespace(monotonic=now))


def test_news_that_come_while_it_is_asked_what_is_due(
    states: list[CollectionState], monkeypatch: pytest.MonkeyPatch
) -> None:
    due, news = states
    agenda = Agenda(0.0)
    agenda.look_at(due, 1.0)

    def now() -> float:
        agenda.touch(news)
        return 2.0

    clock(monkeypatch, now)
    assert [agenda.take(), agenda.take()] == [news, due]


@pytest.mark.parametrize("due", [1e12, math.inf])
def test_what_is_due_in_centuries_is_waited_for(states: list[CollectionState], due: float) -> None:
    later, news = states
    agenda, found = Agenda(0.0), []
    agenda.look_at(later, due)
    thread = threading.Thread(target=lambda: found.append(agenda.take()))
    thread.start()
    agenda.touch(news)
    thread.join()
    assert found == [news]
