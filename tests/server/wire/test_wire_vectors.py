from __future__ import annotations

import tracemalloc
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from column_strategies import (
    binary_columns,
    dense_columns,
    multi_columns,
    some_rows,
    sparse_columns,
    token_columns,
)
from hypothesis import given
from hypothesis import strategies as st

from vicinal.engine.errors import InvalidArgument, LimitExceeded
from vicinal.engine.input.queries import validate_queries
from vicinal.engine.input.vectors import validate_vectors
from vicinal.engine.results.hit_rows import one_vector
from vicinal.engine.schema.bm25 import Bm25
from vicinal.engine.schema.multi_field import Multi
from vicinal.engine.schema.sparse_field import Sparse
from vicinal.engine.schema.vector_field import Dense
from vicinal.engine.vector_kinds.matrices import to_element
from vicinal.engine.vector_kinds.registry import kind_of
from vicinal.indexes.rows.element import Element
from vicinal.proto.v1 import vectors_pb2 as pb
from vicinal.proto.v1.points_pb2 import PointColumns
from vicinal.server.wire.vectors import (
    MAX_TOKENS,
    count_rows,
    count_tokens,
    put_fields,
    put_vectors,
    read_fields,
    read_query,
    read_vectors,
)
from vicinal.storage.columns.multi import MultiColumn
from vicinal.storage.columns.partial import PartialColumn
from vicinal.storage.columns.texts import TextColumn
from vicinal.storage.columns.tokens import TokenColumn
from vicinal.storage.columns.vectors import DenseColumn, SparseColumn, VectorColumn

columns = st.integers(0, 5).flatmap(
    lambda n: st.one_of(dense_columns(n), sparse_columns(n), binary_columns(n), multi_columns(n))
)


def sent(column: VectorColumn) -> pb.Vectors:
    """Return a column as it arrives."""
    message = pb.Vectors()
    put_vectors(message, column)
    return pb.Vectors.FromString(message.SerializeToString())


def assert_same(left: VectorColumn, right: VectorColumn) -> None:
    assert type(left) is type(right)
    ours, theirs = left.arrays(), right.arrays()
    assert list(ours) == list(theirs)
    for name, array in ours.items():
        assert array.dtype == theirs[name].dtype
        assert array.shape == theirs[name].shape
        assert array.tobytes() == theirs[name].tobytes()


@given(columns)
def test_columns_arrive_as_they_were_sent(column: Any) -> None:
    message = sent(column)
    assert count_rows(message) == len(column)
    arrived = read_vectors(message, "vectors['plot']")
    assert_same(arrived, column)
    copied = {"indptr", "offsets"}
    assert not any(array.flags.writeable for name, array in arrived.arrays().items() if name not in copied)


@given(st.lists(st.text(max_size=8), max_size=4))
def test_texts_arrive_as_they_were_sent(texts: list[str]) -> None:
    message = sent(TextColumn(texts))
    assert count_rows(message) == len(texts)
    arrived = read_vectors(message, "query")
    assert isinstance(arrived, TextColumn)
    assert arrived.texts == texts
    assert len(message.SerializeToString()) <= arrived.row_bytes().sum() + 8
    field = Sparse(encoder=Bm25("body"))
    queries, single = validate_queries("body", field, arrived)
    assert (queries.texts, single) == (texts, False)


@pytest.mark.parametrize(
    "field",
    [Dense(8), Dense(8, metric="hamming", element="binary"), Sparse(), Sparse(tokens=True), Multi(8)],
    ids=["dense", "binary", "sparse", "tokens", "multi"],
)
def test_texts_are_no_vectors_of_other_fields(field: Any) -> None:
    for n in (0, 1):
        arrived = read_vectors(sent(TextColumn(["red"] * n)), "vectors")
        with pytest.raises(InvalidArgument):
            validate_queries("plot", field, arrived)
        with pytest.raises(InvalidArgument):
            validate_vectors("plot", field, arrived, n)


def test_the_engine_takes_what_arrived() -> None:
    dense = np.eye(3, 8, dtype=np.float32)
    for element in Element:
        field = Dense(8, metric="hamming" if element is Element.BINARY else "dot", element=element)
        matrix = np.eye(3, dtype=np.uint8) if element is Element.BINARY else dense
        column = DenseColumn(to_element(matrix[:, : element.width(8)], element, "vectors"))
        rows = read_vectors(sent(column), "vectors")
        assert_same(validate_vectors("plot", field, rows, 3), column)
    sparse = SparseColumn(
        np.array([0, 2, 2, 3]), np.array([1, 9, 4], np.uint32), np.array([1, 2, 3], np.float32)
    )
    assert_same(validate_vectors("words", Sparse(), read_vectors(sent(sparse), "vectors"), 3), sparse)
    multi = MultiColumn(np.array([0, 1, 3]), dense.astype(np.float16))
    assert_same(validate_vectors("tokens", Multi(8), read_vectors(sent(multi), "vectors"), 2), multi)


