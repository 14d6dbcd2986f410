"""Tokens and their ids in both stores."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vicinal.storage.catalog import keys
from vicinal.storage.catalog.envelope import seal
from vicinal.storage.catalog.key_value_store import KeyValueStore
from vicinal.storage.catalog.keys import KeyKind
from vicinal.storage.catalog.vocabulary import BLOCK, MAX_TOKENS, StoredVocabulary
from vicinal.storage.errors import CorruptionError
from vicinal.storage.lmdb_files.store import LmdbStore
from vicinal.storage.memory.store import MemoryStore

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@pytest.fixture(params=["lmdb", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[KeyValueStore]:
    store = LmdbStore(tmp_path / "catalog") if request.param == "lmdb" else MemoryStore()
    yield store
    store.close()


def vocabulary(number: int = 1, uuid: str = "u", field: str = "words", since: int = 0) -> StoredVocabulary:
    return StoredVocabulary(number, uuid, field, since, "here")


def test_tokens_have_ids_in_the_order_in_which_they_came(store: KeyValueStore) -> None:
    words = vocabulary()
    with store.write() as txn:
        assert (words.count(txn), words.ids(txn, ["red"])) == (0, [None])
        assert list(words.add(txn, ["red", "Red", "é", "e\u0301"])) == [0, 1, 2, 3]
        assert list(words.add(txn, ["x" * 255])) == [4]
    with store.read() as txn:
        assert words.count(txn) == 5
        assert words.ids(txn, ["e\u0301", "blue", "red"]) == [3, None, 0]
        assert words.tokens(txn, [4, 2, 5]) == ["x" * 255, "é", None]


def test_what_was_not_committed_is_given_again(store: KeyValueStore) -> None:
    words = vocabulary()

    def fail() -> None:
        with store.write() as txn:
            words.add(txn, ["red"])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with store.write() as txn:
        assert list(words.add(txn, ["blue"])) == [0]
        assert words.ids(txn, ["red"]) == [None]


def test_another_field_or_collection_has_another_vocabulary(store: KeyValueStore) -> None:
    others = [vocabulary(2), vocabulary(uuid="v"), vocabulary(field="other"), vocabulary(since=7)]
    with store.write() as txn:
        vocabulary().add(txn, ["red", "blue"])
        for other in others:
            assert other.ids(txn, ["red"]) == [None]
            other.add(txn, ["blue"])
        vocabulary().delete(txn)
        assert vocabulary().count(txn) == 0
        assert vocabulary().tokens(txn, [0]) == [None]
        for other in others:
            assert (other.count(txn), other.tokens(txn, [0])) == (1, ["blue"])
            other.delete(txn)
        assert not list(txn.scan(b"\0", b"\xff"))


def test_weights_of_queries(store: KeyValueStore) -> None:
    with store.write() as txn:
        assert vocabulary().query_weights(txn) is None
        vocabulary().put_query_weights(txn, b"table")
        assert vocabulary().query_weights(txn) == b"table"
        assert vocabulary(since=1).query_weights(txn) is None
        vocabulary().delete(txn)
        assert vocabulary().query_weights(txn) is None


def test_there_are_as_many_tokens_as_ids(store: KeyValueStore) -> None:
    with store.write() as txn:
        vocabulary().add(txn, ["red"])
        ((key, _),) = txn.scan(*keys.every(KeyKind.VOCABULARY))
        # As if there were all tokens but those of the last block, which is one short.
        txn.put(key, seal(key, b'{"field":"words","next":%d}' % (MAX_TOKENS + 1 - BLOCK)))
        before = list(txn.scan(b"\0", b"\xff"))
        with pytest.raises(ValueError, match="4,294,967,295 tokens"):
            vocabulary().add(txn, [f"t{number}" for number in range(BLOCK)])
        assert list(txn.scan(b"\0", b"\xff")) == before
        added = vocabulary().add(txn, [f"t{number}" for number in range(BLOCK - 1)])
        assert added[-1] == MAX_TOKENS - 1
        assert vocabulary().tokens(txn, [MAX_TOKENS - 1, MAX_TOKENS - 2]) == ["t62", "t61"]


def test_damage_is_an_error_that_names_the_key(store: KeyValueStore) -> None:
    words = vocabulary()
    with store.write() as txn:
        words.add(txn, ["red"])
        readings: dict[KeyKind, Callable[[], object]] = {
            KeyKind.VOCABULARY: lambda: words.count(txn),
            KeyKind.TOKEN: lambda: words.ids(txn, ["red"]),
            KeyKind.TOKEN_TEXTS: lambda: words.tokens(txn, [0]),
        }
        for kind, reading in readings.items():
            ((key, _),) = txn.scan(*keys.every(kind))
            for value in (b"", b"abcd", seal(key, b"\xff"), seal(key, b"\x01\xff")):
                txn.put(key, value)
                with pytest.raises(CorruptionError, match=key.hex()):
                    reading()


def test_a_block_that_lacks_a_token_is_not_added_to(store: KeyValueStore) -> None:
    with store.write() as txn:
        vocabulary().add(txn, ["red", "blue"])
        ((key, _),) = txn.scan(*keys.every(KeyKind.TOKEN_TEXTS))
        txn.put(key, seal(key, b"\x03red"))
        with pytest.raises(CorruptionError, match="'words' has 1 tokens, its record says 2"):
            vocabulary().add(txn, ["green"])


@given(batches=st.lists(st.lists(texts, unique=True, max_size=70), max_size=5))
def test_a_dict_says_the_same(batches: list[list[str]]) -> None:
    store, words = MemoryStore(), vocabulary()
    model: dict[str, int] = {}
    for batch in batches:
        with store.write() as txn:
            new = [token for token, id in zip(batch, words.ids(txn, batch), strict=True) if id is None]
            assert new == [token for token in batch if token not in model]
            model.update(zip(new, words.add(txn, new), strict=True))
    with store.read() as txn:
        assert words.ids(txn, model) == list(range(len(model)))
        assert words.tokens(txn, range(len(model))) == list(model)
