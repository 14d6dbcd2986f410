"""Finding what no checksum tells: records and points that contradict each other."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from pyroaring import BitMap64

from vicinal.storage.catalog import keys
from vicinal.storage.catalog.catalog import Catalog
from vicinal.storage.catalog.envelope import seal
from vicinal.storage.catalog.grants import StoredGrants
from vicinal.storage.catalog.key_value_store import WriteTransaction
from vicinal.storage.catalog.records import CollectionRecord, QuotaRecord, SegmentRecord, StateRecord
from vicinal.storage.columns.batch import Batch
from vicinal.storage.columns.ids import IdColumn
from vicinal.storage.columns.payloads import PayloadColumn
from vicinal.storage.columns.vectors import DenseColumn, VectorColumn
from vicinal.storage.lmdb_files.store import LmdbStore
from vicinal.storage.opening.database_folder import CATALOG_FOLDER, open_catalog
from vicinal.storage.segments.folder import SegmentFolder
from vicinal.storage.verify import child as verify_child
from vicinal.storage.verify import points_check
from vicinal.storage.verify.folder_check import check_folder
from vicinal.storage.verify.points_check import points_problems

UUID = "00000000-0000-4000-8000-00000000000a"
SCHEMA = {"vectors": {"plot": {"kind": "dense"}}, "fields": {}, "partitioned": True}
ADA, BEN = 1, 2
Ids = Sequence[int | str]


def batch(ids: Ids, tenant: int, field: str = "plot") -> bytes:
    n = len(ids)
    vectors: dict[str, VectorColumn] = {field: DenseColumn(np.ones((n, 4), np.float32))}
    payloads = PayloadColumn.from_rows(None, n)
    return Batch(IdColumn.from_values(ids), payloads, vectors, np.full(n, tenant, np.uint32)).encode()


def add_segment(folder: Path, ids: Ids, tenant: int, first: int, *, stated: int | None = None) -> str:
    segments = SegmentFolder(folder)
    uuid, writer = segments.new_writer()
    for name, array in IdColumn.from_values(ids).arrays().items():
        writer.put_array(f"id.{name}", array)
    writer.put_array("sequence", np.arange(first, first + len(ids), dtype=np.uint64))
    writer.put_array("tenant", np.full(len(ids), tenant, np.uint32))
    writer.put_record("segment", {"rows": len(ids) if stated is None else stated})
    writer.finish()
    segments.publish(uuid)
    return uuid


def segment_record(uuid: str, rows: int, first: int) -> SegmentRecord:
    return SegmentRecord(uuid, rows, first, first + rows - 1, 4096, [], "")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sound database: ada's 0, 1, 'x' in a segment, 1 replaced in the log, and ben's of the same ids."""
    path = tmp_path / "db"
    catalog = open_catalog(path, engine="0.1.0")
    uuid = add_segment(path, [0, 1, "x"], ADA, 1)
    with catalog.write() as txn:
        catalog.put_collection(txn, CollectionRecord(1, "films", UUID, SCHEMA, ""))
        catalog.put_tenant(txn, 1, "ada", ADA)
        catalog.put_tenant(txn, 1, "ben", BEN)
        catalog.put_segment(txn, 1, segment_record(uuid, 3, 1))
        catalog.append_log(txn, 1, 4, batch([1], ADA))
        catalog.append_log(txn, 1, 5, batch([0, 1, "x"], BEN))
        catalog.put_tombstones(txn, 1, 4, BitMap64([2]))
        catalog.put_state(txn, 1, StateRecord(100, 1))
    catalog.close()
    return path


@contextmanager
def changing(folder: Path) -> Iterator[tuple[Catalog, WriteTransaction]]:
    catalog = Catalog(LmdbStore(folder / CATALOG_FOLDER))
    with catalog.write() as txn:
        yield catalog, txn
    catalog.close()


def whats(folder: Path) -> str:
    return "\n".join(damage.what for damage in check_folder(folder))


