"""Which points of others the tenants of a collection may read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

import msgspec

from ..errors import CorruptionError
from . import keys
from .envelope import seal, unseal
from .key_parts import KeyRange
from .key_value_store import ReadTransaction, WriteTransaction
from .keys import KeyKind

PointId = int | str


class StoredGrants:
    """The grants of one collection in the catalog: by grantee and point id, whose point that is.

    Parameters
    ----------
    number : int
        Of the collection.
    path : str
        Where the catalog is, for messages.
    """

    def __init__(self, number: int, path: str) -> None:
        self._number = number
        self._path = path

    def every(self, txn: ReadTransaction) -> Iterator[tuple[int, PointId, int]]:
        """Yield grantee, point id and owner of all grants, grantee after grantee."""
        yield from self._read(txn, keys.every_of_collection(KeyKind.GRANT, self._number))

    def page(
        self, txn: ReadTransaction, grantee: int, after: PointId | None, limit: int
    ) -> list[tuple[PointId, int]]:
        """Return point id and owner of so many grants of a tenant, numbers before texts, behind an id."""
        found = self._read(txn, keys.grants_after(self._number, grantee, after))
        return [(point_id, owner) for _, point_id, owner in islice(found, limit)]

    def put(self, txn: WriteTransaction, grantee: int, ids: Iterable[PointId], owner: int) -> None:
        """Store that a tenant may read points of another."""
        value = msgspec.json.encode(owner)
        for point_id in ids:
            key = keys.grant(self._number, grantee, point_id)
            txn.put(key, seal(key, value))

    def delete(self, txn: WriteTransaction, grantee: int, ids: Iterable[PointId]) -> None:
        """Delete the grants of a tenant for points."""
        for point_id in ids:
            txn.delete(keys.grant(self._number, grantee, point_id))

    def _read(self, txn: ReadTransaction, span: KeyRange) -> Iterator[tuple[int, PointId, int]]:
        for key, value in txn.scan(*span):
            raw = unseal(key, value, path=self._path)
            try:
                owner = msgspec.json.decode(raw, type=int)
            except msgspec.DecodeError as error:
                raise CorruptionError(self._path, f"the record of key {key.hex()}: {error}") from error
            _, grantee, point_id = keys.parse_grant(key)
            yield grantee, point_id, owner
