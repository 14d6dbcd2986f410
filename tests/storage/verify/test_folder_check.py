"""Finding damage: how each kind is reported, and that flips and truncations are found or harmless."""

import os
import random
import shutil
import struct
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import lmdb
import numpy as np
import pytest
from pyroaring import BitMap64

from vicinal.storage.catalog import keys
from vicinal.storage.catalog.catalog import Catalog
from vicinal.storage.catalog.envelope import seal
from vicinal.storage.catalog.records import CollectionRecord, SegmentRecord, StateRecord
from vicinal.storage.columns.batch import Batch
from vicinal.storage.columns.ids import IdColumn
from vicinal.storage.columns.payloads import PayloadColumn
from vicinal.storage.columns.vectors import DenseColumn
from vicinal.storage.errors import CorruptionError, NotADatabaseError
from vicinal.storage.lmdb_files.store import LmdbStore
from vicinal.storage.opening.database_folder import CATALOG_FOLDER, open_catalog
from vicinal.storage.segments.folder import SegmentFolder
from vicinal.storage.verify import folder_check as verify
from vicinal.storage.verify.catalog_check import CatalogCheck
from vicinal.storage.verify.child import CheckCatalog, CheckSegment
from vicinal.storage.verify.folder_check import check_folder

# The long form: VICINAL_FUZZ=20000 pytest tests/storage/verify/test_folder_check.py
MUTATIONS = int(os.environ.get("VICINAL_FUZZ", "60"))
UUID = "00000000-0000-4000-8000-00000000000a"
SCHEMA = {"vectors": {"plot": {"kind": "dense"}}}
ROWS = np.arange(2000, dtype=np.float32).reshape(20, 100)


def batch(first: int, rows: int, tenants: np.ndarray | None = None, field: str = "plot") -> bytes:
    return Batch(
        tenants=np.empty(0, np.uint32) if tenants is None else tenants,
        ids=IdColumn.from_values(np.arange(first, first + rows, dtype=np.uint64)),
        payloads=PayloadColumn.from_rows([{"year": 1990 + row} for row in range(rows)], rows),
        vectors={field: DenseColumn(np.full((rows, 16), first, dtype=np.float32))},
    ).encode()


def add_segment(folder: Path) -> str:
    segments = SegmentFolder(folder)
    uuid, writer = segments.new_writer()
    writer.put_array("vectors/plot/rows", ROWS)
    writer.put_array("vectors/plot/inv_norms", ROWS[0])
    writer.put_array("sequence", np.arange(20, dtype=np.uint64))
    writer.put_bytes("blob", bytes(range(256)) * 20)
    for name, array in IdColumn.from_values(np.arange(20)).arrays().items():
        writer.put_array(f"id.{name}", array)
    writer.put_record("segment", {"rows": 20})
    for value in range(150):
        writer.put_posting("year", value.to_bytes(8, "big"), BitMap64([value]).serialize())
    writer.finish()
    segments.publish(uuid)
    return uuid


@pytest.fixture
def database(template: Path, tmp_path: Path) -> Path:
    """A sound database with everything in it, closed."""
    return Path(shutil.copytree(template, tmp_path / "films"))


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template") / "films"
    catalog = open_catalog(folder, engine="0.1.0")
    uuid = add_segment(folder)
    with catalog.write() as txn:
        catalog.put_collection(txn, CollectionRecord(1, "films", UUID, SCHEMA, "2025-01-01"))
        catalog.put_tenant(txn, 1, "ada", 1)
        catalog.put_segment(txn, 1, SegmentRecord(uuid, 20, 0, 19, 4096, ["plot"], "2025-01-01"))
        catalog.put_tombstones(txn, 1, 20, BitMap64([3, 4]))
        catalog.put_calibration(txn, 1, uuid, "plot", bytes(500))
        catalog.put_calibration_queries(txn, 1, "plot", bytes(5000))
        catalog.put_api_key(txn, "k1", {"rights": ["read"]})
    for first in (20, 40, 60):
        with catalog.write() as txn:
            catalog.append_log(txn, 1, first, batch(first, 20))
            catalog.put_state(txn, 1, StateRecord(first + 20, 1))
    with catalog.write() as txn:
        catalog.drop_log(txn, 1, 40)
    catalog.close()
    return folder