def test_what_is_sound_is_no_damage(folder: Path) -> None:
    assert check_folder(folder) == []


def test_tenants_with_one_number_are_found(folder: Path) -> None:
    with changing(folder) as (catalog, txn):
        catalog.put_tenant(txn, 1, "cleo", BEN)
    assert whats(folder) == "tenants ['ben', 'cleo'] of collection 1 have the same number 2"


def test_a_quota_of_nobody_is_found(folder: Path) -> None:
    with changing(folder) as (catalog, txn):
        catalog.put_quota(txn, 1, "ben", QuotaRecord(1, None, None))
        catalog.put_quota(txn, 1, "cleo", QuotaRecord(1, None, None))
    assert whats(folder) == "the quota of tenant 'cleo' of collection 1 is of nobody"


def test_a_grant_of_or_to_nobody_is_found(folder: Path) -> None:
    grants = StoredGrants(1, "")
    with changing(folder) as (_, txn):
        grants.put(txn, ADA, [0], BEN)
        grants.put(txn, BEN, ["x"], 7)
        grants.put(txn, 9, [1, 2], ADA)
        grants.put(txn, BEN, [5], BEN)
    assert whats(folder).splitlines() == [
        f"a grant of collection 1 is to tenant {grantee} from tenant {owner}"
        for grantee, owner in ((BEN, BEN), (BEN, 7), (9, ADA))
    ]


def test_the_same_tenant_number_in_two_collections_is_no_damage(folder: Path) -> None:
    with changing(folder) as (catalog, txn):
        catalog.put_collection(txn, CollectionRecord(2, "books", UUID, SCHEMA, ""))
        catalog.put_tenant(txn, 2, "ada", ADA)
    assert check_folder(folder) == []


@pytest.mark.parametrize(("rows", "first"), [(2, 1), (4, 1), (3, 2)])
def test_a_manifest_that_says_other_rows_than_the_file_is_found(folder: Path, rows: int, first: int) -> None:
    with changing(folder) as (catalog, txn):
        (record,) = catalog.segments(txn, 1)
        catalog.put_segment(txn, 1, segment_record(record.uuid, rows, first))
    (damage,) = check_folder(folder)
    assert damage.path.endswith(f"{record.uuid}.seg")
    assert "the catalog" in damage.what


def test_a_file_that_states_other_rows_than_it_has_is_found(folder: Path) -> None:
    uuid = add_segment(folder, [7, 8], ADA, 50, stated=3)
    with changing(folder) as (catalog, txn):
        catalog.put_segment(txn, 1, SegmentRecord(uuid, 3, 50, 51, 4096, [], ""))
    assert whats(folder) == "it states 3 rows and has 2"


def test_a_point_alive_in_two_segments_is_found(folder: Path) -> None:
    uuid = add_segment(folder, [7, "x"], ADA, 50)
    with changing(folder) as (catalog, txn):
        (first,) = catalog.segments(txn, 1)
        catalog.put_segment(txn, 1, segment_record(uuid, 2, 50))
    found = whats(folder)
    assert "collection 'films': point 'x' of tenant 1 lives in 2 places" in found
    assert f"row 2 of segment {first.uuid}" in found
    assert f"row 1 of segment {uuid}" in found


def test_a_point_alive_in_a_segment_and_the_log_is_found(folder: Path) -> None:
    with changing(folder) as (catalog, txn):
        catalog.append_log(txn, 1, 60, batch([0], ADA))
    assert "point 0 of tenant 1 lives in 2 places" in whats(folder)
    with changing(folder) as (catalog, txn):
        catalog.put_tombstones(txn, 1, 60, BitMap64([1]))
    assert check_folder(folder) == []


@pytest.mark.parametrize("together", [True, False])
def test_a_point_alive_twice_in_the_log_is_found(folder: Path, together: bool) -> None:
    with changing(folder) as (catalog, txn):
        if together:
            catalog.append_log(txn, 1, 60, batch(["new", "new"], BEN))
        else:
            catalog.append_log(txn, 1, 60, batch(["new"], BEN))
            catalog.append_log(txn, 1, 61, batch(["new"], BEN))
    assert "point 'new' of tenant 2 lives in 2 places" in whats(folder)


