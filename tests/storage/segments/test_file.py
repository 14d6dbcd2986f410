"""What only segment files do: mappings, alignment, sharing, durability, refusing damage."""

import errno
import gc
import os
import subprocess
import sys
import textwrap
import zlib
from pathlib import Path
from typing import Any

import lmdb
import numpy as np
import pytest

from vicinal.storage import durable
from vicinal.storage.errors import CorruptionError
from vicinal.storage.segments import mapping as segment_mapping
from vicinal.storage.segments.file import SegmentFile
from vicinal.storage.segments.folder import SegmentFolder
from vicinal.storage.segments.writer import SegmentWriter

UUID = "00000000-0000-4000-8000-00000000000a"
BIG = np.arange(600_000, dtype=np.float32).reshape(-1, 100)


def write(path: Path, **arrays: np.ndarray) -> Path:
    writer = SegmentWriter(path, uuid=UUID)
    for name, array in arrays.items():
        writer.put_array(name, array)
    writer.finish()
    return path


@pytest.mark.parametrize("rows", [0, 1, 9, 10, 11, 20, 21, 2621, 2622, 6000])
def test_arrays_of_any_size_are_aligned_and_equal(tmp_path: Path, rows: int) -> None:
    segment = SegmentFile.open(write(tmp_path / "a.seg", first=BIG[:3], rows=BIG[:rows], z=BIG[:5]))
    array = segment.array("rows")
    np.testing.assert_array_equal(array, BIG[:rows])
    assert array.ctypes.data % 64 == 0
    # From a page on, the array is the file, 64 bytes into one of its pages.
    assert (array.nbytes >= 4096) == (array.ctypes.data % 4096 == 64 and in_mapping(tmp_path, array))


def test_views_survive_the_segment_and_the_garbage_collector(tmp_path: Path) -> None:
    """In a process of its own, because the failure is a crash."""
    write(tmp_path / "a.seg", rows=BIG, ids=np.arange(3000))
    code = """
        import gc, os, sys
        import numpy as np
        from vicinal.storage.segments.file import SegmentFile
        segment = SegmentFile.open(sys.argv[1])
        row, column, ids = segment.array("rows")[17], segment.arrays("ro")["ws"][:, 3], segment.array("ids")
        copy = memoryview(ids)[5:10]
        segment.close()
        os.unlink(sys.argv[1])
        del segment, ids
        for _ in range(3):
            gc.collect()
        print(int(row.sum()), int(column.astype(np.float64).sum()), list(copy))
        mapped = sys.argv[1] in open("/proc/self/maps").read()
        del row, column, copy
        gc.collect()
        print(mapped, sys.argv[1] in open("/proc/self/maps").read())
        """
    command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path / "a.seg")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    sums = f"{int(BIG[17].sum())} {int(BIG[:, 3].astype(np.float64).sum())}"
    assert done.stdout == f"{sums} [5, 6, 7, 8, 9]\nTrue False\n"


def test_an_open_segment_holds_no_descriptor(tmp_path: Path) -> None:
    path = write(tmp_path / "a.seg", rows=BIG)
    # What other tests let go of may hold descriptors, and would be collected in between.
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    segments = [SegmentFile.open(path) for _ in range(20)]
    assert len(os.listdir("/proc/self/fd")) == before
    first, *others = segments
    for segment in others:
        segment.close()
    np.testing.assert_array_equal(first.array("rows"), BIG)
    first.close()
    assert str(tmp_path) not in Path("/proc/self/maps").read_text()


def test_the_limit_on_the_memory_of_a_process_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path / "a.seg", rows=BIG)
    code = """
        import resource, sys
        from vicinal.storage.segments.file import SegmentFile
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, resource.RLIM_INFINITY))
        held = []
        try:
            while True:
                held.append(SegmentFile.open(sys.argv[1]))
        except OSError as error:
            print(error.errno, error.filename)
        """
    command = [sys.executable, "-c", textwrap.dedent(code), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == f"{errno.ENOMEM} {path}\n"


def test_a_cycle_of_garbage_does_not_keep_a_file_from_being_opened(tmp_path: Path) -> None:
    path = write(tmp_path / "a.seg", rows=BIG)
    for _ in range(50):
        cycle: list[object] = [SegmentFile.open(path).array("rows")]
        cycle.append(cycle)
        del cycle
    gc.collect()
    assert str(tmp_path) not in Path("/proc/self/maps").read_text()


def test_opening_and_taking_views_reads_next_to_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "a.seg", **{f"rows{i}": np.zeros(1 << 23, np.uint8) for i in range(3)})
    segment = SegmentFile.open(path)
    arrays = segment.arrays("")
    assert len(segment.names()) == 3
    # The system may map up to 2 MiB of the page cache around each page that is touched.
    assert resident_bytes(path) < segment.size_bytes // 2
    assert int(arrays["rows1"].sum()) == 0
    assert int(arrays["rows0"].sum()) == int(arrays["rows2"].sum()) == 0
    assert resident_bytes(path) >= 3 << 23


