"""The client keeps the shared API of a server with workers: three, unless `make workers` says otherwise."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from conformance.database_conformance import DatabaseConformance
from serving.running_workers import WORKERS, RunningWorkers, running_workers

import vicinal
from vicinal.engine.api import DatabaseApi


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningWorkers]:
    with running_workers(tmp_path_factory.mktemp("served") / "db", WORKERS or 3, channels=1) as server:
        yield server


class TestWorkers(DatabaseConformance):
    @pytest.fixture
    def db(self, served: RunningWorkers) -> Iterator[DatabaseApi]:
        # A connection of its own, which may lead to another worker each time.
        with vicinal.connect(served.address) as db:
            yield db
        with vicinal.connect(served.address) as db:
            for name in db.collections():
                db.drop_collection(name)
