"""What every `KeyValueStore` does. An implementation subclasses this and supplies the fixture `store`."""

import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vicinal.storage.catalog.key_value_store import KeyValueStore, WriteTransaction
from vicinal.storage.errors import ClosedError

Change = tuple[str, bytes, bytes]

EVERYTHING = (b"\0", b"\xff" * 512)

# The suite runs under several subclasses, and each example empties the fixture it shares with the others.
_SHARED_BY_DESIGN = [HealthCheck.function_scoped_fixture, HealthCheck.differing_executors]
_keys = st.binary(min_size=1, max_size=3)
_changes = st.lists(
    st.one_of(
        st.tuples(st.just("put"), _keys, st.binary(max_size=4)),
        st.tuples(st.just("delete"), _keys, st.just(b"")),
        st.tuples(st.just("delete_range"), _keys, _keys),
    ),
    max_size=8,
)


class StoreConformance:
    """Subclass it, name the subclass ``Test...`` and give it a fixture `store`: an empty store."""

    def test_an_empty_store_has_nothing(self, store: KeyValueStore) -> None:
        with store.read() as txn:
            assert txn.get(b"key") is None
            assert list(txn.scan(*EVERYTHING)) == []

    def test_a_commit_is_seen_by_the_next_reader(self, store: KeyValueStore) -> None:
        with store.write() as txn:
            txn.put(b"key", b"value")
            txn.put(b"empty", b"")
        with store.read() as txn:
            assert txn.get(b"key") == b"value"
            assert txn.get(b"empty") == b""

    def test_a_writer_sees_its_own_changes(self, store: KeyValueStore) -> None:
        with store.write() as txn:
            txn.put(b"a", b"1")
            txn.put(b"b", b"2")
        with store.write() as txn:
            txn.put(b"a", b"changed")
            txn.put(b"ab", b"new")
            assert txn.delete(b"b")
            assert txn.get(b"a") == b"changed"
            assert list(txn.scan(*EVERYTHING)) == [(b"a", b"changed"), (b"ab", b"new")]

    def test_an_exception_undoes_everything(self, store: KeyValueStore) -> None:
        before = store.version()

        def fail() -> None:
            with store.write() as txn:
                txn.put(b"key", b"value")
                raise LookupError

        with pytest.raises(LookupError):
            fail()
        assert store.version() == before
        with store.read() as txn:
            assert txn.get(b"key") is None

    def test_delete_says_whether_there_was_something(self, store: KeyValueStore) -> None:
        with store.write() as txn:
            txn.put(b"key", b"value")
            assert txn.delete(b"key") is True
            assert txn.delete(b"key") is False

    def test_ranges_are_half_open(self, store: KeyValueStore) -> None:
        with store.write() as txn:
            for letter in b"abcde":
                txn.put(bytes([letter]), bytes([letter]))
        with store.read() as txn:
            assert [key for key, _ in txn.scan(b"b", b"d")] == [b"b", b"c"]
            assert list(txn.scan(b"d", b"b")) == []
        with store.write() as txn:
            assert txn.delete_range(b"b", b"d") == 2
            assert txn.delete_range(b"b", b"d") == 0
            assert [key for key, _ in txn.scan(*EVERYTHING)] == [b"a", b"d", b"e"]

    def test_keys_are_ordered_as_bytes(self, store: KeyValueStore) -> None:
        keys = [b"\x00", b"\x00\x00", b"\x01", b"\x7f", b"\x80", b"\xfe\xff", b"\xff", b"\xff\x00"]
        with store.write() as txn:
            for key in reversed(keys):
                txn.put(key, b"")
            assert [key for key, _ in txn.scan(b"\0", b"\xff" * 3)] == keys

    def test_a_scan_may_delete_what_it_was_given(self, store: KeyValueStore) -> None:
        with store.write() as txn:
            for number in range(1000):
                txn.put(number.to_bytes(2, "big"), bytes(100))
        with store.write() as txn:
            for position, (key, _) in enumerate(txn.scan(*EVERYTHING)):
                assert int.from_bytes(key, "big") == position
                txn.delete(key)
        with store.read() as txn:
            assert list(txn.scan(*EVERYTHING)) == []

    def test_a_reader_keeps_the_state_it_began_with(self, store: KeyValueStore) -> None:
        with store.write() as txn:
            txn.put(b"changed", b"old")
            txn.put(b"deleted", b"old")
        with store.read() as old:
            with store.write() as txn:
                txn.put(b"changed", b"new")
                txn.put(b"added", b"new")
                txn.delete(b"deleted")
            with store.write() as txn:
                txn.put(b"changed", b"newer")
            assert old.get(b"changed") == b"old"
            assert old.get(b"added") is None
            assert list(old.scan(*EVERYTHING)) == [(b"changed", b"old"), (b"deleted", b"old")]
            with store.read() as new:
                assert list(new.scan(*EVERYTHING)) == [(b"added", b"new"), (b"changed", b"newer")]

    def test_a_scan_goes_on_over_a_commit(self, store: KeyValueStore) -> None:
        with store.write() as txn:
            for number in range(10):
                txn.put(bytes([number]), b"old")
        with store.read() as old:
            pairs = old.scan(*EVERYTHING)
            first = [next(pairs) for _ in range(3)]
            with store.write() as txn:
                txn.delete_range(b"\x00", b"\x08")
                txn.put(b"\x08", b"new")
            assert first + list(pairs) == [(bytes([number]), b"old") for number in range(10)]

    def test_the_version_changes_with_commits_only(self, store: KeyValueStore) -> None:
        start = store.version()
        with store.write() as txn:
            txn.put(b"key", b"value")
        after = store.version()
        assert after > start
        with store.read() as txn:
            txn.get(b"key")
        assert store.version() == store.known_version() == after
        with store.write() as txn:
            txn.put(b"key", b"other")
        assert store.known_version() in (None, store.version())

    def test_a_transaction_ends_with_its_block(self, store: KeyValueStore) -> None:
        with store.write() as writing:
            writing.put(b"key", b"value")
            writing.put(b"other", b"value")
        with store.read() as reading:
            pairs = reading.scan(*EVERYTHING)
            next(pairs)
        with pytest.raises(ClosedError):
            writing.put(b"key", b"value")
        with pytest.raises(ClosedError):
            reading.get(b"key")
        with pytest.raises(ClosedError):
            next(pairs)

    def test_a_closed_store_refuses_everything(self, store: KeyValueStore) -> None:
        store.close()
        store.close()
        with pytest.raises(ClosedError), store.read():
            pass
        with pytest.raises(ClosedError), store.write():
            pass
        with pytest.raises(ClosedError):
            store.version()
        with pytest.raises(ClosedError):
            store.known_version()

    def test_a_transaction_outlives_close(self, store: KeyValueStore) -> None:
        with store.write() as txn:
            txn.put(b"key", b"value")
        with store.read() as txn:
            store.close()
            assert txn.get(b"key") == b"value"

    @pytest.mark.parametrize("key", [b"", bytes(512)])
    def test_keys_have_1_to_511_bytes(self, store: KeyValueStore, key: bytes) -> None:
        with store.write() as txn:
            txn.put(b"\xff" * 511, b"the longest")
            with pytest.raises(ValueError, match="1 to 511 bytes"):
                txn.put(key, b"value")
            with pytest.raises(ValueError, match="1 to 511 bytes"):
                txn.get(key)
            with pytest.raises(ValueError, match="1 to 511 bytes"):
                txn.delete(key)

    def test_a_write_inside_a_write_is_refused(self, store: KeyValueStore) -> None:
        with store.write() as txn:
            txn.put(b"key", b"value")
            with pytest.raises(RuntimeError, match="inside a write"), store.write():
                pass
        with store.read() as txn:
            assert txn.get(b"key") == b"value"

    def test_readers_see_whole_commits_while_a_writer_works(self, store: KeyValueStore) -> None:
        torn = []
        done = threading.Event()

        def read() -> None:
            while not done.is_set():
                with store.read() as txn:
                    values: set[bytes | None] = {value for _, value in txn.scan(b"a", b"z")}
                    values |= {txn.get(bytes([letter])) for letter in b"abc"}
                if len(values) > 1:
                    torn.append(values)

        with store.write() as txn:
            for letter in b"abc":
                txn.put(bytes([letter]), b"start")
        threads = [threading.Thread(target=read) for _ in range(3)]
        for thread in threads:
            thread.start()
        for number in range(50):
            with store.write() as txn:
                for letter in b"abc":
                    txn.put(bytes([letter]), str(number).encode())
        done.set()
        for thread in threads:
            thread.join()
        assert torn == []

    @settings(max_examples=30, deadline=None, suppress_health_check=_SHARED_BY_DESIGN)
    @given(commits=st.lists(_changes, max_size=5))
    def test_it_is_a_sorted_dict_with_snapshots(
        self, store: KeyValueStore, commits: list[list[Change]]
    ) -> None:
        with store.write() as txn:
            txn.delete_range(*EVERYTHING)
        model: dict[bytes, bytes] = {}
        for changes in commits:
            before = sorted(model.items())
            with store.read() as old:
                with store.write() as txn:
                    for operation, first, second in changes:
                        self._apply(txn, model, operation, first, second)
                    assert list(txn.scan(*EVERYTHING)) == sorted(model.items())
                assert list(old.scan(*EVERYTHING)) == before
            with store.read() as new:
                assert list(new.scan(*EVERYTHING)) == sorted(model.items())

    @staticmethod
    def _apply(
        txn: WriteTransaction, model: dict[bytes, bytes], operation: str, first: bytes, second: bytes
    ) -> None:
        if operation == "put":
            txn.put(first, second)
            model[first] = second
        elif operation == "delete":
            assert txn.delete(first) == (model.pop(first, None) is not None)
        else:
            doomed = [key for key in model if first <= key < second]
            for key in doomed:
                del model[key]
            assert txn.delete_range(first, second) == len(doomed)