def test_memory_holds_an_array_no_more_than_twice(tmp_path: Path) -> None:
    """The peak of a process that writes 64 MiB grows by one copy of them, not two."""
    code = """
        import resource, sys
        import numpy as np
        from vicinal.storage.segments.writer import SegmentWriter
        array = np.ones(1 << 26, dtype=np.uint8)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        writer = SegmentWriter(sys.argv[1])
        writer.put_array("array", array)
        writer.finish()
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
        """
    command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path / "a.seg")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert int(done.stdout) * 1024 < 1.3 * (1 << 26)


def test_a_file_that_exists_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "a.seg").write_bytes(b"precious")
    with pytest.raises(FileExistsError):
        write(tmp_path / "a.seg", rows=BIG)
    assert (tmp_path / "a.seg").read_bytes() == b"precious"


def test_a_file_too_big_for_the_disk_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    """A limit on file sizes stands in for the disk; LMDB sees the same failing write."""
    code = """
        import resource, signal, sys
        import numpy as np
        from vicinal.storage.errors import StorageError
        from vicinal.storage.segments.writer import SegmentWriter
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, resource.RLIM_INFINITY))
        writer = SegmentWriter(sys.argv[1])
        writer.put_array("array", np.ones(1 << 22, dtype=np.uint8))
        try:
            writer.finish()
        except StorageError as error:
            print(type(error).__name__)
        """
    command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path / "a.seg")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() in ("StorageError", "DiskFullError")
    assert list(tmp_path.iterdir()) == []


def test_what_does_not_read_back_is_not_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.seg"
    fsync = durable.fsync_file

    def flip_a_bit_and_fsync(written: str) -> None:
        offset = path.read_bytes().index(BIG[1000].tobytes())
        flip(path, offset)
        fsync(written)

    monkeypatch.setattr(durable, "fsync_file", flip_a_bit_and_fsync)
    with pytest.raises(CorruptionError, match="read back"):
        write(path, rows=BIG)
    assert list(tmp_path.iterdir()) == []


def test_files_that_cannot_be_segments_are_refused_without_opening_them(tmp_path: Path) -> None:
    sound = write(tmp_path / "sound.seg", rows=BIG).read_bytes()
    for name, content in {
        "empty": b"",
        "text": b"not a segment " * 1000,
        "short": sound[:8192],
        "one page short": sound[:-4096],
        "one byte short": sound[:-1],
        "one page long": sound + bytes(4096),
        "no second meta": sound[:4096] + bytes(4096) + sound[8192:],
        "meta pages swapped": sound[4096:8192] + sound[:4096] + sound[8192:],
    }.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(CorruptionError):
            SegmentFile.open(path)


def test_an_lmdb_file_of_something_else_is_refused(tmp_path: Path) -> None:
    environment = lmdb.open(str(tmp_path / "a.seg"), subdir=False, lock=False)
    with environment, environment.begin(write=True) as txn:
        txn.put(b"key", b"value")
    with pytest.raises(CorruptionError, match="no directory"):
        SegmentFile.open(tmp_path / "a.seg")


def test_a_segment_under_another_name_is_refused(tmp_path: Path) -> None:
    folder = SegmentFolder(tmp_path)
    uuid, writer = folder.new_writer()
    writer.finish()
    folder.publish(uuid)
    os.rename(folder.path(uuid), folder.path(UUID))
    with pytest.raises(CorruptionError, match=uuid):
        folder.open(UUID)