def only_segment(folder: Path) -> Path:
    (path,) = (folder / "segments").iterdir()
    return path


def whats(folder: Path) -> str:
    return "\n".join(damage.what for damage in check_folder(folder))


def checked(folder: Path) -> list[str]:
    """Return the problems of the catalog's values, read in this process."""
    check = CatalogCheck("catalog")
    check.run(catalog_content(folder / CATALOG_FOLDER))
    return check.problems


def test_a_sound_database_has_no_damage_and_is_not_changed(database: Path) -> None:
    before = {path: path.read_bytes() for path in database.rglob("*") if path.suffix in (".mdb", ".seg")}
    del before[database / CATALOG_FOLDER / "lock.mdb"]
    assert check_folder(database) == []
    assert {path: path.read_bytes() for path in before} == before


def test_no_room_for_temporary_files_is_no_damage(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(database / "no such folder"))
    monkeypatch.setenv("TMPDIR", str(database / "no such folder"))
    assert check_folder(database) == []


def test_a_database_that_is_being_written_can_be_checked(database: Path) -> None:
    store = LmdbStore(database / CATALOG_FOLDER)
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            with store.write() as txn:
                txn.put(
                    keys.calibration(1, UUID, "plot"), seal(keys.calibration(1, UUID, "plot"), bytes(9000))
                )

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert check_folder(database) == []
    finally:
        stop.set()
        writer.join()
        store.close()


def test_a_folder_without_a_catalog_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(NotADatabaseError):
        check_folder(tmp_path)


def test_a_missing_segment_is_named_with_a_remedy(database: Path) -> None:
    path = only_segment(database)
    path.unlink()
    (damage,) = check_folder(database)
    assert damage.path == str(path)
    assert "missing" in damage.what
    assert "backup" in damage.remedy


def test_segments_that_nothing_refers_to_are_no_damage(database: Path) -> None:
    add_segment(database)
    assert check_folder(database) == []


def test_a_segment_under_another_name_is_found(database: Path) -> None:
    other = database / "segments" / f"{add_segment(database)}.seg"
    path = next(path for path in (database / "segments").iterdir() if path != other)
    os.replace(other, path)
    assert "it contains segment" in whats(database)


def _set(key: bytes, payload: bytes) -> tuple[bytes, bytes]:
    return key, seal(key, payload)


@pytest.mark.parametrize(
    ("pair", "what"),
    [
        ((keys.state(1), b"no envelope"), "checksum"),
        ((keys.state(1), b"abc"), "fewer than a checksum"),
        ((b"\x63", b""), "no key of a catalog"),
        (_set(keys.state(1), b'{"next_seq": 80}'), "generation"),
        (_set(keys.state(1), b'{"next_seq": 79, "generation": 1}'), "ends at 80, after the next number 79"),
        (_set(keys.state(1), b'{"next_seq": 7, "generation": 1}'), "segment"),
        (_set(keys.state(9), b'{"next_seq": 0, "generation": 1}'), "collection 9, which does not exist"),
        (_set(keys.log(1, 50), batch(50, 20)), "begins inside the one before"),
        (_set(keys.log(1, 80), b"no batch"), keys.log(1, 80).hex()),
        (_set(keys.tombstones(1, 21), b"no bitmap"), "no bitmap"),
        (_set(keys.tombstones(1, 20, 2), b""), "lack a part"),
        (_set(keys.tombstones(1, 21), BitMap64([2**40]).serialize()), "the tombstones at 21"),
        (_set(keys.meta(), b'{"format": 99}'), "format 99"),
        (_set(keys.meta(), b"[]"), keys.meta().hex()),
        (_set(keys.collection(1), b'{"number": 2}'), "missing required field"),
        (_set(keys.tenant(1, "ada"), b'"one"'), "Expected `int`"),
        (_set(keys.api_key("k1"), b"7"), "Expected `object`"),
        (_set(keys.alias("live"), b'"one"'), "Expected `int`"),
        (_set(keys.alias("live"), b"9"), "alias 'live' is of collection 9, which does not exist"),
        (_set(keys.alias("films"), b"1"), "a collection and an alias are named 'films'"),
    ],
)
def test_each_thing_that_cannot_be_true_is_said(database: Path, pair: tuple[bytes, bytes], what: str) -> None:
    assert checked(database) == []
    store = LmdbStore(database / CATALOG_FOLDER)
    with store.write() as txn:
        txn.put(*pair)
    store.close()
    assert what in "\n".join(checked(database))


