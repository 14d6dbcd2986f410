"""Long work, deadlines and errors of every kind of database. A part of ``DatabaseConformance``."""

from __future__ import annotations

import numpy as np
import pytest

import vicinal
from vicinal import Dense, F, Hnsw, Sparse
from vicinal.engine.api import CollectionApi, DatabaseApi

DIM = 8
INDEXED_ROWS = 2048
"""A segment of so many rows gets an index."""
QUIET_ROWS = 4096
"""A growing segment of so many rows is sealed when nobody writes."""


def matrix(n: int, seed: int = 0, dim: int = DIM) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)


class Heard:
    """What a long call reports."""

    def __init__(self) -> None:
        self.reports: list[tuple[str, float]] = []

    def __call__(self, stage: str, fraction: float) -> None:
        self.reports.append((stage, fraction))

    def check(self) -> None:
        assert self.reports
        assert all(isinstance(stage, str) and stage for stage, _ in self.reports)
        assert all(0.0 <= fraction <= 1.0 for _, fraction in self.reports)


class TendingConformance:
    """Flush, merge, index, calibrate, give up: on a database that starts empty."""

    @pytest.fixture
    def plots(self, db: DatabaseApi) -> CollectionApi:
        quick = Hnsw(m=8, ef_construction=40)
        return db.create_collection("plots", Dense(DIM, index=quick), fields={"year": "integer"})

    def test_flush_and_merge_report_their_progress(self, films: CollectionApi) -> None:
        for start in (0, 10):
            films.upsert(range(start, start + 10), matrix(10, start))
            flushed = Heard()
            films.flush(flushed)
            flushed.check()
        merged = Heard()
        films.merge(progress=merged)
        merged.check()
        assert [segment.rows for segment in films.info().segments] == [20]

    def test_nothing_to_do_is_soon_done(self, films: CollectionApi) -> None:
        films.flush()
        films.merge()
        films.wait_indexed()
        films.wait_indexed(timeout=30)
        assert films.info().segments == ()

    def test_wait_indexed(self, plots: CollectionApi) -> None:
        plots.upsert(range(QUIET_ROWS), matrix(QUIET_ROWS))
        heard = Heard()
        plots.wait_indexed(60.0, heard)
        assert plots.info().indexed_rows == QUIET_ROWS
        assert plots.info().segments[0].indexed == ("vector",)
        assert plots.search(matrix(QUIET_ROWS)[7], k=1)[0].id == 7

    def test_a_progress_that_fails_stops_the_work(self, plots: CollectionApi) -> None:
        class Enough(Exception):
            pass

        def progress(stage: str, fraction: float) -> None:
            raise Enough(stage)

        plots.upsert(range(INDEXED_ROWS), matrix(INDEXED_ROWS))
        with pytest.raises(Enough):
            plots.flush(progress)
        assert plots.count() == INDEXED_ROWS
        plots.flush()
        assert [segment.rows for segment in plots.info().segments] == [INDEXED_ROWS]

    def test_calibrate(self, plots: CollectionApi) -> None:
        assert plots.calibrate(matrix(50, 3)) == 0
        plots.upsert(range(INDEXED_ROWS), matrix(INDEXED_ROWS))
        plots.flush()
        heard = Heard()
        assert plots.calibrate(matrix(60, 3), progress=heard) == 1
        heard.check()
        done = plots.explain(matrix(5, 5), recall=0.9)
        assert done.expected_recall >= 0.9
        assert done.hops > 0

    def test_calibrate_refuses(self, db: DatabaseApi, plots: CollectionApi) -> None:
        terms = db.create_collection("terms", Sparse(index=vicinal.Inverted()))
        with pytest.raises(vicinal.InvalidArgument, match="at least 50") as refused:
            plots.calibrate(matrix(49))
        assert refused.value.field == "queries"
        with pytest.raises(vicinal.InvalidArgument, match=str(DIM)):
            plots.calibrate(matrix(60, 0, DIM + 1))
        with pytest.raises(vicinal.InvalidArgument, match="exactly"):
            terms.calibrate([{1: 1.0}] * 60)

    def test_a_deadline_that_is_over(self, films: CollectionApi) -> None:
        films.upsert(range(3), matrix(3), [{"year": i} for i in range(3)])
        calls = [
            lambda: films.search(np.ones(DIM)),
            lambda: films.search(np.ones((2, DIM))),
            lambda: films.explain(np.ones(DIM)),
            lambda: films.upsert([9], matrix(1)),
            lambda: films.delete([1]),
            lambda: films.update_payload({"year": 1}, [1]),
            lambda: films.get([1]),
            lambda: films.scroll(),
            lambda: films.count(filter=F("year") >= 0),
            lambda: films.flush(),
        ]
        for call in calls:
            with pytest.raises(vicinal.DeadlineExceeded), vicinal.deadline(0):
                call()
        assert films.count() == 3
        assert films.get([9]) == [None]

    def test_a_deadline_that_is_far_off(self, films: CollectionApi) -> None:
        with vicinal.deadline(600):
            films.upsert(range(3), matrix(3))
            assert len(films.search(np.ones(DIM))) == 3
            films.flush()
            assert films.count() == 3

    def test_errors_name_the_argument(self, db: DatabaseApi, films: CollectionApi) -> None:
        films.upsert([1], matrix(1))
        query = np.ones(DIM)
        cases = [
            ("k", lambda: films.search(query, k=0)),
            ("offset", lambda: films.search(query, k=10, offset=9_995)),
            ("threads", lambda: films.search(query, threads=-1)),
            ("recall", lambda: films.search(query, recall=0)),
            ("ef", lambda: films.search(query, ef=0)),
            ("exact", lambda: films.search(query, exact="yes")),
            ("field", lambda: films.search(query, field="story")),
            ("filter", lambda: films.search(query, filter="year > > 3")),
            ("filter", lambda: films.count(filter=F("year") == "soon")),
            ("effort", lambda: films.explain(query, effort=3)),
            ("limit", lambda: films.scroll(limit=0)),
            ("after", lambda: films.scroll(after=-1)),
            ("ids", lambda: films.get("12")),
            ("ids", lambda: films.upsert([1, 1], matrix(2))),
            ("ids", lambda: films.delete()),
            ("ids", lambda: films.delete([1], filter=F("year") == 1)),
            ("payloads", lambda: films.upsert([1], matrix(1), [3])),
            ("vectors['plot']", lambda: films.upsert([1], matrix(1, 0, DIM + 1))),
            ("vectors", lambda: films.upsert([1], {"story": matrix(1)})),
            ("tenant", lambda: films.count(tenant="ada")),
            ("timeout", lambda: films.wait_indexed(timeout="soon")),
            ("name", lambda: db.collection("none")),
            ("name", lambda: db.drop_collection("none")),
            ("dim", lambda: db.create_collection("other", Dense(0))),
            ("vectors", lambda: db.create_collection("other", {})),
            ("fields['year']", lambda: db.create_collection("other", Dense(2), fields={"year": "number"})),
        ]
        for field, call in cases:
            with pytest.raises(vicinal.VicinalError) as raised:
                call()
            assert raised.value.field == field, str(raised.value)
        assert db.collections() == ["films"]

    @pytest.mark.parametrize("name", ["", "a b", "x" * 65, "naïve", "a/b", 5, None])
    def test_a_name_that_no_collection_may_have(self, db: DatabaseApi, name: object) -> None:
        with pytest.raises(vicinal.InvalidArgument, match="1 to 64"):
            db.create_collection(name, Dense(2))  # type: ignore[arg-type]
        with pytest.raises(vicinal.NotFound):
            db.collection(name)  # type: ignore[arg-type]
        assert db.collections() == []

    def test_a_handle_stands_for_one_collection(self, db: DatabaseApi, films: CollectionApi) -> None:
        films.upsert([1], matrix(1))
        db.drop_collection("films")
        again = db.create_collection("films", Dense(DIM))
        for call in (
            lambda: films.count(),
            lambda: films.get([1]),
            lambda: films.search(np.ones(DIM)),
            lambda: films.search(np.ones((2, DIM))),
            lambda: films.upsert([2], matrix(1)),
            lambda: films.delete([1]),
            lambda: films.info(),
            lambda: films.flush(),
        ):
            with pytest.raises(vicinal.NotFound) as raised:
                call()
            assert raised.value.field == "name"
        assert again.count() == 0