def test_damaged_data_is_found_by_verify_and_damaged_postings_by_reading(tmp_path: Path) -> None:
    path = tmp_path / "a.seg"
    writer = SegmentWriter(path)
    writer.put_array("rows", BIG)
    writer.put_posting("field", b"key", b"a posting to be damaged")
    writer.finish()
    content = path.read_bytes()
    flip(path, content.index(BIG[2000].tobytes()))
    flip(path, content.index(b"a posting to be"))
    segment = SegmentFile.open(path)
    assert segment.array("rows").shape == BIG.shape
    with pytest.raises(CorruptionError, match="checksum"):
        segment.posting("field", b"key")
    problems = segment.verify()
    assert len(problems) == 2
    assert f"{zlib.crc32(BIG.tobytes()):08x} was stored" in problems[0]


def test_a_name_that_is_no_text_is_damage(tmp_path: Path) -> None:
    path = write(tmp_path / "a.seg", **{"id.offset": BIG[:2], "id.text": BIG[:3]})
    content = path.read_bytes()
    first = content.index(b"aid.offset") + len(b"aid.")
    for at in range(first, first + len(b"offset")):
        path.write_bytes(content[:at] + bytes([content[at] ^ 128]) + content[at + 1 :])
        with pytest.raises(CorruptionError, match=r"array b'aid\."):
            SegmentFile.open(path).arrays("id.")


def test_names_that_are_not_uuids_never_become_paths(tmp_path: Path) -> None:
    folder = SegmentFolder(tmp_path)
    (tmp_path / "segments" / "README.seg").touch()
    for name in ("../catalog/data", "", UUID.upper(), "README"):
        for method in (folder.open, folder.remove, folder.publish, folder.quarantine):
            with pytest.raises(ValueError, match="not a segment's uuid"):
                method(name)
    assert folder.strays(set(), 0) == []


def test_a_read_only_folder_is_not_created(tmp_path: Path) -> None:
    folder = SegmentFolder(tmp_path, read_only=True)
    assert folder.strays(set(), 0) == []
    assert list(tmp_path.iterdir()) == []


def test_publishing_syncs_the_file_then_renames_then_syncs_the_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = SegmentFolder(tmp_path)
    steps = []
    for name in ("commit", "fsync_file", "rename", "fsync_folder"):
        original = getattr(durable, name)

        def traced(*arguments: object, name: str = name, original: object = original) -> None:
            steps.append(name)
            original(*arguments)

        monkeypatch.setattr(durable, name, traced)
    uuid, writer = folder.new_writer()
    writer.put_array("rows", BIG)
    writer.finish()
    folder.publish(uuid)
    assert steps == ["commit", "fsync_file", "rename", "fsync_folder", "fsync_folder"]


def in_mapping(folder: Path, array: np.ndarray) -> bool:
    """Return whether an array begins in a file of `folder` that is mapped."""
    spans = [
        [int(end, 16) for end in line.split()[0].split("-")]
        for line in Path("/proc/self/maps").read_text().splitlines()
        if str(folder) in line
    ]
    return any(start <= array.ctypes.data < end for start, end in spans)


def resident_bytes(path: Path) -> int:
    """Return how much of a file this process has in memory through its mappings."""
    lines = iter(Path("/proc/self/smaps").read_text().splitlines())
    total = 0
    for line in lines:
        if line.endswith(str(path)):
            total += next(int(text.split()[1]) for text in lines if text.startswith("Rss:")) * 1024
    return total


def flip(path: Path, offset: int) -> None:
    """Flip one bit of a file."""
    with path.open("r+b") as file:
        file.seek(offset)
        (byte,) = file.read(1)
        file.seek(offset)
        file.write(bytes([byte ^ 16]))


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_file_that_vanishes_while_it_is_opened_is_not_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """A follower tries again on FileNotFoundError, and on nothing else."""
    segments = SegmentFolder(tmp_path)
    uuid, writer = segments.new_writer()
    writer.put_array("rows", np.arange(5000))
    writer.finish()
    segments.publish(uuid)
    gone = str(segments.path(uuid))
    original = segment_mapping.map_file

    def vanishing(path: str) -> Any:
        if when == "before":
            os.unlink(gone)
        answer = original(path)
        if when == "after":
            os.unlink(gone)
        return answer

    monkeypatch.setattr(segment_mapping, "map_file", vanishing)
    if when == "after":
        # It is mapped by then and stays readable.
        assert len(segments.open(uuid).array("rows")) == 5000
        return
    with pytest.raises(FileNotFoundError) as caught:
        segments.open(uuid)
    assert caught.value.filename == gone
