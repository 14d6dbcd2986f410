"""Values of files come in as they stand, or are refused as upsert refuses them."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import vicinal
from vicinal.engine.errors import InvalidArgument
from vicinal.server.files.batch import FileRequest
from vicinal.server.files.importing import NewCollection, import_points


def imported(path: Path) -> list[tuple[Any, Any]]:
    with vicinal.open(":memory:") as db:
        try:
            import_points(db, FileRequest(path), NewCollection("c"), None, lambda *_: None)
        except InvalidArgument:
            assert db.collections() == []
            raise
        return [(point.id, point.payload) for point in db.collection("c").scroll().points]


def from_lines(folder: Path, text: bytes, name: str = "in.jsonl") -> list[tuple[Any, Any]]:
    (folder / name).write_bytes(text)
    return imported(folder / name)


@pytest.mark.parametrize(
    ("text", "points"),
    [
        (b'\xef\xbb\xbf{"id":1,"vector":[1,2]}\n', [(1, {})]),
        (b'{"id":1,"vector":[1,2]}\r\n\r\n{"id":2,"vector":[1,3]}', [(1, {}), (2, {})]),
        (b'{"id":18446744073709551615,"vector":[1,2],"a":null}', [(2**64 - 1, {"a": None})]),
        (
            b'{"id":1,"vector":[1,2],"a":[-9223372036854775808,{"b":null}]}',
            [(1, {"a": [-(2**63), {"b": None}]})],
        ),
        (b'{"id":1,"vector":[1,2],"a":"\\":","b" : {"a":1}}', [(1, {"a": '":', "b": {"a": 1}})]),
        (b'{"id":1,"vector":[0.12345678901234567890,2],"a":0.1}', [(1, {"a": 0.1})]),
    ],
)
def test_lines_that_are_taken(tmp_path: Path, text: bytes, points: list[Any]) -> None:
    assert from_lines(tmp_path, text) == points


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            b'{"id":1,"vector":[1,2],"n":123456789012345678901234567890}',
            "123456789012345678901234567890 at 'n'",
        ),
        (b'{"id":1,"vector":[1,2],"n":{"m":[18446744073709551616]}}', r"18446744073709551616 at 'n.m\[0\]'"),
        (b'{"id":1,"vector":[1,2],"n":-9223372036854775809}', "beyond 64 bits"),
        (b'{"id":18446744073709551617,"vector":[1,2]}', "ids row 0 is 18446744073709551617"),
        (b'{"id":1.0,"vector":[1,2]}', "ids row 0 is 1.0"),
        (b'{"id":1,"vector":[1,2],"a":1,"a":2}', "line 1 has the key 'a' twice"),
        (b'{"id":1,"vector":[1,2],"a":{"b":{"c":1,"c" :1}},"t":"12:30"}', "line 1 has the key 'c' twice"),
        (b'{"id":1,"vector":[NaN,2]}', "line 1 is not JSON"),
        (b'{"id":1,"vector":[1,2],"a":1e400}', "line 1 is not JSON"),
        (b'{"id":1,"vector":[1,2],"a":"\xe9"}', "line 1 is not JSON"),
        (b'{"id":1,"vector":[1,null]}', "possible are: none"),
        (b'{"id":1,"vector":[["1","2"]]}', "possible are: none"),
        (b'{"id":1,"vector":{"indices":[1.5],"values":[1]}}', "possible are: none"),
        (b'{"id":1,"vector":{"indices":[1],"values":["1"]}}', "possible are: none"),
        (b'{"id":1,"vector":{"indices":[18446744073709551616],"values":[1]}}', "beyond those of int64"),
    ],
)
def test_lines_that_are_refused(tmp_path: Path, line: bytes, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        from_lines(tmp_path, line + b"\n")


def test_a_file_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    packed = gzip.compress(b'{"id":1,"vector":[1,2]}\n' * 100)
    for damaged in packed[:-9], packed[:20] + b"\0" * 20, b"no gzip at all":
        with pytest.raises(InvalidArgument, match="damaged, cut off"):
            from_lines(tmp_path, damaged, "in.jsonl.gz")


def from_table(folder: Path, **columns: Any) -> list[Any]:
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(np.ones(4, np.float32)), 2)
    pq.write_table(pa.table({"id": pa.array([1, 2]), "vector": vectors} | columns), folder / "in.parquet")
    return [payload for _, payload in imported(folder / "in.parquet")]


MAY = datetime(2024, 5, 1, 12, 30, tzinfo=UTC)
NANOSECONDS = 1714566600 * 10**9


@pytest.mark.parametrize(
    ("array", "values"),
    [
        (pa.array([1, None]), [1, None]),
        (pa.array([2**64 - 1, 0], pa.uint64()), [2**64 - 1, 0]),
        (pa.array([-(2**63), 2**63 - 1]), [-(2**63), 2**63 - 1]),
        (pa.array(["a", None]).dictionary_encode(), ["a", None]),
        (pa.array([{"x": 1, "y": None}, None]), [{"x": 1, "y": None}, None]),
        (pa.array([MAY, None], pa.timestamp("s", "UTC")), ["2024-05-01T12:30:00+00:00", None]),
        (pa.array([MAY, None], pa.timestamp("us", "+02:00")), ["2024-05-01T14:30:00+02:00", None]),
        (
            pa.array([NANOSECONDS + 1, NANOSECONDS + 1000], pa.timestamp("ns")),
            ["2024-05-01T12:30:00.000000001+00:00", "2024-05-01T12:30:00.000001+00:00"],
        ),
        (
            pa.array([NANOSECONDS + 120_000_003, None], pa.timestamp("ns", "Asia/Tokyo")),
            ["2024-05-01T21:30:00.120000003+09:00", None],
        ),
        (
            pa.array([-1, NANOSECONDS], pa.timestamp("ns")),
            ["1969-12-31T23:59:59.999999999+00:00", MAY.isoformat()],
        ),
        (
            pa.array([[NANOSECONDS + 1], [NANOSECONDS]], pa.list_(pa.timestamp("ns"))),
            [["2024-05-01T12:30:00.000000001+00:00"], [MAY.isoformat()]],
        ),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else "",
)
def test_columns_that_are_taken(tmp_path: Path, array: Any, values: list[Any]) -> None:
    assert from_table(tmp_path, a=array) == [{"a": value} for value in values]


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (pa.array([Decimal("1.10"), None]), "Decimal"),
        (pa.array([1.0, float("nan")]), "nan at 'a'"),
        (pa.array([b"ab", None]), "bytes"),
        (pa.array([1, 2], pa.duration("s")), "timedelta"),
        (pa.array([1, 2], pa.time64("us")), "time"),
        (pa.array([2**60, 2], pa.timestamp("us")), "column 'a' of .* cannot be read"),
        (pa.array([1, 2], pa.timestamp("us", "Nowhere/Here")), "column 'a' of .* cannot be read"),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else "",
)
def test_columns_that_are_refused(tmp_path: Path, array: Any, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        from_table(tmp_path, a=array)


def test_ids_and_vectors_of_parquet_are_checked(tmp_path: Path) -> None:
    for wrong, message in (
        ({"id": pa.array([-1, 2])}, "ids row 0 is -1"),
        ({"id": pa.array([1.0, 2])}, "ids row 0 is 1.0"),
        ({"id": pa.array([1, None])}, "ids row 1 is None"),
        ({"vector": pa.array([[1.0, None], [1.0, 2.0]])}, "row 0 has a NaN at column 1"),
        ({"vector": pa.array([[1.0], [1.0, 2.0]])}, "a field has one dimension"),
    ):
        with pytest.raises(InvalidArgument, match=message):
            from_table(tmp_path, **wrong)


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(np.ones(2, np.float32)), 2)
    table = pa.Table.from_arrays([vectors, pa.array([1]), pa.array([2])], names=["vector", "a", "a"])
    pq.write_table(table, tmp_path / "in.parquet")
    with pytest.raises(InvalidArgument, match="two columns are named 'a'"):
        imported(tmp_path / "in.parquet")


def test_a_damaged_parquet_file_is_refused(tmp_path: Path) -> None:
    from_table(tmp_path, a=pa.array([1, 2]))
    whole = (tmp_path / "in.parquet").read_bytes()
    (tmp_path / "in.parquet").write_bytes(whole[:4] + b"\xff" * 200 + whole[204:])
    with pytest.raises(InvalidArgument, match=r"in\.parquet: "):
        imported(tmp_path / "in.parquet")