def test_two_collections_of_one_name_and_wrong_numbers_are_found(database: Path) -> None:
    catalog = Catalog(LmdbStore(database / CATALOG_FOLDER))
    with catalog.write() as txn:
        catalog.put_collection(txn, CollectionRecord(2, "films", UUID, {}, ""))
        record = catalog.collections(txn)[0]
        key = keys.collection(3)
        txn.put(key, seal(key, b'{"number":1,"name":"c","uuid":"","schema":{},"created":""}'))
        (segment,) = catalog.segments(txn, record.number)
        elsewhere = keys.manifest(1, UUID)
        txn.put(elsewhere, txn.get(keys.manifest(1, segment.uuid))[4:])
        txn.put(elsewhere, seal(elsewhere, txn.get(keys.manifest(1, segment.uuid))[4:]))
    catalog.close()
    found = whats(database)
    assert "2 collections are named 'films'" in found
    assert "collection 3 says it is 1" in found
    assert f"segment {UUID} says it is {segment.uuid}" in found


def test_a_catalog_that_would_end_the_process_is_reported(database: Path) -> None:
    """A file that LMDB itself cannot be trusted with: a root that is not a page of a tree."""
    data = database / CATALOG_FOLDER / "data.mdb"
    content = bytearray(data.read_bytes())
    for page in (0, 4096):
        content[page + 128 : page + 136] = (1).to_bytes(8, "little")
    data.write_bytes(content)
    (damage, *_) = check_folder(database)
    assert damage.path == str(database / CATALOG_FOLDER)


@pytest.mark.parametrize("page", [0, 1])
def test_a_changed_transaction_number_is_found(database: Path, page: int) -> None:
    """LMDB would go on from the state before, whose pages are all sound."""
    data = database / CATALOG_FOLDER / "data.mdb"
    sound = data.read_bytes()
    at = page * 4096 + 144
    (number,) = struct.unpack_from("<Q", sound, at)
    assert number == 6 - page
    for other in [*range(12), 2**16 + number, 2**63 + number]:
        data.write_bytes(sound[:at] + struct.pack("<Q", other) + sound[at + 8 :])
        if other == number:
            LmdbStore(database / CATALOG_FOLDER, read_only=True).close()
        else:
            with pytest.raises(CorruptionError, match="transaction"):
                LmdbStore(database / CATALOG_FOLDER, read_only=True)


