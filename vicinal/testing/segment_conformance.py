"""What every `SegmentStore` does. An implementation subclasses this and supplies the fixture `folder`."""

import gc
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from vicinal.storage.arrays.header import DTYPES
from vicinal.storage.errors import ClosedError
from vicinal.storage.segments.segment import Segment, SegmentStore, SegmentWriting

BIG = np.arange(50_000, dtype=np.float32).reshape(500, 100)

# The suite runs under several subclasses, and each example empties the fixture it shares with the others.
_SHARED_BY_DESIGN = [HealthCheck.function_scoped_fixture, HealthCheck.differing_executors]
_arrays = st.sampled_from(sorted(DTYPES)).flatmap(
    lambda code: hnp.arrays(DTYPES[code], hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=20))
)


def published(folder: SegmentStore, fill: Callable[[SegmentWriting], object]) -> Segment:
    """Return a segment with what `fill` puts into its writer."""
    uuid, writer = folder.new_writer()
    fill(writer)
    assert writer.finish() >= 0
    folder.publish(uuid)
    return folder.open(uuid)


def fill(writer: SegmentWriting) -> None:
    """Put one of everything."""
    writer.put_array("vectors/title/rows", BIG)
    writer.put_array("vectors/title/norms", np.arange(7, dtype=np.float32))
    writer.put_array("vectors/body/rows", BIG[:100].astype(np.float16))
    writer.put_bytes("blob", b"\x00\x01")
    writer.put_record("about", {"rows": 500, "names": ["a", "ä"]})
    for year in range(1990, 2000):
        writer.put_posting("year", year.to_bytes(2, "big"), str(year).encode())
    writer.put_posting("yea", b"r\x07\xc6", b"of another field")
    writer.put_posting("genre", b"", b"the empty key")