def test_a_number_and_the_same_number_as_text_are_two_points(folder: Path) -> None:
    with changing(folder) as (catalog, txn):
        catalog.append_log(txn, 1, 60, batch(["0", "1", 7, "7"], ADA))
    assert check_folder(folder) == []


def test_of_many_points_a_few_are_named(folder: Path) -> None:
    with changing(folder) as (catalog, txn):
        catalog.append_log(txn, 1, 60, batch(list(range(10, 20)), ADA))
        catalog.append_log(txn, 1, 70, batch(list(range(10, 20)), ADA))
    damages = check_folder(folder)
    assert len(damages) == 4
    assert "7 more points" in damages[-1].what


def test_two_collections_with_one_number_are_found(folder: Path) -> None:
    with changing(folder) as (_, txn):
        key = keys.collection(2)
        txn.put(key, seal(key, b'{"number":1,"name":"books","uuid":"","schema":{},"created":""}'))
    assert "2 collections have the number 1" in whats(folder)


def test_two_collections_with_one_name_are_found(folder: Path) -> None:
    with changing(folder) as (catalog, txn):
        catalog.put_collection(txn, CollectionRecord(2, "films", UUID, SCHEMA, ""))
    assert whats(folder) == "2 collections are named 'films'"


def test_vectors_that_the_schema_does_not_have_are_found(folder: Path) -> None:
    with changing(folder) as (catalog, txn):
        catalog.append_log(txn, 1, 60, batch([40], ADA, field="poster"))
    assert "the batch at 60 of collection 1 has vectors {'poster': 'dense'}, its schema" in whats(folder)


def test_a_segment_of_two_collections_is_found(folder: Path) -> None:
    with changing(folder) as (catalog, txn):
        (record,) = catalog.segments(txn, 1)
        catalog.put_collection(txn, CollectionRecord(2, "books", UUID, SCHEMA, ""))
        catalog.put_segment(txn, 2, record)
        catalog.put_state(txn, 2, StateRecord(100, 1))
    assert f"segment {record.uuid} belongs to two collections" in whats(folder)


def test_damaged_segments_are_left_out_of_the_comparison(folder: Path) -> None:
    (path,) = (folder / "segments").iterdir()
    content = bytearray(path.read_bytes())
    content[content.index(b'{"rows":3}')] ^= 1
    path.write_bytes(content)
    (damage,) = check_folder(folder)
    assert damage.path == str(path)


def test_a_segment_that_a_merge_replaces_meanwhile_is_no_damage(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The manifest is read again when a file of it is gone."""
    catalog = open_catalog(folder, engine="0.1.0")
    attempts = itertools.count()
    original = SegmentFolder.open

    def merging(self: SegmentFolder, uuid: str) -> object:
        if next(attempts) == 0:
            other = add_segment(folder, [0, "x"], ADA, 50)
            with catalog.write() as txn:
                catalog.delete_segment(txn, 1, uuid)
                catalog.put_segment(txn, 1, segment_record(other, 2, 50))
            self.remove(uuid)
        return original(self, uuid)

    monkeypatch.setattr(SegmentFolder, "open", merging)
    assert list(points_problems(folder, catalog, set())) == []
    assert next(attempts) == 2
    catalog.close()


def test_a_segment_that_is_gone_for_good_cannot_be_compared(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(points_check, "_PAUSE_SECONDS", 0.0)
    (path,) = (folder / "segments").iterdir()
    path.unlink()
    catalog = Catalog(LmdbStore(folder / CATALOG_FOLDER, read_only=True))
    assert "cannot be compared" in "\n".join(points_problems(folder, catalog, set()))
    catalog.close()
    record = segment_record(path.stem, 3, 1)
    assert verify_child.check_segment(str(path), record).gone
    (damage,) = check_folder(folder)
    assert "missing" in damage.what
