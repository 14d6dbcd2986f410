"""What a check says of tokens and ids that do not fit each other."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vicinal.storage.catalog import keys
from vicinal.storage.catalog.envelope import seal
from vicinal.storage.catalog.key_value_store import WriteTransaction
from vicinal.storage.catalog.keys import KeyKind
from vicinal.storage.catalog.vocabulary import StoredVocabulary
from vicinal.storage.memory.store import MemoryStore
from vicinal.storage.verify.catalog_check import CatalogCheck

TOKENS = [f"t{number}" for number in range(100)]


def pair(txn: WriteTransaction, kind: KeyKind, number: int = 0) -> tuple[bytes, bytes]:
    return list(txn.scan(*keys.every(kind)))[number]


def put(txn: WriteTransaction, kind: KeyKind, payload: bytes) -> None:
    key, _ = pair(txn, kind)
    txn.put(key, seal(key, payload))


def found(change: Callable[[WriteTransaction], object]) -> str:
    store = MemoryStore()
    with store.write() as txn:
        StoredVocabulary(1, "u", "words", 0, "here").add(txn, TOKENS)
        change(txn)
    check = CatalogCheck("here")
    with store.read() as txn:
        check.run(txn.scan(b"\0", b"\xff"))
    return "; ".join(problem for problem in check.problems if "vocabulary" in problem)


def test_what_is_sound_has_no_problem() -> None:
    assert found(lambda txn: None) == ""


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda txn: txn.delete(pair(txn, KeyKind.VOCABULARY)[0]), "has no record"),
        (
            lambda txn: txn.delete(pair(txn, KeyKind.TOKEN)[0]),
            "has 99 tokens with ids and 100 ids with tokens",
        ),
        (lambda txn: txn.delete(pair(txn, KeyKind.TOKEN_TEXTS, 1)[0]), "100 tokens with ids and 64 ids with"),
        (
            lambda txn: put(txn, KeyKind.TOKEN, b"99"),
            "has 100 tokens with ids and 100 ids with tokens, not those",
        ),
        (lambda txn: put(txn, KeyKind.TOKEN_TEXTS, b"\x09red"), "a token ends beyond its block"),
        (lambda txn: put(txn, KeyKind.VOCABULARY, b'{"field":"words","next":7}'), "its record says 7"),
    ],
)
def test_what_does_not_fit_is_said(change: Callable[[WriteTransaction], object], told: str) -> None:
    assert told in found(change)
