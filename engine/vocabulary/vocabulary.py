"""The vocabulary of one vector field: tokens to ids and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from ...storage.catalog.catalog import Catalog
from ...storage.catalog.key_value_store import ReadTransaction, WriteTransaction
from ...storage.catalog.vocabulary import StoredVocabulary
from ...storage.columns.tokens import UNKNOWN
from .. import deadline
from ..errors import Corruption, NotFound, ResourceExhausted
from ..handoff import undisturbed
from .bounded_cache import BoundedCache

# Those of a subword model, 30,522 mostly, are all kept: some 4 MB each way.
_KEPT = 1 << 15
_BETWEEN_CHECKS = 4096

Key = TypeVar("Key")
Value = TypeVar("Value")

Ids = NDArray[np.uint32]


class TokenNames(Protocol):
    """What knows the tokens of ids."""

    def tokens_of(self, ids: Ids) -> list[str]:
        """Return the token of each id, ascending ids without repetition."""


class Vocabulary:
    """The tokens of one vector field, each with an id, as the catalog has them.

    A token gets its id with the first point that uses it, in the same commit, and keeps it for as long as
    the field is there. Whoever reads sees every token of the points that it sees. What was looked up lately
    is remembered. Any thread may read; :meth:`assigned_ids` is for the writer's.
    """

    def __init__(self, catalog: Catalog, stored: StoredVocabulary, field: str) -> None:
        self._catalog = catalog
        self._stored = stored
        self._field = field
        self._ids: BoundedCache[str, int] = BoundedCache(_KEPT)
        self._tokens: BoundedCache[int, str] = BoundedCache(_KEPT)
        # Of tokens that nothing had: below which sequence number no point has them.
        self._absent: BoundedCache[str, int] = BoundedCache(_KEPT)

    def known_ids(self, tokens: Sequence[str], below: int | None = None) -> Ids:
        """Return the id of each token, ``UNKNOWN`` where it has none; tokens have 1 to 255 bytes.

        A caller who sees a snapshot, of points ``below`` a sequence number, says so: a token that none of
        them has is then looked up once, and not again by every search of as old a snapshot or an older one.
        """

        remembered = self._ids.get(tokens)
        # Without a function made, as nearly every search of a text comes here.
        if None not in remembered:
            return _as_array(remembered)

        def read(missing: list[str]) -> list[int | None]:
            with self._catalog.read() as txn:
                return _in_pieces(missing, lambda piece: self._stored.ids(txn, piece))

        def looked_up(missing: list[str]) -> list[int | None]:
            ids = undisturbed(lambda: read(missing))
            if below is not None:
                self._absent.update(
                    {token: below for token, id in zip(missing, ids, strict=True) if id is None}
                )
            return ids

        def unless_absent(missing: list[str]) -> list[int | None]:
            if below is None:
                return looked_up(missing)
            known = self._absent.get(missing)
            unsure = [at for at, sequence in enumerate(known) if sequence is None or sequence < below]
            ids: list[int | None] = [None] * len(missing)
            if unsure:
                for at, id in zip(unsure, looked_up([missing[at] for at in unsure]), strict=True):
                    ids[at] = id
            return ids

        found: list[int | None] = _completed(tokens, remembered, self._ids, unless_absent)
        return _as_array(found)

    def assigned_ids(self, txn: WriteTransaction, tokens: Sequence[str]) -> Ids:
        """Return the id of each token, each there once; those that have none get one in ``txn``.

        Raises
        ------
        ResourceExhausted
            There are no ids left; nothing was written.
        """
        # What a transaction adds is not remembered: it may not be committed.
        ids = self._ids.get(tokens)
        missing = [at for at, id in enumerate(ids) if id is None]
        for at, id in zip(missing, self._stored.ids(txn, (tokens[at] for at in missing)), strict=True):
            ids[at] = id
        new = [at for at in missing if ids[at] is None]
        if new:
            try:
                added = self._stored.add(txn, [tokens[at] for at in new])
            except ValueError as error:
                raise ResourceExhausted(
                    f"vector field {self._field!r} has no ids left: {error}; add another field, or another "
                    "collection"
                ) from error
            for at, id in zip(new, added, strict=True):
                ids[at] = id
        return _as_array(ids)

    def tokens_of(self, ids: Ids) -> list[str]:
        """Return the token of each id, of ids that points have.

        Raises
        ------
        NotFound
            The field was dropped, and its vocabulary with it.
        """

        def read(missing: list[int]) -> list[str | None]:
            with self._catalog.read() as txn:
                found = _in_pieces(missing, lambda piece: self._stored.tokens(txn, piece))
                if None in found:
                    self._refuse(txn, missing[found.index(None)])
                return found

        listed = ids.tolist()
        found = _completed(
            listed, self._tokens.get(listed), self._tokens, lambda missing: undisturbed(lambda: read(missing))
        )
        return [token for token in found if token is not None]

    def _refuse(self, txn: ReadTransaction, id: int) -> None:
        count = self._stored.count(txn)
        if not count:
            raise NotFound(f"vector field {self._field!r} was dropped while the call read it", field="field")
        raise Corruption(f"no token of vector field {self._field!r} has the id {id}; it has {count:,}")


class TokensBelow:
    """The ids of tokens that points below a sequence number have."""

    def __init__(self, vocabulary: Vocabulary, sequence: int) -> None:
        self._vocabulary, self._sequence = vocabulary, sequence

    def known_ids(self, tokens: Sequence[str]) -> Ids:
        """Return the id of each token, ``UNKNOWN`` where none of those points has it."""
        return self._vocabulary.known_ids(tokens, self._sequence)


class RememberedTokens:
    """The tokens of some ids, apart from any database."""

    def __init__(self, ids: Ids, tokens: list[str]) -> None:
        self._ids = ids
        self._tokens = tokens

    @classmethod
    def of(cls, names: TokenNames, ids: Ids) -> RememberedTokens:
        """Return what ``names`` has for ascending ids."""
        return cls(ids, names.tokens_of(ids))

    def tokens_of(self, ids: Ids) -> list[str]:
        """Return the token of each id, of those that are remembered."""
        return [self._tokens[at] for at in np.searchsorted(self._ids, ids).tolist()]


def _completed(
    keys: Sequence[Key],
    values: list[Value | None],
    cache: BoundedCache[Key, Value],
    read: Callable[[list[Key]], list[Value | None]],
) -> list[Value | None]:
    """Return the value of each key: of those that a cache had none of, as it is read."""
    if None in values:
        missing = [at for at, value in enumerate(values) if value is None]
        wanted = [keys[at] for at in missing]
        found = read(wanted)
        for at, value in zip(missing, found, strict=True):
            values[at] = value
        cache.update({key: value for key, value in zip(wanted, found, strict=True) if value is not None})
    return values


def _in_pieces(keys: list[Key], read: Callable[[list[Key]], list[Value | None]]) -> list[Value | None]:
    """Return what ``read`` finds, with looks at the deadline in between."""
    found: list[Value | None] = []
    for start in range(0, len(keys), _BETWEEN_CHECKS):
        deadline.check()
        found += read(keys[start : start + _BETWEEN_CHECKS])
    return found


def _as_array(ids: Sequence[int | None]) -> Ids:
    return np.array([UNKNOWN if id is None else id for id in ids] if None in ids else ids, np.uint32)
