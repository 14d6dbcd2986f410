"""What only a store on disk can do: other processes, full disks, full maps, failing commits."""

import gc
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from vicinal.storage.errors import (
    CorruptionError,
    DiskFullError,
    MapFullError,
    NotADatabaseError,
    StorageError,
    UncertainCommitError,
)
from vicinal.storage.lmdb_files.meta import read_meta
from vicinal.storage.lmdb_files.store import LmdbStore

EVERYTHING = (b"\0", b"\xff")
MEBIBYTE = 1 << 20


def run(code: str, *arguments: object) -> str:
    """Run Python code in another process and return what it prints."""
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def get(store: LmdbStore, key: bytes) -> bytes | None:
    with store.read() as txn:
        return txn.get(key)


def put(store: LmdbStore, key: bytes, value: bytes) -> None:
    with store.write() as txn:
        txn.put(key, value)


def put_two(store: LmdbStore, big: bytes) -> None:
    with store.write() as txn:
        txn.put(b"before", b"lost")
        txn.put(b"big", big)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LmdbStore]:
    store = LmdbStore(tmp_path / "catalog")
    put(store, b"before", b"kept")
    yield store
    store.close()


def test_what_was_committed_is_there_after_reopening(tmp_path: Path) -> None:
    first = LmdbStore(tmp_path / "deep" / "catalog")
    put(first, b"key", b"value")
    version = first.version()
    first.close()
    again = LmdbStore(tmp_path / "deep" / "catalog")
    assert get(again, b"key") == b"value"
    assert again.version() == version
    assert again.size_bytes > 0
    again.close()


def test_another_process_is_seen_by_version_and_reads(store: LmdbStore) -> None:
    version = store.version()
    code = """
        import sys
        from vicinal.storage.lmdb_files.store import LmdbStore
        store = LmdbStore(sys.argv[1])
        with store.write() as txn:
            txn.put(b"key", b"of the child")
        print(store.version())
        """
    assert int(run(code, store.path)) == store.version() == version + 1
    assert get(store, b"key") == b"of the child"


def test_a_killed_writer_leaves_nothing_and_blocks_nobody(store: LmdbStore) -> None:
    code = """
        import os, signal, sys
        from vicinal.storage.lmdb_files.store import LmdbStore
        store = LmdbStore(sys.argv[1])
        with store.read() as reading, store.write() as txn:
            txn.put(b"before", b"lost")
            os.kill(os.getpid(), signal.SIGKILL)
        """
    with pytest.raises(subprocess.CalledProcessError):
        run(code, store.path)
    put(store, b"after", b"value")
    assert get(store, b"before") == b"kept"


def test_a_read_only_store_follows_a_writer_of_another_process(tmp_path: Path, store: LmdbStore) -> None:
    code = """
        import sys
        from vicinal.storage.errors import StorageError
        from vicinal.storage.lmdb_files.store import LmdbStore
        store = LmdbStore(sys.argv[1], read_only=True)
        try:
            with store.write():
                pass
        except StorageError as error:
            print(error)
        for line in sys.stdin:
            with store.read() as txn:
                print(store.version(), txn.get(b"key"), flush=True)
        """
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), store.path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert "read-only" in child.stdout.readline()
        for number in range(3):
            put(store, b"key", str(number).encode())
            child.stdin.write("\n")
            child.stdin.flush()
            assert child.stdout.readline() == f"{store.version()} b'{number}'\n"
        child.stdin.close()


