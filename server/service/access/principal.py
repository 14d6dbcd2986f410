"""Who makes a call, and what it may do: pure rules, no look-ups.

What a key may not see is answered as if it did not exist. Whether a key has the right to a kind of call is
checked before anything that exists is looked at, so that answer says nothing about what exists either.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from ....engine.errors import InvalidArgument, NotFound, PermissionDenied


class Right(IntEnum):
    """What a key allows; each right includes those before it."""

    READ = 1
    WRITE = 2
    ADMIN = 3

    @property
    def word(self) -> str:
        """The right as people write it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller that a key stands for.

    Attributes
    ----------
    key_id : str
        Public part of the key; empty for anonymous callers.
    name : str
        What the key was named when it was created.
    tenants : frozenset of str or None
        The tenants it speaks for; None when it is not bound to tenants. One that is bound sees partitioned
        collections only, because whatever is in others belongs to no tenant.
    collections : frozenset of str or None
        The collections it sees; None when it is not bound to collections.
    right : Right
        The most it may do.
    """

    key_id: str
    name: str
    tenants: frozenset[str] | None
    collections: frozenset[str] | None
    right: Right

    @property
    def is_bound(self) -> bool:
        """Whether anything that exists may not exist for this key."""
        return self.tenants is not None or self.collections is not None

    def require(self, right: Right) -> None:
        """Raise PermissionDenied unless the key includes a right; do so before looking at what exists."""
        if self.right < right:
            raise PermissionDenied(
                f"this call needs the right {right.word!r} and key {self.key_id} has {self.right.word!r}; "
                f"use a key created with --rights {right.word}"
            )

    def require_every_tenant(self) -> None:
        """Raise PermissionDenied for a key that is bound to tenants, where a call reaches beyond them."""
        if self.tenants is not None:
            raise PermissionDenied(
                f"this call is about all tenants of a collection and key {self.key_id} is bound to some; use "
                "a key created without --tenant"
            )

    def require_every_collection(self) -> None:
        """Raise PermissionDenied for a key that is bound to collections, where a call changes names."""
        if self.collections is not None:
            raise PermissionDenied(
                f"this call is about the names of all collections and key {self.key_id} is bound to "
                f"{sorted(self.collections)}; use a key created without --collection"
            )

    def require_creation(self, collection: str) -> None:
        """Raise PermissionDenied unless the key may create or drop a collection of that name."""
        self.require(Right.ADMIN)
        self.require_every_tenant()
        if self.collections is not None and collection not in self.collections:
            raise PermissionDenied(
                f"key {self.key_id} is bound to the collections {sorted(self.collections)} and "
                f"{collection!r} is none of them; use a key created without --collection"
            )

    def sees(self, collection: str, partitioned: bool = True) -> bool:
        """Return whether a collection, if it exists, exists for this key."""
        if self.collections is not None and collection not in self.collections:
            return False
        return partitioned or self.tenants is None

    def no_collection(self, name: str, visible: Iterable[str]) -> NotFound:
        """Return the error for a collection that does not exist, or that the key does not see.

        Parameters
        ----------
        name : str
            The collection asked for.
        visible : iterable of str
            The collections that exist and that the key sees.
        """
        known = ", ".join(sorted(visible)) or "none"
        return NotFound(f"no collection is named {name!r}; there are: {known}", field="name")

    def tenant_for(self, requested: str | None) -> str | None:
        """Return the tenant a call is about, never None for a key that is bound to tenants.

        Raises
        ------
        NotFound
            The key does not speak for the tenant, whether that exists or not.
        InvalidArgument
            The key speaks for several tenants and the call names none.
        """
        if self.tenants is None:
            return requested
        if requested is None:
            if len(self.tenants) == 1:
                (tenant,) = self.tenants
                return tenant
            raise InvalidArgument(
                f"key {self.key_id} speaks for {len(self.tenants)} tenants and the call names none; name one",
                field="tenant",
            )
        if requested not in self.tenants:
            raise NotFound(f"no tenant is named {requested!r}", field="tenant")
        return requested


ANONYMOUS = Principal("", "anonymous", None, None, Right.ADMIN)
"""Everyone, as long as a database has no key."""