def test_one_query_arrives_as_a_single_one() -> None:
    row = np.arange(8, dtype=np.float32).reshape(1, 8) + 1
    query, single = validate_queries("plot", Dense(8), read_query(sent(DenseColumn(row))))
    assert single
    np.testing.assert_array_equal(query, row)
    sparse = SparseColumn(np.array([0, 2]), np.array([1, 9], np.uint32), np.array([1, 2], np.float32))
    found, single = validate_queries("words", Sparse(), read_query(sent(sparse)))
    assert single
    assert_same(kind_of(Sparse()).query_column(Sparse(), found), sparse)
    multi = MultiColumn(np.array([0, 2]), np.ones((2, 8), np.float32))
    field = Multi(8, element="float32")
    tokens, single = validate_queries("tokens", field, read_query(sent(multi)))
    assert single
    assert_same(kind_of(field).query_column(field, tokens), multi)


@pytest.mark.parametrize("rows", [0, 2])
def test_a_query_has_one_row(rows: int) -> None:
    with pytest.raises(InvalidArgument, match=rf"query has {rows} rows") as caught:
        read_query(sent(DenseColumn(np.ones((rows, 4), np.float32))))
    assert caught.value.field == "query"


def matrix(data: bytes, element_type: int, rows: int, width: int) -> pb.Vectors:
    message = pb.Vectors()
    message.dense.element_type = element_type  # type: ignore[assignment]  # unknown ones are what is tested
    message.dense.rows, message.dense.columns, message.dense.data = rows, width, data
    return message


def sparse_rows(indices: int, values: int, sizes: list[int]) -> pb.Vectors:
    message = pb.SparseMatrix(indices=bytes(indices), values=bytes(values), row_sizes=sizes)
    return pb.Vectors(sparse=message)


def multi_rows(tokens: int, sizes: list[int]) -> pb.Vectors:
    dense = matrix(bytes(4 * tokens), pb.ELEMENT_TYPE_FLOAT32, tokens, 1).dense
    return pb.Vectors(multi=pb.RaggedMatrix(tokens=dense, row_sizes=sizes))


MALFORMED = {
    "nothing": pb.Vectors(),
    "no element type": matrix(bytes(16), 0, 2, 2),
    "unknown element type": matrix(bytes(16), 77, 2, 2),
    "too few bytes": matrix(bytes(15), 1, 2, 2),
    "too many bytes": matrix(bytes(17), 1, 2, 2),
    "product of 2**64": matrix(b"", 1, 2**31, 2**31),
    "product of 2**64 and more": matrix(bytes(4), 1, 2**32 - 1, 2**32 - 1),
    "rows without columns": matrix(b"", 1, 2**32 - 1, 0),
    "half an index": sparse_rows(3, 3, [1]),
    "fewer values": sparse_rows(8, 4, [2]),
    "sizes beyond the entries": sparse_rows(8, 8, [2, 1]),
    "sizes short of the entries": sparse_rows(8, 8, [1]),
    "sizes that wrap to what is there": sparse_rows(8, 8, [2**32 - 1, 3]),
    "entries without rows": sparse_rows(8, 8, []),
    "tokens beyond the sizes": multi_rows(3, [1, 1]),
    "sizes beyond the tokens": multi_rows(3, [2**32 - 1]),
    "multi of nothing": pb.Vectors(multi=pb.RaggedMatrix()),
}