def test_reading_a_store_that_is_not_there_is_an_error_and_creates_nothing(tmp_path: Path) -> None:
    with pytest.raises(NotADatabaseError):
        LmdbStore(tmp_path / "none", read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_two_stores_of_a_folder_share_one_environment(store: LmdbStore) -> None:
    other = LmdbStore(store.path)
    linked = Path(store.path).with_name("link")
    linked.symlink_to(store.path)
    third = LmdbStore(linked, read_only=True)
    put(other, b"key", b"value")
    assert get(store, b"key") == get(third, b"key") == b"value"
    with pytest.raises(StorageError, match="read-only"), third.write():
        pass
    store.close()
    third.close()
    assert get(other, b"key") == b"value"
    other.close()


def test_a_store_opened_read_only_first_becomes_writable_for_a_second(store: LmdbStore) -> None:
    store.close()
    reader = LmdbStore(store.path, read_only=True)
    writer = LmdbStore(store.path)
    put(writer, b"key", b"value")
    assert get(reader, b"key") == b"value"
    with pytest.raises(StorageError, match="read-only"), reader.write():
        pass
    writer.close()
    reader.close()


def test_reopening_waits_for_readers(store: LmdbStore) -> None:
    store.close()
    reader = LmdbStore(store.path, read_only=True)
    order = []
    opened = threading.Event()

    def open_writer() -> None:
        opened.set()
        writer = LmdbStore(store.path)
        order.append("writer")
        writer.close()

    with reader.read() as txn:
        thread = threading.Thread(target=open_writer)
        thread.start()
        opened.wait()
        thread.join(timeout=0.05)
        order.append("reader")
        assert txn.get(b"before") == b"kept"
    thread.join()
    assert order == ["reader", "writer"]
    reader.close()


def test_a_dropped_store_is_closed(tmp_path: Path) -> None:
    for _ in range(3):
        put(LmdbStore(tmp_path), b"key", b"value")
        gc.collect()
    assert not [link for link in open_files() if link.startswith(str(tmp_path))]


def test_a_full_map_changes_nothing_and_small_writes_still_work(tmp_path: Path) -> None:
    store = LmdbStore(tmp_path, room_bytes=MEBIBYTE)
    put(store, b"before", b"kept")
    with pytest.raises(MapFullError, match="try again"):
        put_two(store, bytes(2 * MEBIBYTE))
    assert get(store, b"before") == b"kept"
    assert get(store, b"big") is None
    put(store, b"after", b"value")
    assert get(store, b"after") == b"value"
    store.close()


def test_a_map_grows_with_the_file_and_for_a_transaction_that_did_not_fit(tmp_path: Path) -> None:
    store = LmdbStore(tmp_path, room_bytes=MEBIBYTE)
    other = LmdbStore(tmp_path, read_only=True)
    for number in range(40):
        put(store, b"key %d" % number, bytes(MEBIBYTE // 4))
    with pytest.raises(MapFullError):
        put_two(store, bytes(8 * MEBIBYTE))
    put_two(store, bytes(8 * MEBIBYTE))
    assert len(get(other, b"big") or b"") == 8 * MEBIBYTE
    store.close()
    other.close()


def test_a_map_does_not_grow_under_a_read(tmp_path: Path) -> None:
    store = LmdbStore(tmp_path, room_bytes=MEBIBYTE)
    put(store, b"before", b"kept")
    with store.read() as txn:
        put(store, b"big", bytes(5 * MEBIBYTE // 8))
        put(store, b"after", b"value")
        assert txn.get(b"before") == b"kept"
        assert txn.get(b"big") is None
    put(store, b"more", bytes(MEBIBYTE // 2))
    store.close()


def test_a_map_that_another_process_has_outgrown_is_adopted(tmp_path: Path) -> None:
    store = LmdbStore(tmp_path, room_bytes=MEBIBYTE)
    put(store, b"before", b"kept")
    code = """
        import sys
        from vicinal.storage.lmdb_files.store import LmdbStore
        with LmdbStore(sys.argv[1]).write() as txn:
            txn.put(b"big", bytes(4 << 20))
        """
    run(code, tmp_path)
    assert get(store, b"big") == bytes(4 * MEBIBYTE)
    put(store, b"after", b"value")
    store.close()


def test_a_map_the_system_refuses_is_halved(tmp_path: Path) -> None:
    store = LmdbStore(tmp_path, room_bytes=1 << 47)
    put(store, b"key", b"value")
    assert get(store, b"key") == b"value"
    store.close()


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("field", ["map size", "last page"])
def test_sizes_in_a_meta_page_that_the_file_does_not_have_are_damage(
    tmp_path: Path, field: str, read_only: bool
) -> None:
    with closing(LmdbStore(tmp_path / "sound")) as sound:
        for number in range(3):
            put(sound, b"%d" % number, bytes(9000))
    data = tmp_path / "sound" / "data.mdb"
    meta = read_meta(data)
    newest = meta.pages.index(meta.newest) * meta.page_size
    at = newest + {"map size": 32, "last page": 136}[field]
    for bit in range(64):
        content = bytearray(data.read_bytes())
        content[at + bit // 8] ^= 1 << bit % 8
        folder = tmp_path / str(bit)
        folder.mkdir()
        (folder / "data.mdb").write_bytes(content)
        if field == "map size":
            # LMDB goes by what it is told when it opens the file.
            with closing(LmdbStore(folder, read_only=read_only)) as opened:
                assert get(opened, b"2") == bytes(9000)
            continue
        with pytest.raises(CorruptionError):
            LmdbStore(folder, read_only=read_only)


def test_a_full_disk_changes_nothing_and_the_store_goes_on(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 4 * MEBIBYTE) as mounted:
        # Where nothing may be mounted, a small map is what runs full.
        store = LmdbStore(tmp_path / "disk" / "catalog", room_bytes=MEBIBYTE << (20 if mounted else 2))
        put(store, b"before", b"kept")
        with pytest.raises(DiskFullError if mounted else MapFullError):
            put_two(store, bytes(8 * MEBIBYTE))
        assert get(store, b"before") == b"kept"
        assert get(store, b"big") is None
        put(store, b"after", b"value")
        assert get(store, b"after") == b"value"
        store.close()


def test_a_commit_without_room_for_its_data_changes_nothing(store: LmdbStore) -> None:
    version = store.version()
    with full(store, "data"), pytest.raises(DiskFullError, match="free some space"):
        put(store, b"before", b"lost")
    assert store.version() == version
    assert get(store, b"before") == b"kept"
    put(store, b"after", b"value")
    assert get(store, b"after") == b"value"


def test_a_commit_that_fails_in_its_last_step_is_uncertain_and_the_store_goes_on(store: LmdbStore) -> None:
    with full(store, "meta"), pytest.raises(UncertainCommitError, match="read the state back"):
        put(store, b"before", b"uncertain")
    assert get(store, b"before") in (b"kept", b"uncertain")
    put(store, b"after", b"value")
    assert get(store, b"after") == b"value"
    store.close()
    again = LmdbStore(store.path)
    assert get(again, b"after") == b"value"
    again.close()


def test_a_copy_is_one_committed_state(tmp_path: Path, store: LmdbStore) -> None:
    (tmp_path / "copy").mkdir()
    store.copy_to(tmp_path / "copy")
    with store.write() as txn:
        txn.put(b"before", b"changed")
        with pytest.raises(RuntimeError, match="inside a write"):
            store.copy_to(tmp_path)
    copy = LmdbStore(tmp_path / "copy", read_only=True)
    assert get(copy, b"before") == b"kept"
    copy.close()


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[bool]:
    """Mount a file system of `size` bytes; False where that is not allowed."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    try:
        yield mounted
    finally:
        if mounted:
            gc.collect()
            subprocess.run(["umount", str(folder)], check=True)


@contextmanager
def full(store: LmdbStore, part: str) -> Iterator[None]:
    """Make every write of LMDB's data, or of its meta pages, fail as on a full disk.

    LMDB writes its meta pages through a second descriptor, opened for synchronous writes; /dev/full takes the
    place of one of the two for a while.
    """
    path = os.path.join(store.path, "data.mdb")
    descriptors = [number for number, link in open_descriptors() if link == path]
    synchronous = {number: bool(flags_of(number) & os.O_DSYNC) for number in descriptors}
    assert sorted(synchronous.values()) == [False, True]
    (target,) = [number for number, is_meta in synchronous.items() if is_meta == (part == "meta")]
    saved = os.dup(target)
    device = os.open("/dev/full", os.O_RDWR)
    os.dup2(device, target, inheritable=False)
    try:
        yield
    finally:
        os.dup2(saved, target, inheritable=False)
        os.close(saved)
        os.close(device)


def open_descriptors() -> list[tuple[int, str]]:
    found = []
    for name in os.listdir("/proc/self/fd"):
        link = f"/proc/self/fd/{name}"
        if os.path.lexists(link):
            found.append((int(name), os.readlink(link)))
    return found


def open_files() -> list[str]:
    return [link for _, link in open_descriptors()]


def flags_of(descriptor: int) -> int:
    text = Path(f"/proc/self/fdinfo/{descriptor}").read_text()
    (line,) = [line for line in text.splitlines() if line.startswith("flags:")]
    return int(line.split()[1], 8)
