"""Whether tokens and ids say the same of each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from zlib import crc32

import msgspec

from ..catalog import keys
from ..catalog.records import VocabularyRecord
from ..catalog.vocabulary import BLOCK, split
from ..errors import CorruptionError


@dataclass(slots=True)
class _Seen:
    """Of one direction: how many pairs of a token and an id, the highest id, and a sum over all pairs."""

    count: int = 0
    last: int = -1
    sum: int = 0

    def add(self, token: bytes, id: int) -> None:
        self.count += 1
        self.last = max(self.last, id)
        self.sum += crc32(token, id) << 32 | crc32(id.to_bytes(8, "big"), crc32(token))


class VocabularyCheck:
    """Takes in what a catalog has of vocabularies; a token takes no memory."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._records: dict[tuple[int, int], VocabularyRecord] = {}
        self._ids: defaultdict[tuple[int, int], _Seen] = defaultdict(_Seen)
        self._texts: defaultdict[tuple[int, int], _Seen] = defaultdict(_Seen)

    def record(self, key: bytes, payload: memoryview) -> None:
        """Take in the record of a vocabulary."""
        self._records[keys.parse_vocabulary(key)] = msgspec.json.decode(payload, type=VocabularyRecord)

    def token(self, key: bytes, payload: memoryview) -> None:
        """Take in the id of a token."""
        number, vocabulary, token = keys.parse_token(key)
        self._ids[number, vocabulary].add(token.encode(), msgspec.json.decode(payload, type=int))

    def texts(self, key: bytes, payload: memoryview) -> None:
        """Take in the tokens of a block of ids."""
        number, vocabulary, block = keys.parse_token_texts(key)
        try:
            tokens = split(payload)
        except ValueError as error:
            raise CorruptionError(
                self._path, f"block {block} of vocabulary {vocabulary:016x}: {error}"
            ) from error
        for id, token in enumerate(tokens, block * BLOCK):
            self._texts[number, vocabulary].add(token.encode(), id)

    def problems(self) -> Iterator[str]:
        """Yield what does not fit."""
        for at in sorted({*self._records, *self._ids, *self._texts}):
            record, ids, texts = self._records.get(at), self._ids[at], self._texts[at]
            where = f"vocabulary {at[1]:016x} of collection {at[0]}"
            if record is None:
                yield f"{where} has no record"
                continue
            where += f", of the vector field {record.field!r},"
            if ids != texts:
                yield f"{where} has {ids.count} tokens with ids and {texts.count} ids with tokens, not those"
            elif ids.count != record.next or ids.last != record.next - 1:
                yield f"{where} has {ids.count} tokens up to id {ids.last}, its record says {record.next}"
