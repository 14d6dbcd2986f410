from __future__ import annotations

import numpy as np
import pytest
from column_strategies import batches
from hypothesis import given, settings
from hypothesis import strategies as st

from vicinal.storage.columns.batch import MAGIC, VERSION, Batch
from vicinal.storage.columns.ids import IdColumn
from vicinal.storage.columns.partial import partial_column
from vicinal.storage.columns.payloads import PayloadColumn
from vicinal.storage.columns.vectors import BinaryColumn, DenseColumn, VectorColumn
from vicinal.storage.errors import CorruptionError, FormatVersionError


def same(left: Batch, right: Batch) -> bool:
    """Whether two batches hold the same points."""
    a, b = left._arrays(), right._arrays()
    return list(a) == list(b) and all(
        a[name].dtype == b[name].dtype and np.array_equal(a[name], b[name]) for name in a
    )


def small_batch(n: int, dim: int = 4) -> Batch:
    vectors = np.arange(n * dim, dtype=np.float32).reshape(n, dim)
    return Batch(
        IdColumn.from_values([f"p{row}" for row in range(n)]),
        PayloadColumn.from_rows([{"n": row} for row in range(n)], n),
        {"plot": DenseColumn(vectors)},
    )


@given(batches())
def test_encode_and_decode_are_inverse(batch: Batch) -> None:
    assert same(Batch.decode(batch.encode()), batch)


@given(batches(), st.data())
def test_take_slice_concat_and_split_keep_points(batch: Batch, data: st.DataObject) -> None:
    n = len(batch)
    rows = data.draw(st.lists(st.integers(0, n - 1), max_size=5)) if n else []
    taken = batch.take(rows)
    assert taken.ids.to_list() == batch.ids.to_list(rows)
    assert taken.payloads.to_list() == batch.payloads.to_list(rows)
    cut = data.draw(st.integers(0, n))
    parts = [batch.slice(0, cut), batch.slice(cut, n)]
    assert same(Batch.concat(parts), batch)
    limit = data.draw(st.integers(1, 2000))
    pieces = batch.split(limit)
    assert same(Batch.concat(pieces), batch)
    assert all(len(piece) == 1 or len(piece.encode()) <= limit for piece in pieces if n)


def test_a_batch_cut_short_anywhere_is_corruption() -> None:
    data = small_batch(3).encode()
    for length in range(len(data)):
        with pytest.raises(CorruptionError, match="log record 7"):
            Batch.decode(data[:length], "log record 7")
    with pytest.raises(CorruptionError):
        Batch.decode(data + b"\0")


@settings(max_examples=300)
@given(batches(3), st.data())
def test_a_damaged_batch_never_crashes(batch: Batch, data: st.DataObject) -> None:
    encoded = bytearray(batch.encode())
    for _ in range(data.draw(st.integers(1, 3))):
        encoded[data.draw(st.integers(0, len(encoded) - 1))] = data.draw(st.integers(0, 255))
    try:
        decoded = Batch.decode(bytes(encoded))
        decoded.ids.to_list()
        decoded.payloads.to_list()
    except (CorruptionError, FormatVersionError):
        return
    decoded.take(range(len(decoded)))


def test_a_newer_version_is_named() -> None:
    data = bytearray(small_batch(1).encode())
    assert data[:4] == MAGIC
    data[4] = VERSION + 1
    with pytest.raises(FormatVersionError, match="newer release"):
        Batch.decode(bytes(data))


def test_a_batch_has_the_lowest_version_that_can_read_it() -> None:
    plain = small_batch(3)
    sets = BinaryColumn(np.array([0, 1, 1]), np.array([7], np.uint32))
    columns: dict[int, VectorColumn] = {
        1: plain.vectors["plot"],
        2: partial_column(3, np.array([0, 2], np.uint32), plain.vectors["plot"].take([0, 2])),
        3: partial_column(3, np.array([0, 2], np.uint32), sets),
    }
    for version, column in columns.items():
        encoded = Batch(plain.ids, plain.payloads, {"plot": column}).encode()
        assert encoded[4] == version


def test_decoding_copies_no_vectors() -> None:
    data = small_batch(100, 64).encode()
    column = Batch.decode(data).vectors["plot"]
    assert isinstance(column, DenseColumn)
    assert np.shares_memory(column.matrix, np.frombuffer(data, np.uint8))
    assert not column.matrix.flags.writeable


def test_unaligned_bytes_decode_to_aligned_arrays() -> None:
    batch = small_batch(5)
    decoded = Batch.decode(memoryview(b"\0\0\0" + batch.encode())[3:])
    assert same(decoded, batch)
    assert all(array.flags.aligned for array in decoded._arrays().values())


def test_columns_of_differing_lengths_are_refused() -> None:
    ids = IdColumn.from_values([1, 2])
    with pytest.raises(ValueError, match="do not have the 2 rows"):
        Batch(ids, PayloadColumn.from_rows(None, 3))
    with pytest.raises(ValueError, match="tenants"):
        Batch(ids, PayloadColumn.from_rows(None, 2), {}, np.zeros(1, np.uint32))


def test_without_tenants_is_tenant_zero_where_others_have_some() -> None:
    plain = small_batch(2)
    owned = Batch(plain.ids, plain.payloads, plain.vectors, np.array([4, 5], np.uint32))
    assert Batch.concat([plain, owned]).tenants.tolist() == [0, 0, 4, 5]
    assert Batch.concat([plain, plain]).tenants.tolist() == []


def test_split_fills_records() -> None:
    batch = small_batch(1000, 256)
    pieces = batch.split(1 << 18)
    sizes = [len(piece.encode()) for piece in pieces]
    assert max(sizes) <= 1 << 18
    assert min(sizes[:-1]) > 0.97 * (1 << 18)
    assert batch.split(1 << 30) == [batch]