class TestMutations:
    """Every mutation is found, or what the file says is the same as before."""

    @pytest.fixture
    def reader(self) -> Iterator[verify._Reader]:
        reader = verify._Reader()
        yield reader
        reader.close()

    def test_segments(self, database: Path, reader: verify._Reader) -> None:
        path = only_segment(database)
        uuid = path.stem
        (record,) = live_segments(database)
        sound = path.read_bytes()
        said = segment_content(database, uuid)
        values = [ROWS.tobytes(), bytes(range(256)) * 20, np.arange(20).tobytes(), b'{"rows":20}']
        inside = [range(at := sound.index(value), at + len(value)) for value in values]
        for number, mutated in enumerate(mutations(sound, MUTATIONS, seed=1)):
            path.write_bytes(mutated)
            found = reader.ask(CheckSegment(str(path), record)).problems
            if not found:
                assert segment_content(database, uuid) == said, f"mutation {number} is missed"
            changed = [at for at in range(min(len(sound), len(mutated))) if sound[at] != mutated[at]]
            assert found or not any(at in span for at in changed for span in inside)

    def test_catalogs(self, database: Path, reader: verify._Reader, tmp_path: Path) -> None:
        folder = database / CATALOG_FOLDER
        data = folder / "data.mdb"
        sound = data.read_bytes()
        said = catalog_content(folder)
        at = sound.index(batch(60, 20))
        inside = range(at, at + len(batch(60, 20)))
        for number, mutated in enumerate(mutations(sound, MUTATIONS, seed=2)):
            private = tmp_path / f"catalog-{number}"
            private.mkdir()
            (private / "data.mdb").write_bytes(mutated)
            found = reader.ask(CheckCatalog(str(private))).problems
            if not found:
                assert catalog_content(private) == said, f"mutation {number} is missed"
            changed = [at for at in range(min(len(sound), len(mutated))) if sound[at] != mutated[at]]
            assert found or not any(at in inside for at in changed)
            shutil.rmtree(private)

    def test_flips_in_every_value_of_a_segment_are_found(
        self, database: Path, reader: verify._Reader
    ) -> None:
        path = only_segment(database)
        (record,) = live_segments(database)
        sound = path.read_bytes()
        generator = random.Random(3)
        for key, value in raw_pairs(path):
            mutated = bytearray(sound)
            # The whole value is there in one piece, in a leaf or in pages of its own.
            start = sound.index(key + value) + len(key) if key + value in sound else sound.index(value)
            mutated[start + generator.randrange(len(value))] ^= 1 << generator.randrange(8)
            path.write_bytes(mutated)
            assert reader.ask(CheckSegment(str(path), record)).problems, key


def mutations(sound: bytes, count: int, seed: int) -> Iterator[bytes]:
    """Yield flips of one bit, changed bytes, runs of zeros, and truncations."""
    generator = random.Random(seed)
    for number in range(count):
        mutated = bytearray(sound)
        # Half of them where the structure is dense: the meta pages, and the start of a page.
        at = generator.randrange(len(sound))
        if number % 2:
            at = at // 4096 * 4096 + generator.randrange(160)
        match number % 6:
            case 0 | 1 | 2:
                mutated[at] ^= 1 << generator.randrange(8)
            case 3:
                mutated[at] ^= generator.randrange(1, 256)
            case 4:
                mutated[at : at + generator.choice([8, 512, 4096])] = bytes(8)
                mutated = mutated[: len(sound)].ljust(len(sound), b"\0")
            case _:
                del mutated[at:]
        yield bytes(mutated)


def segment_content(database: Path, uuid: str) -> dict[str, object]:
    segment = SegmentFolder(database).open(uuid)
    try:
        arrays = {name: (a.dtype.str, a.shape, a.tobytes()) for name, a in segment.arrays("").items()}
        return {
            "names": segment.names(),
            "arrays": arrays,
            "blob": segment.bytes("blob"),
            "header": segment.record("segment"),
            "postings": [segment.posting("year", value.to_bytes(8, "big")) for value in range(150)],
        }
    finally:
        segment.close()


def live_segments(database: Path) -> list[SegmentRecord]:
    catalog = Catalog(LmdbStore(database / CATALOG_FOLDER, read_only=True))
    try:
        with catalog.read() as txn:
            return catalog.segments(txn, 1)
    finally:
        catalog.close()


def catalog_content(folder: Path) -> list[tuple[bytes, bytes]]:
    store = LmdbStore(folder, read_only=True)
    try:
        with store.read() as txn:
            return list(txn.scan(b"\0", b"\xff"))
    finally:
        store.close()


def raw_pairs(path: Path) -> list[tuple[bytes, bytes]]:
    environment = lmdb.open(str(path), subdir=False, readonly=True, lock=False)
    with environment, environment.begin() as txn:
        return [(bytes(key), bytes(value)) for key, value in txn.cursor()]