class SegmentConformance:
    """Subclass it, name the subclass ``Test...`` and give it a fixture `folder`: a `SegmentStore`."""

    def test_what_was_put_comes_back(self, folder: SegmentStore) -> None:
        segment = published(folder, fill)
        assert segment.names() == [
            "about",
            "blob",
            "vectors/body/rows",
            "vectors/title/norms",
            "vectors/title/rows",
        ]
        np.testing.assert_array_equal(segment.array("vectors/title/rows"), BIG)
        assert segment.bytes("blob") == b"\x00\x01"
        assert segment.record("about") == {"rows": 500, "names": ["a", "ä"]}
        assert segment.size_bytes >= BIG.nbytes
        assert segment.verify() == []

    def test_arrays_of_a_prefix_have_the_rest_of_their_names(self, folder: SegmentStore) -> None:
        arrays = published(folder, fill).arrays("vectors/title/")
        assert sorted(arrays) == ["norms", "rows"]
        np.testing.assert_array_equal(arrays["rows"], BIG)

    def test_postings_are_found_by_field_and_key(self, folder: SegmentStore) -> None:
        segment = published(folder, fill)
        assert segment.posting("year", (1995).to_bytes(2, "big")) == b"1995"
        assert segment.posting("year", (2005).to_bytes(2, "big")) is None
        assert segment.posting("genre", b"") == b"the empty key"
        assert segment.posting("nothing", b"") is None
        # The ends of one field and the beginnings of another's keys are told apart.
        assert segment.posting("yea", b"r\x07\xc6") == b"of another field"
        assert segment.posting("year", b"\x07\xc6") == b"1990"
        assert segment.posting("yea", b"\x07\xc6") is None

    def test_postings_of_a_field_come_in_the_order_of_their_keys(self, folder: SegmentStore) -> None:
        def put(writer: SegmentWriting) -> None:
            fill(writer)
            for key in (b"=b", b"=", b"=a", b"\xff" * 100, b"=a\xff"):
                writer.put_posting("tag", key, key + b"!")
            writer.put_posting("tags", b"=a", b"of another field")

        segment = published(folder, put)
        assert list(segment.postings("tag")) == [
            (key, key + b"!") for key in (b"=", b"=a", b"=a\xff", b"=b", b"\xff" * 100)
        ]
        assert list(segment.postings("tag", b"=a")) == [(b"=a", b"=a!"), (b"=a\xff", b"=a\xff!")]
        assert [value for _, value in segment.postings("year")] == [
            b"%d" % year for year in range(1990, 2000)
        ]
        assert list(segment.postings("genre")) == [(b"", b"the empty key")]
        assert list(segment.postings("nothing")) == []

    @settings(max_examples=20, deadline=None, suppress_health_check=_SHARED_BY_DESIGN)
    @given(arrays=st.lists(_arrays, min_size=1, max_size=4))
    def test_any_array_keeps_its_type_shape_and_bits(
        self, folder: SegmentStore, arrays: list[NDArray[Any]]
    ) -> None:
        def put(writer: SegmentWriting) -> None:
            for i, array in enumerate(arrays):
                writer.put_array(f"a{i}", array)

        segment = published(folder, put)
        for i, array in enumerate(arrays):
            stored = segment.array(f"a{i}")
            assert (stored.dtype, stored.shape) == (array.dtype, array.shape)
            assert stored.tobytes() == array.tobytes()
            assert stored.ctypes.data % 64 == 0
            assert stored.flags.c_contiguous
            assert not stored.flags.writeable
        segment.close()
        folder.remove(segment_uuid(folder))

    def test_strided_and_big_endian_arrays_are_stored_in_order(self, folder: SegmentStore) -> None:
        def put(writer: SegmentWriting) -> None:
            writer.put_array("strided", BIG[::3, ::-2])
            writer.put_array("fortran", np.asfortranarray(BIG))
            writer.put_array("big endian", np.arange(9, dtype=">i4"))

        segment = published(folder, put)
        np.testing.assert_array_equal(segment.array("strided"), BIG[::3, ::-2])
        np.testing.assert_array_equal(segment.array("fortran"), BIG)
        np.testing.assert_array_equal(segment.array("big endian"), np.arange(9))

    def test_arrays_cannot_be_written(self, folder: SegmentStore) -> None:
        segment = published(folder, fill)
        for name in ("vectors/title/rows", "vectors/title/norms"):
            array = segment.array(name)
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 1
            with pytest.raises(ValueError, match="WRITEABLE"):
                array.flags.writeable = True

    def test_arrays_outlive_the_segment_and_its_file(self, folder: SegmentStore) -> None:
        segment = published(folder, fill)
        row = segment.array("vectors/title/rows")[3]
        folder.remove(segment.uuid)
        segment.close()
        del segment
        gc.collect()
        np.testing.assert_array_equal(row, BIG[3])

    def test_a_closed_segment_refuses_everything(self, folder: SegmentStore) -> None:
        segment = published(folder, fill)
        segment.close()
        segment.close()
        calls: list[Callable[[], object]] = [
            lambda: segment.names(),
            lambda: segment.array("vectors/title/rows"),
            lambda: segment.arrays(""),
            lambda: segment.bytes("blob"),
            lambda: segment.record("about"),
            lambda: segment.posting("year", b""),
            lambda: list(segment.postings("year")),
            lambda: segment.verify(),
            lambda: segment.uuid,
            lambda: segment.size_bytes,
        ]
        for call in calls:
            with pytest.raises(ClosedError):
                call()

    def test_two_openings_are_independent(self, folder: SegmentStore) -> None:
        first = published(folder, fill)
        second = folder.open(first.uuid)
        first.close()
        np.testing.assert_array_equal(second.array("vectors/title/rows"), BIG)

    def test_a_name_that_is_not_there_is_a_key_error_that_lists_the_names(self, folder: SegmentStore) -> None:
        segment = published(folder, fill)
        for read in (segment.array, segment.bytes, segment.record):
            with pytest.raises(KeyError, match="blob"):
                read("nothing")

    def test_many_threads_may_read(self, folder: SegmentStore) -> None:
        segment = published(folder, fill)
        wrong = []

        def read() -> None:
            for _ in range(100):
                same = (
                    segment.posting("year", (1995).to_bytes(2, "big")) == b"1995"
                    and segment.array("vectors/title/rows")[-1, -1] == BIG[-1, -1]
                )
                if not same:
                    wrong.append(same)

        threads = [threading.Thread(target=read) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []

    def test_room_is_filled_in_and_put(self, folder: SegmentStore) -> None:
        uuid, writer = folder.new_writer()
        for shape in ((3, 5), (2000, 3), (0, 4)):
            room = writer.room(shape, np.dtype(np.float32))
            assert room.shape == shape
            assert room.dtype == np.float32
            assert not room.any()
            assert room.ctypes.data % 64 == 0 or not room.size
            room[1:] = 7
            writer.put_array(f"room {len(room)}", room)
        writer.finish()
        folder.publish(uuid)
        stored = folder.open(uuid).array("room 2000")
        assert (stored[0] == 0).all()
        assert (stored[1:] == 7).all()

    def test_names_are_unique_and_short(self, folder: SegmentStore) -> None:
        _, writer = folder.new_writer()
        writer.put_array("name", BIG)
        writer.put_posting("field", b"key", b"")
        with pytest.raises(ValueError, match="was put already"):
            writer.put_bytes("name", b"")
        with pytest.raises(ValueError, match="has a posting"):
            writer.put_posting("field", b"key", b"")
        for name in ("", "ä" * 128):
            with pytest.raises(ValueError, match="1 to 255 bytes"):
                writer.put_bytes(name, b"")
        with pytest.raises(ValueError, match="at most 504 bytes"):
            writer.put_posting("field", bytes(505), b"")

    @pytest.mark.parametrize(
        ("array", "error"),
        [
            (np.zeros(2, dtype=complex), TypeError),
            (np.array(["text"]), TypeError),
            (np.array([{}], dtype=object), TypeError),
            (np.zeros((1, 1, 1, 1)), ValueError),
            (np.broadcast_to(np.uint8(0), (2**32 - 48,)), ValueError),
        ],
    )
    def test_arrays_that_cannot_be_stored_are_refused(
        self, folder: SegmentStore, array: NDArray[Any], error: type[Exception]
    ) -> None:
        _, writer = folder.new_writer()
        with pytest.raises(error):
            writer.put_array("array", array)

    def test_a_writer_ends_with_finish_or_abort(self, folder: SegmentStore) -> None:
        for end in ("finish", "abort"):
            uuid, writer = folder.new_writer()
            assert writer.uuid == uuid
            getattr(writer, end)()
            with pytest.raises(ClosedError):
                writer.put_bytes("late", b"")
            with pytest.raises(ClosedError):
                writer.finish()
            writer.abort()
        with pytest.raises(FileNotFoundError):
            folder.publish(uuid)

    def test_only_published_segments_can_be_opened(self, folder: SegmentStore) -> None:
        uuid, writer = folder.new_writer()
        writer.finish()
        with pytest.raises(FileNotFoundError):
            folder.open(uuid)
        folder.publish(uuid)
        folder.open(uuid).close()
        folder.remove(uuid)
        folder.remove(uuid)
        with pytest.raises(FileNotFoundError):
            folder.open(uuid)

    def test_quarantine_hides_a_segment_for_good(self, folder: SegmentStore) -> None:
        segment = published(folder, fill)
        uuid = segment.uuid
        folder.quarantine(uuid)
        with pytest.raises(FileNotFoundError):
            folder.open(uuid)
        assert folder.strays(set(), 0) == []
        np.testing.assert_array_equal(segment.array("vectors/title/rows"), BIG)

    def test_strays_are_unknown_and_old(self, folder: SegmentStore) -> None:
        live, stray = published(folder, fill).uuid, published(folder, fill).uuid
        unfinished, writer = folder.new_writer()
        writer.finish()
        assert folder.strays({live}, 0) == sorted([stray, unfinished])
        assert folder.strays({live}, 3600) == []
        for uuid in folder.strays({live}, 0):
            folder.remove(uuid)
        assert folder.strays(set(), 0) == [live]


def segment_uuid(folder: SegmentStore) -> str:
    """Return the uuid of the only segment."""
    (uuid,) = folder.strays(set(), 0)
    return uuid