@pytest.mark.parametrize("message", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_vectors_are_refused_before_anything_is_allocated(message: pb.Vectors) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(InvalidArgument, match=r"vectors\['plot'\]") as caught:
            read_vectors(message, "vectors['plot']")
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()
    assert caught.value.field == "vectors['plot']"


numbers = st.integers(0, 5) | st.integers(0, 2**32 - 1)
blobs = st.binary(max_size=40) | st.integers(0, 10).map(lambda n: bytes(4 * n))
matrices = st.builds(pb.Matrix, data=blobs, element_type=st.integers(-1, 6), rows=numbers, columns=numbers)
sizes = st.lists(numbers, max_size=4)
any_vectors = st.one_of(
    st.builds(pb.Vectors, dense=matrices),
    st.builds(pb.Vectors, sparse=st.builds(pb.SparseMatrix, indices=blobs, values=blobs, row_sizes=sizes)),
    st.builds(pb.Vectors, multi=st.builds(pb.RaggedMatrix, tokens=matrices, row_sizes=sizes)),
)


@given(any_vectors)
def test_whatever_arrives_is_refused_or_consistent(message: pb.Vectors) -> None:
    with suppress(InvalidArgument):
        column = read_vectors(message, "vectors")
        assert len(column) == count_rows(message)
        # It refuses arrays that do not fit each other.
        assert_same(type(column).from_arrays(column.arrays()), column)


@given(
    st.integers(0, 4).flatmap(
        lambda n: st.tuples(*(some_rows(kind, n) for kind in (dense_columns, sparse_columns, multi_columns)))
    )
)
def test_fields_arrive_under_their_names(given_columns: Any) -> None:
    named = dict(zip(["plot", "words", "a.b-c"], given_columns, strict=True))
    n = len(given_columns[0])
    message = _field_vectors(named)
    arrived = read_fields(message, n)
    assert list(arrived) == list(named)
    for name, column in named.items():
        assert_same(arrived[name], column)
    if not all(isinstance(column, PartialColumn) for column in given_columns):
        with pytest.raises(InvalidArgument, match=f"has {n} rows for {n + 1} ids"):
            read_fields(message, n + 1)


@pytest.mark.parametrize("rows", [[0, 0], [1, 0], [0, 3], [0], [0, 1, 2], []], ids=str)
def test_present_rows_that_do_not_fit_are_refused(rows: list[int]) -> None:
    (message,) = _field_vectors({"plot": DenseColumn(np.ones((2, 2), np.float32))})
    message.present.SetInParent()
    message.present.rows.extend(rows)
    with pytest.raises(InvalidArgument, match=r"vectors\['plot'\]"):
        read_fields([message], 3)


def test_a_field_is_named_once() -> None:
    column = DenseColumn(np.ones((1, 2), np.float32))
    message = [*_field_vectors({"plot": column}), *_field_vectors({"plot": column})]
    with pytest.raises(InvalidArgument, match=r"vectors\['plot'\] is there twice"):
        read_fields(message, 1)


@pytest.mark.parametrize("n", [1, 3])
@given(data=st.data())
def test_one_row_is_as_the_engine_returns_it(n: int, data: st.DataObject) -> None:
    column = data.draw(st.one_of(dense_columns(n), sparse_columns(n), binary_columns(n), multi_columns(n)))
    for row in range(n):
        expected = column.take([row])
        vector = one_vector(column, row)
        parts = vector if isinstance(vector, tuple) else (vector,)
        if isinstance(expected, MultiColumn):
            expected = MultiColumn(expected.offsets, expected.floats())
        arrays = [array for name, array in expected.arrays().items() if name not in ("indptr", "offsets")]
        for part, array in zip(parts, arrays, strict=True):
            assert part.flags.owndata
            assert part.tobytes() == array.tobytes()


def _field_vectors(named: dict[str, VectorColumn]) -> list[pb.FieldVectors]:
    points = PointColumns()
    put_fields(points.vectors, named)
    return list(PointColumns.FromString(points.SerializeToString()).vectors)


@given(st.integers(0, 5).flatmap(token_columns))
def test_tokens_arrive_once_for_all_rows(column: TokenColumn) -> None:
    message = sent(column)
    assert count_rows(message) == len(column)
    assert count_tokens([message, message]) == 2 * len(column.tokens)
    arrived = read_vectors(message, "plot")
    assert [arrived.row(row) for row in range(len(arrived))] == [
        column.row(row) for row in range(len(column))
    ]
    # What a part of a batch takes is no more than the client counts for it.
    assert message.ByteSize() <= column.row_bytes().sum() + 32


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"numbers": b"\0" * 7}, "7 bytes of numbers and 12 of values"),
        ({"values": b"\0" * 8}, "12 bytes of numbers and 8 of values"),
        ({"numbers": np.array([0, 1, 2], "<u4").tobytes()}, "2 tokens, and entries of others"),
        ({"numbers": np.array([0, 0, 0], "<u4").tobytes()}, "2 tokens, and entries of others or not of all"),
        ({"numbers": b"\xff" * 12}, "2 tokens, and entries of others"),
        ({"tokens": ["red"] * 4}, "4 tokens"),
        ({"tokens": ["red", "red"]}, "has a token twice"),
        ({"row_sizes": [1, 1]}, "has 3 entries, but its row_sizes add up to 2"),
    ],
)
def test_tokens_that_do_not_fit_are_refused(change: dict[str, Any], told: str) -> None:
    parts = {
        "tokens": ["red", "blue"],
        "numbers": np.array([0, 1, 0], "<u4").tobytes(),
        "values": bytes(12),
        "row_sizes": [2, 1],
    }
    assert len(read_vectors(pb.Vectors(tokens=pb.TokenMatrix(**parts)), "plot")) == 2  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match=told):
        read_vectors(pb.Vectors(tokens=pb.TokenMatrix(**parts | change)), "plot")


def test_more_tokens_than_the_writer_takes_at_once_are_refused() -> None:
    n = MAX_TOKENS + 1
    numbers = np.arange(n, dtype="<u4").tobytes()
    tokens = pb.TokenMatrix(tokens=map(str, range(n)), numbers=numbers, values=bytes(4 * n), row_sizes=[n])
    with pytest.raises(LimitExceeded, match="262,145 different tokens and may have 262,144"):
        read_vectors(pb.Vectors(tokens=tokens), "plot")


def test_a_query_without_weights_is_a_list_of_its_terms() -> None:
    nan = np.full(2, np.nan, np.float32)
    indptr, numbers = np.array([0, 2]), np.arange(2, dtype=np.uint32)
    assert read_query(sent(TokenColumn(["red", "blue"], indptr, numbers, nan))) == ["red", "blue"]
    assert read_query(sent(SparseColumn(indptr, numbers, nan))).tolist() == [0, 1]
    weighted = read_query(sent(TokenColumn(["red", "blue"], indptr, numbers, np.array([1, 2], np.float32))))
    assert weighted == {"red": 1.0, "blue": 2.0}
