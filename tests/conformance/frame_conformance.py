"""Frames and their columns as points, and points as frames. A part of ``DatabaseConformance``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import vicinal
from vicinal import F
from vicinal.engine.api import CollectionApi

DIM = 8
MATRIX = np.random.default_rng(4).standard_normal((4, DIM)).astype(np.float32)
LISTS = pa.FixedSizeListArray.from_arrays(pa.array(MATRIX.ravel()), DIM)
TABLE = pa.table(
    {
        "key": pa.array([7, 1, 2**64 - 1, 3], pa.uint64()),
        "plot": LISTS,
        "year": pa.array([1990, None, 1992, 1993]),
        "genre": pa.array(["noir", "noir", None, "epic"]).dictionary_encode(),
    }
)
FRAMES: dict[str, Callable[[], Any]] = {
    # Whole numbers with a gap are floats here.
    "pandas": TABLE.to_pandas,
    "pandas of Arrow": lambda: TABLE.to_pandas(types_mapper=pd.ArrowDtype),
    "polars": lambda: pl.from_arrow(TABLE),
    "pyarrow": lambda: TABLE,
}


class FrameConformance:
    """What comes from frames and goes into frames, on a database that starts empty."""

    @pytest.mark.parametrize("kind", FRAMES)
    def test_a_frame_is_ids_vectors_and_payloads(self, films: CollectionApi, kind: str) -> None:
        frame, keys = FRAMES[kind](), ["year", "genre"]
        payloads = frame[keys] if isinstance(frame, pd.DataFrame) else frame.select(keys)
        films.upsert(frame["key"], {"plot": frame["plot"]}, payloads)
        points = films.scroll(with_vectors=True).points
        assert [point.id for point in points] == TABLE["key"].to_pylist()
        assert [point.payload for point in points] == TABLE.select(["year", "genre"]).to_pylist()
        np.testing.assert_array_equal([point.vectors["plot"] for point in points], MATRIX)
        assert films.count(filter=F("year").between(1990, 1992)) == 2
        assert films.count(filter=F("genre").is_null()) == 1

    def test_answers_become_frames(self, films: CollectionApi) -> None:
        payloads: list[Any] = [{"year": 1990, "genre": "noir"}, {"year": 1991}, {"rating": 1.5}, None]
        films.upsert([3, 1, 2, 4], MATRIX, payloads)
        films.delete([4])
        hits = films.search(MATRIX[1], k=2, with_vectors=True)
        table = hits.to_arrow()
        assert table.select(["id", "score", "year"]).to_pylist() == [
            {"id": hit.id, "score": hit.score, "year": hit.payload.get("year")} for hit in hits
        ]
        assert table.schema.field("plot").type == pa.list_(pa.float32(), DIM)
        np.testing.assert_array_equal(table["plot"].to_pylist()[0], MATRIX[1])
        assert pa.table(hits).equals(table)
        batch = films.search(MATRIX[:3], k=5)
        frame = batch.to_pandas()
        assert frame["query"].tolist() == [0] * 3 + [1] * 3 + [2] * 3
        assert frame["id"].tolist() == [hit.id for hits in batch for hit in hits]
        assert frame["score"].tolist() == [hit.score for hits in batch for hit in hits]
        assert str(frame["year"].dtype) == "Int64"
        assert "plot" not in frame
        page = films.scroll(with_vectors=True)
        points = page.to_polars()
        assert points.columns == ["id", "year", "genre", "rating", "plot"]
        assert points["id"].to_list() == [3, 1, 2]
        assert points["year"].to_list() == [1990, 1991, None]
        np.testing.assert_array_equal(points["plot"].to_numpy(), MATRIX[:3])
        again = page.to_arrow()
        films.upsert(again["id"], again["plot"], again.select(["year", "genre", "rating"]))
        assert [point.payload for point in films.scroll().points] == payloads[:3]

    def test_a_key_named_as_a_column_is_refused_or_renamed(self, films: CollectionApi) -> None:
        films.upsert([1], MATRIX[:1], [{"score": 2, "id": "x"}])
        for found in (films.search(MATRIX[0]), films.scroll()):
            for to_frame in (found.to_arrow, found.to_pandas, found.to_polars, found.__arrow_c_stream__):
                with pytest.raises(vicinal.InvalidArgument, match=r"payload key '.*payload_prefix="):
                    to_frame()
            assert found.to_arrow(payload_prefix="payload.")["payload.score"].to_pylist() == [2]

    def test_a_frame_that_is_refused_changes_nothing(self, films: CollectionApi) -> None:
        films.upsert([1], MATRIX[:1], [{"year": 1990}])
        refused: list[tuple[Any, str]] = [
            (pd.DataFrame({"year": [1990.5, np.nan]}), "'year' holds floats.* row 0 has 1990.5.*Int64"),
            (
                pl.DataFrame({"year": [2.0**53 + 2, None]}),
                "'year' holds floats.* row 0 has 9007199254740994.0",
            ),
            (pl.DataFrame({"rating": [1.0, float("nan")]}), "row 1 .* nan at 'rating'"),
            (pa.table({"n": pa.array([1, 2]).cast(pa.decimal128(21, 2))}), "Decimal.* at 'n'"),
            (
                pd.DataFrame({"when": pd.period_range("2020-01", periods=2, freq="M")}),
                r"'when' of period\[M\]",
            ),
            (pd.DataFrame({0: [1, 2]}), r"the column 0 \(int\), but keys are text"),
            (pa.table([[1, 2], [3, 4]], names=["a", "a"]), "two columns named 'a'"),
            (pl.DataFrame({"year": [1]}), "payloads has 1 rows for 2 ids"),
            (pa.array([1, 2]), "payloads is a column of int64; pass a frame"),
        ]
        for payloads, message in refused:
            with pytest.raises(vicinal.InvalidArgument, match=message) as caught:
                films.upsert([1, 2], MATRIX[:2], payloads)
            assert caught.value.field == "payloads"
        with pytest.raises(vicinal.InvalidArgument, match="ids row 1 is missing"):
            films.upsert(pl.Series([1, None]), MATRIX[:2])
        assert [(point.id, point.payload) for point in films.scroll().points] == [(1, {"year": 1990})]

    @pytest.mark.parametrize("kind", ["pandas", "pandas after a join", "polars", "pyarrow"])
    def test_a_null_in_a_column_of_vectors_is_a_missing_one(self, films: CollectionApi, kind: str) -> None:
        rows = [MATRIX[0].tolist(), None, MATRIX[2].tolist()]
        columns: dict[str, Any] = {
            "pandas": pd.Series(rows),
            "pandas after a join": pd.Series([MATRIX[0], np.nan, MATRIX[2]]),
            "polars": pl.Series(rows),
            "pyarrow": pa.array(rows),
        }
        films.upsert([1, 2, 3], columns[kind])
        page = films.scroll(with_vectors=True)
        assert [list(point.vectors) for point in page.points] == [["plot"], [], ["plot"]]
        assert page.to_arrow()["plot"].to_pylist() == rows
        assert films.search(MATRIX[0], with_vectors=True).to_arrow()["id"].to_pylist() == [1, 3]
