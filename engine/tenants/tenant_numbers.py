"""The numbers of a collection's tenants, and what these may have."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TypeVar

from ...storage.catalog.catalog import Catalog
from ...storage.catalog.key_value_store import ReadTransaction, WriteTransaction
from ...storage.catalog.records import QuotaRecord
from ..handoff import undisturbed
from .tenant_quota import UNLIMITED, TenantQuota

R = TypeVar("R")


class TenantNumbers:
    """The tenants of a collection by name, numbered from 1 on; no number is given twice.

    A process that follows a writer sees numbers in the log before it knows their names. Those it looks up
    one at a time, when they are asked for: reading all names again would cost the more the more there are.
    What a writer changes is its own until :meth:`publish`, which follows the commit. Any thread may call
    :meth:`get`, :meth:`names` and :meth:`quota`.

    Attributes
    ----------
    last : int
        The highest number that was given, to whomever.
    changes : int
        How often names or quotas were changed by what is in no batch.
    """

    def __init__(self, catalog: Catalog, collection: int, last: int = 0, changes: int = 0) -> None:
        self._catalog = catalog
        self._collection = collection
        self._known: dict[str, int] = {}
        # By the commit that is being made; None stands for those that were dropped.
        self._changed: dict[str, int | None] = {}
        self._quotas: dict[str, TenantQuota] = {}
        self._new_quotas: dict[str, TenantQuota] = {}
        self._n = 0
        self.last = last
        self.changes = changes

    def __len__(self) -> int:
        return self._n

    def read(self, txn: ReadTransaction) -> None:
        """Take over the names that the catalog has, and what it says that they may have."""
        self._known = self._catalog.tenants(txn, self._collection)
        self._n = len(self._known)
        self.last = max(self.last, max(self._known.values(), default=0))
        stored = self._catalog.quotas(txn, self._collection)
        self._quotas = self._new_quotas = {
            name: TenantQuota(quota.points, quota.bytes, quota.requests_per_second)
            for name, quota in stored.items()
        }

    def names(self, prefix: str, after: str | None, limit: int) -> list[str]:
        """Return so many names that begin with ``prefix``, in the order of their UTF-8, behind ``after``."""
        return self._reading(
            lambda txn: self._catalog.tenant_page(txn, self._collection, prefix, after, limit)
        )

    def names_of(self, numbers: Collection[int]) -> dict[int, str]:
        """Return the names of some tenants by number, of those that are there; all names are looked at."""
        known = self._reading(lambda txn: self._catalog.tenants(txn, self._collection))
        return {number: name for name, number in known.items() if number in numbers}

    def get(self, name: str) -> int | None:
        """Return the number of a tenant, None when there is none of the name."""
        number = self._known.get(name)
        if number is None and len(self._known) < self._n:
            number = self._reading(lambda txn: self._catalog.tenant(txn, self._collection, name))
            if number is not None:
                self._known[name] = number
        return number

    def _reading(self, read: Callable[[ReadTransaction], R]) -> R:
        def work() -> R:
            with self._catalog.read() as txn:
                return read(txn)

        return undisturbed(work)

    def quota(self, name: str) -> TenantQuota:
        """Return what a tenant may have."""
        return self._quotas.get(name, UNLIMITED)

    def written(self, name: str) -> int | None:
        """Return the number of a tenant as the writer has it, published or not."""
        return self._changed[name] if name in self._changed else self._known.get(name)

    def written_quota(self, name: str) -> TenantQuota:
        """Return what a tenant may have as the writer has it, published or not."""
        return self._new_quotas.get(name, UNLIMITED)

    def add(self, txn: WriteTransaction, name: str) -> int:
        """Give a new tenant its number."""
        self.last += 1
        self._catalog.put_tenant(txn, self._collection, name, self.last)
        self._changed[name] = self.last
        return self.last

    def remove(self, txn: WriteTransaction, name: str) -> None:
        """Forget the name and the quota of a tenant; its rows are the caller's business."""
        self._catalog.delete_tenant(txn, self._collection, name)
        self._changed[name] = None
        if name in self._new_quotas:
            del self._changing_quotas()[name]

    def set_quota(self, txn: WriteTransaction, name: str, quota: TenantQuota) -> None:
        """Say what a tenant may have."""
        limited = quota != UNLIMITED
        record = QuotaRecord(quota.points, quota.bytes, quota.requests_per_second) if limited else None
        self._catalog.put_quota(txn, self._collection, name, record)
        self._changing_quotas()[name] = quota

    def publish(self) -> None:
        """Show readers what was changed."""
        added = {name: number for name, number in self._changed.items() if number is not None}
        if len(added) < len(self._changed):
            kept = {name: number for name, number in self._known.items() if name not in self._changed}
            self._known = {**kept, **added}
            self._n = len(self._known)
        elif added:
            self._known.update(added)
            self._n = len(self._known)
        self._changed = {}
        self._quotas = self._new_quotas

    def are_all_known(self) -> None:
        """Say that what was seen beyond the names is of tenants that were dropped."""
        self._n = len(self._known)

    def saw(self, number: int) -> None:
        """Say that points of a tenant came, known or not."""
        self._n += max(0, number - self.last)
        self.last = max(self.last, number)

    def _changing_quotas(self) -> dict[str, TenantQuota]:
        # Copied once a commit, as one may be about many tenants.
        if self._new_quotas is self._quotas:
            self._new_quotas = dict(self._quotas)
        return self._new_quotas
