"""The typed view of both stores."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyroaring import BitMap64

from vicinal.storage.catalog import keys
from vicinal.storage.catalog.catalog import FORMAT_VERSION, Catalog
from vicinal.storage.catalog.envelope import seal
from vicinal.storage.catalog.grants import StoredGrants
from vicinal.storage.catalog.keys import KeyKind
from vicinal.storage.catalog.records import CollectionRecord, QuotaRecord, SegmentRecord, StateRecord
from vicinal.storage.catalog.vocabulary import StoredVocabulary
from vicinal.storage.errors import CorruptionError, FormatVersionError, NotADatabaseError
from vicinal.storage.lmdb_files.store import LmdbStore
from vicinal.storage.memory.store import MemoryStore
from vicinal.storage.opening.database_folder import open_catalog

A = "00000000-0000-4000-8000-00000000000a"
B = "00000000-0000-4000-8000-00000000000b"


@pytest.fixture(params=["lmdb", "memory"])
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Catalog]:
    catalog = Catalog(LmdbStore(tmp_path / "catalog") if request.param == "lmdb" else MemoryStore())
    yield catalog
    catalog.close()


def collection(number: int, name: str = "films") -> CollectionRecord:
    return CollectionRecord(number=number, name=name, uuid=A, schema={"vectors": {}}, created="2025-01-01")


def segment(uuid: str, first: int, last: int) -> SegmentRecord:
    return SegmentRecord(uuid, last - first + 1, first, last, 4096, ["plot"], "2025-01-01")


def test_meta(catalog: Catalog) -> None:
    with catalog.write() as txn:
        assert catalog.read_meta(txn) is None
        written = catalog.create_meta(txn, "0.1.0")
    with catalog.read() as txn:
        assert catalog.read_meta(txn) == written
    assert (written.format, written.engine) == (FORMAT_VERSION, "0.1.0")


def test_records_come_back_in_order(catalog: Catalog) -> None:
    with catalog.write() as txn:
        for number in (300, 2, 70_000):
            catalog.put_collection(txn, collection(number, f"c{number}"))
        catalog.put_tenant(txn, 2, "zoe", 1)
        catalog.put_tenant(txn, 2, "äda", 2)
        catalog.put_state(txn, 2, StateRecord(17, 3))
        catalog.put_segment(txn, 2, segment(A, 50, 99))
        catalog.put_segment(txn, 2, segment(B, 0, 49))
    with catalog.read() as txn:
        assert [record.number for record in catalog.collections(txn)] == [2, 300, 70_000]
        assert catalog.tenants(txn, 2) == {"zoe": 1, "äda": 2}
        assert catalog.tenants(txn, 300) == {}
        assert catalog.state(txn, 2) == StateRecord(17, 3)
        with pytest.raises(CorruptionError, match="collection 300"):
            catalog.state(txn, 300)
        assert [record.uuid for record in catalog.segments(txn, 2)] == [B, A]


def test_the_log(catalog: Catalog) -> None:
    with catalog.write() as txn:
        for first in (0, 100, 2**40):
            catalog.append_log(txn, 1, first, f"batch {first}".encode())
        catalog.append_log(txn, 2, 0, b"of another collection")
    with catalog.read() as txn:
        assert list(catalog.log(txn, 1)) == [
            (0, b"batch 0"),
            (100, b"batch 100"),
            (2**40, b"batch %d" % 2**40),
        ]
        assert [first for first, _ in catalog.log(txn, 1, from_seq=100)] == [100, 2**40]
    with catalog.write() as txn:
        assert catalog.drop_log(txn, 1, below_seq=101) == 2
        assert [first for first, _ in catalog.log(txn, 1)] == [2**40]
        assert len(list(catalog.log(txn, 2))) == 1


def test_tombstones_large_and_small(catalog: Catalog) -> None:
    scattered = BitMap64(random.Random(0).sample(range(2**40), 60_000))
    assert len(scattered.serialize()) > 2 * (1 << 18)
    with catalog.write() as txn:
        catalog.put_tombstones(txn, 1, 5, BitMap64([1, 2]))
        catalog.put_tombstones(txn, 1, 9, scattered)
        catalog.put_tombstones(txn, 2, 6, BitMap64([3]))
        assert len(list(txn.scan(*keys.tombstones_at(1, 9)))) > 2
    with catalog.read() as txn:
        assert list(catalog.tombstones(txn, 1)) == [(5, BitMap64([1, 2])), (9, scattered)]
        assert list(catalog.tombstones(txn, 1, from_seq=6)) == [(9, scattered)]
    with catalog.write() as txn:
        catalog.put_tombstones(txn, 1, 9, BitMap64([7]))
        assert list(catalog.tombstones(txn, 1)) == [(5, BitMap64([1, 2])), (9, BitMap64([7]))]
        catalog.replace_tombstones(txn, 1, 12, BitMap64([1, 2, 7]))
        assert list(catalog.tombstones(txn, 1)) == [(12, BitMap64([1, 2, 7]))]
        catalog.replace_tombstones(txn, 1, 13, BitMap64())
        assert list(catalog.tombstones(txn, 1)) == []
        assert list(catalog.tombstones(txn, 2)) == [(6, BitMap64([3]))]


def test_calibrations_go_with_their_segment(catalog: Catalog) -> None:
    with catalog.write() as txn:
        catalog.put_segment(txn, 1, segment(A, 0, 9))
        catalog.put_calibration(txn, 1, A, "plot", b"table")
        catalog.put_calibration(txn, 1, B, "plot", b"other")
        catalog.put_calibration_queries(txn, 1, "plot", b"queries")
    with catalog.write() as txn:
        assert catalog.calibration(txn, 1, A, "plot") == b"table"
        assert catalog.calibration(txn, 1, A, "title") is None
        assert catalog.calibration_queries(txn, 1, "plot") == b"queries"
        assert catalog.delete_segment(txn, 1, A)
        assert not catalog.delete_segment(txn, 1, A)
        assert catalog.calibration(txn, 1, A, "plot") is None
        assert catalog.calibration(txn, 1, B, "plot") == b"other"


def test_api_keys(catalog: Catalog) -> None:
    with catalog.write() as txn:
        catalog.put_api_key(txn, "k1", {"hash": "00", "rights": ["read"]})
        catalog.put_api_key(txn, "k2", {})
        assert catalog.api_keys(txn) == {"k1": {"hash": "00", "rights": ["read"]}, "k2": {}}
        assert catalog.api_key(txn, "k1") == {"hash": "00", "rights": ["read"]}
        assert catalog.api_key(txn, "k3") is None


def test_aliases(catalog: Catalog) -> None:
    with catalog.write() as txn:
        catalog.put_alias(txn, "live", 1)
        catalog.put_alias(txn, "old", 2)
        catalog.put_alias(txn, "live", 3)
    with catalog.write() as txn:
        assert catalog.aliases(txn) == {"live": 3, "old": 2}
        assert (catalog.alias(txn, "live"), catalog.alias(txn, "none")) == (3, None)
        assert catalog.delete_alias(txn, "old")
        assert not catalog.delete_alias(txn, "old")
        assert catalog.aliases(txn) == {"live": 3}


def test_tenants_come_in_pages_and_are_deleted_with_their_quotas(catalog: Catalog) -> None:
    with catalog.write() as txn:
        for number, name in enumerate(("b", "ba", "bb", "c", "\U0010ffff", "a")):
            catalog.put_tenant(txn, 2, name, number)
        catalog.put_tenant(txn, 3, "b", 1)
        catalog.put_quota(txn, 2, "b", QuotaRecord(5, 6, None))
        catalog.put_quota(txn, 2, "c", QuotaRecord(None, None, 2.5))
    with catalog.read() as txn:
        assert catalog.tenant_page(txn, 2, "", None, 9) == ["a", "b", "ba", "bb", "c", "\U0010ffff"]
        assert catalog.tenant_page(txn, 2, "", "b", 2) == ["ba", "bb"]
        assert catalog.tenant_page(txn, 2, "b", None, 9) == ["b", "ba", "bb"]
        assert catalog.tenant_page(txn, 2, "b", "a", 1) == ["b"]
        assert catalog.tenant_page(txn, 2, "b", "c", 9) == []
        assert catalog.quotas(txn, 2) == {"b": QuotaRecord(5, 6, None), "c": QuotaRecord(None, None, 2.5)}
    with catalog.write() as txn:
        catalog.delete_tenant(txn, 2, "b")
        catalog.put_quota(txn, 2, "c", None)
        assert catalog.quotas(txn, 2) == {}
        assert catalog.tenant(txn, 2, "b") is None
        assert catalog.tenant(txn, 3, "b") == 1


def test_grants_come_by_grantee_and_in_pages(catalog: Catalog) -> None:
    stored = StoredGrants(2, catalog.store.path)
    with catalog.write() as txn:
        stored.put(txn, 1, ["b", 2**64 - 1, "a", 0], 5)
        stored.put(txn, 3, [0], 5)
        stored.put(txn, 1, ["c"], 6)
        StoredGrants(3, catalog.store.path).put(txn, 1, [9], 5)
    with catalog.read() as txn:
        ids = [0, 2**64 - 1, "a", "b", "c"]
        owners = [5, 5, 5, 5, 6]
        assert stored.page(txn, 1, None, 9) == list(zip(ids, owners, strict=True))
        for number, after in enumerate(ids):
            assert [one for one, _ in stored.page(txn, 1, after, 2)] == ids[number + 1 : number + 3]
        assert list(stored.every(txn))[4:] == [(1, "c", 6), (3, 0, 5)]
    with catalog.write() as txn:
        stored.delete(txn, 1, ["a", 0, "none"])
        assert [one for one, _ in stored.page(txn, 1, None, 9)] == [2**64 - 1, "b", "c"]


def test_deleting_a_collection_leaves_nothing_of_it(catalog: Catalog) -> None:
    with catalog.write() as txn:
        for number in (1, 2):
            catalog.put_collection(txn, collection(number))
            catalog.put_state(txn, number, StateRecord(1, 1))
            catalog.put_tenant(txn, number, "t", 1)
            catalog.put_quota(txn, number, "t", QuotaRecord(1, None, 0.5))
            StoredGrants(number, "").put(txn, 1, [7], 2)
            catalog.append_log(txn, number, 0, b"batch")
            catalog.put_tombstones(txn, number, 0, BitMap64([0]))
            catalog.put_segment(txn, number, segment(A, 0, 9))
            catalog.put_calibration(txn, number, A, "plot", b"table")
            catalog.put_calibration_queries(txn, number, "plot", b"queries")
            terms = StoredVocabulary(number, "uuid", "terms", 0, "")
            terms.add(txn, ["a"])
            terms.put_query_weights(txn, b"table")
            catalog.put_alias(txn, f"alias-{number}", number)
            catalog.put_alias(txn, f"live-{number}", number)
    with catalog.write() as txn:
        catalog.delete_collection(txn, 1)
        assert catalog.aliases(txn) == {"alias-2": 2, "live-2": 2}
        start, stop = keys.every(KeyKind.ALIAS)
        left = [key for key, _ in txn.scan(b"\0", b"\xff") if not start <= key < stop]
    assert len(left) == len(KeyKind) - 3
    assert {keys.parse_collection(key) for key in left} == {2}


def test_damage_is_an_error_that_names_the_key(catalog: Catalog) -> None:
    key = keys.state(1)
    for value in (b"", b"abcd{}", seal(key, b"{}"), seal(key, b"\xff"), seal(keys.state(2), b"{}")):
        with catalog.write() as txn:
            txn.put(key, value)
            with pytest.raises(CorruptionError, match=key.hex()):
                catalog.state(txn, 1)
    tombstones = keys.tombstones(1, 4)
    with catalog.write() as txn:
        txn.put(tombstones, seal(tombstones, b"no bitmap"))
        with pytest.raises(CorruptionError, match="sequence number 4"):
            list(catalog.tombstones(txn, 1))


class TestOpenCatalog:
    def test_a_missing_or_empty_folder_becomes_a_database(self, tmp_path: Path) -> None:
        first = open_catalog(tmp_path / "new" / "films", engine="0.1.0")
        with first.read() as txn:
            meta = first.read_meta(txn)
        first.close()
        again = open_catalog(tmp_path / "new" / "films", engine="9.9.9")
        with again.read() as txn:
            assert again.read_meta(txn) == meta
        again.close()

    def test_creation_that_was_interrupted_is_taken_up(self, tmp_path: Path) -> None:
        (tmp_path / "LOCK").touch()
        LmdbStore(tmp_path / "catalog").close()
        open_catalog(tmp_path, engine="0.1.0").close()

    def test_a_folder_of_something_else_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "thesis.tex").touch()
        with pytest.raises(NotADatabaseError, match=r"thesis\.tex"):
            open_catalog(tmp_path, engine="0.1.0")
        assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.tex"]

    def test_an_lmdb_of_something_else_is_refused(self, tmp_path: Path) -> None:
        store = LmdbStore(tmp_path / "catalog")
        with store.write() as txn:
            txn.put(b"foreign", b"value")
        store.close()
        with pytest.raises(NotADatabaseError, match="meta record"):
            open_catalog(tmp_path, engine="0.1.0")

    @pytest.mark.parametrize("arguments", [{"read_only": True}, {"create": False}])
    def test_nothing_is_created_unless_asked(self, tmp_path: Path, arguments: dict[str, bool]) -> None:
        with pytest.raises(NotADatabaseError, match="no catalog"):
            open_catalog(tmp_path / "films", engine="0.1.0", **arguments)
        assert not (tmp_path / "films").exists()

    def test_a_newer_format_is_refused_whatever_its_meta_looks_like(self, tmp_path: Path) -> None:
        catalog = open_catalog(tmp_path, engine="0.1.0")
        with catalog.write() as txn:
            txn.put(keys.meta(), seal(keys.meta(), b'{"format": 2, "dialect": "new"}'))
        catalog.close()
        with pytest.raises(FormatVersionError, match="format 2, this release reads up to 1") as caught:
            open_catalog(tmp_path, engine="0.1.0")
        assert (caught.value.found, caught.value.supported) == (2, 1)
