"""The tokens of one vector field and their ids, in both directions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import msgspec

from ..errors import CorruptionError
from . import keys
from .envelope import seal, unseal
from .key_value_store import ReadTransaction, WriteTransaction
from .keys import KeyKind
from .records import VocabularyRecord

MAX_TOKEN_BYTES = 255
"""Of a token in UTF-8; it has one at least."""
BLOCK = 64
"""Ids whose tokens lie in one value: opening a catalog looks at each entry it has."""
MAX_TOKENS = 2**32 - 1
"""Of one vocabulary; the id 2**32 - 1 is none."""

_KINDS = (KeyKind.VOCABULARY, KeyKind.TOKEN, KeyKind.TOKEN_TEXTS, KeyKind.QUERY_WEIGHTS)


class StoredVocabulary:
    """The tokens of one vector field in the catalog; those that were added last have the highest ids.

    A vocabulary is named by what makes its field this one and no other: another collection of the same
    number, or a field that was dropped and added anew under its name, has another vocabulary. So an id means
    one token for good, whoever asks and however late.

    Parameters
    ----------
    number : int
        Of the collection.
    collection : str
        The collection's uuid.
    field : str
    since : int
        The sequence number at which the field was added; 0 for one that was there from the beginning.
    path : str
        Where the catalog is, for messages.
    """

    def __init__(self, number: int, collection: str, field: str, since: int, path: str) -> None:
        self._number = number
        self._field = field
        self._path = path
        named = f"{collection}/{since}/{field}".encode()
        self._vocabulary = int.from_bytes(hashlib.blake2b(named, digest_size=8).digest(), "big")

    def count(self, txn: ReadTransaction) -> int:
        """Return how many tokens there are."""
        key = keys.vocabulary(self._number, self._vocabulary)
        value = txn.get(key)
        if value is None:
            return 0
        try:
            return msgspec.json.decode(unseal(key, value, path=self._path), type=VocabularyRecord).next
        except msgspec.DecodeError as error:
            raise CorruptionError(self._path, f"the record of key {key.hex()}: {error}") from error

    def ids(self, txn: ReadTransaction, tokens: Iterable[str]) -> list[int | None]:
        """Return the id of each token, None where it has none; a token has 1 to 255 bytes."""
        return [self._id(txn, keys.token(self._number, self._vocabulary, token)) for token in tokens]

    def tokens(self, txn: ReadTransaction, ids: Sequence[int]) -> list[str | None]:
        """Return the token of each id, None where no token has it."""
        blocks = {block: self._block(txn, block) for block in {id // BLOCK for id in ids}}
        texts = ((blocks[id // BLOCK], id % BLOCK) for id in ids)
        return [block[at] if at < len(block) else None for block, at in texts]

    def add(self, txn: WriteTransaction, tokens: Sequence[str]) -> range:
        """Give ids to tokens that have none, each there once, in their order.

        Raises
        ------
        ValueError
            There are more tokens than ids; nothing was added.
        """
        first = self.count(txn)
        ids = range(first, first + len(tokens))
        if ids.stop > MAX_TOKENS:
            raise ValueError(f"a vocabulary holds {MAX_TOKENS:,} tokens, and has {first:,}")
        # The last block is written anew for as long as it is not full.
        start = first - first % BLOCK
        known = self._block(txn, first // BLOCK) if start < first else []
        if len(known) != first - start:
            found = f"has {start + len(known)} tokens, its record says {first}"
            raise CorruptionError(self._path, f"the vocabulary of {self._field!r} {found}")
        for token, id in zip(tokens, ids, strict=True):
            key = keys.token(self._number, self._vocabulary, token)
            txn.put(key, seal(key, msgspec.json.encode(id)))
        texts = [*known, *tokens]
        for at in range(0, len(texts), BLOCK):
            key = keys.token_texts(self._number, self._vocabulary, (start + at) // BLOCK)
            txn.put(key, seal(key, joined(texts[at : at + BLOCK])))
        record = VocabularyRecord(self._field, ids.stop)
        key = keys.vocabulary(self._number, self._vocabulary)
        txn.put(key, seal(key, msgspec.json.encode(record)))
        return ids

    def put_query_weights(self, txn: WriteTransaction, payload: bytes) -> None:
        """Store the weights of the field's queries, as the engine encodes them."""
        key = keys.query_weights(self._number, self._vocabulary)
        txn.put(key, seal(key, payload))

    def query_weights(self, txn: ReadTransaction) -> bytes | None:
        """Return what :meth:`put_query_weights` stored; a field without tokens may have it too."""
        key = keys.query_weights(self._number, self._vocabulary)
        value = txn.get(key)
        return None if value is None else bytes(unseal(key, value, path=self._path))

    def delete(self, txn: WriteTransaction) -> None:
        """Delete the vocabulary with all its tokens, and the weights of queries."""
        for kind in _KINDS:
            txn.delete_range(*keys.every_of_vocabulary(kind, self._number, self._vocabulary))

    def _id(self, txn: ReadTransaction, key: bytes) -> int | None:
        value = txn.get(key)
        if value is None:
            return None
        try:
            return msgspec.json.decode(unseal(key, value, path=self._path), type=int)
        except msgspec.DecodeError as error:
            raise CorruptionError(self._path, f"the record of key {key.hex()}: {error}") from error

    def _block(self, txn: ReadTransaction, block: int) -> list[str]:
        """Return the tokens of a block of ids in their order; none where there is no such block."""
        key = keys.token_texts(self._number, self._vocabulary, block)
        value = txn.get(key)
        if value is None:
            return []
        try:
            return split(unseal(key, value, path=self._path))
        except ValueError as error:
            raise CorruptionError(self._path, f"the tokens of key {key.hex()}: {error}") from error


def joined(tokens: Iterable[str]) -> bytes:
    """Return tokens as a block has them: each after its length in bytes."""
    encoded = [token.encode() for token in tokens]
    return b"".join(bytes([len(token)]) + token for token in encoded)


def split(block: memoryview) -> list[str]:
    """Return the tokens that :func:`joined` joined; ValueError where it could not have."""
    tokens, at = [], 0
    while at < len(block):
        end = at + 1 + block[at]
        if end > len(block) or not block[at]:
            raise ValueError("a token ends beyond its block, or is empty")
        tokens.append(str(block[at + 1 : end], "utf-8"))
        at = end
    return tokens
