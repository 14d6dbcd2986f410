"""What a server finds out about the recall of real searches, who is told, and what its searches do then."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from serving.foreign_traffic import FOREIGN, TARGET, create, searched_until_raised
from serving.running_server import RunningServer, running_server

import vicinal


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database whose tables promise too much of foreign queries."""
    folder = tmp_path_factory.mktemp("audits") / "db"
    with vicinal.open(folder) as db:
        create(db, "films")
        create(db, "rooms", tenant="ada")
    return folder


@pytest.fixture
def server(folder: Path) -> Iterator[RunningServer]:
    with running_server(folder) as server:
        yield server


def test_searches_that_fall_short_are_mended(server: RunningServer) -> None:
    with vicinal.connect(f"127.0.0.1:{server.port}", key=server.key("admin")) as client:
        films = client.collection("films")
        info = searched_until_raised(films)
        assert (info.field, info.k, info.filtered, info.tokens) == ("vector", 10, False, None)
        assert info.promised == pytest.approx(TARGET)
        assert info.worst <= info.found < 1
        assert info.raised > 0
        explained = films.explain(FOREIGN, recall=TARGET)
        assert explained.segments[0].raised == info.raised
        truth = films.search(FOREIGN, exact=True)
        found = [np.isin(a.ids, b.ids).mean() for a, b in zip(explained.hits, truth, strict=True)]
        assert np.mean(found) >= TARGET - 0.02
        (of_database,) = [one for one in client.info().collections if one.name == "films"]
        assert of_database.audited[0].raised == info.raised
    values = server.server._runtime.metrics.registry.get_sample_value
    labels = {"collection": "films"}
    count = values("vicinal_search_recall_audited_count", labels) or 0.0
    assert count >= info.tries
    assert values("vicinal_search_recall_target_sum", labels) == pytest.approx(TARGET * count)


def test_a_tenant_is_told_nothing_of_it(server: RunningServer) -> None:
    address, admin, bound = (
        f"127.0.0.1:{server.port}",
        server.key("admin"),
        server.key("read", tenants=("ada",)),
    )
    with vicinal.connect(address, key=bound) as tenant, vicinal.connect(address, key=admin) as all_seeing:
        shared, own = all_seeing.collection("rooms"), tenant.collection("rooms")
        assert searched_until_raised(shared, tenant="ada").filtered
        assert own.info().audited == ()
        assert all(one.audited == () for one in tenant.info().collections)
        shown = str(own.explain(FOREIGN[0], recall=TARGET, tenant="ada"))
        assert "audits" not in shown
