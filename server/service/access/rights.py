"""What each RPC takes: the right to it, and whether a key that is bound to tenants may call it.

An RPC that is not in the table cannot be registered, so one that is added is denied until somebody says here
who may call it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from .principal import Right


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may call an RPC, and what it is.

    Attributes
    ----------
    right : Right
        The right a key needs.
    for_tenants : bool
        Whether a key that is bound to tenants may call it; not what reaches beyond a tenant's points.
    takes_disk : bool
        Whether it stores something new, and so is refused when the disk is nearly full.
    """

    right: Right
    for_tenants: bool = True
    takes_disk: bool = False


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "CreateCollection": Rule(Right.ADMIN, for_tenants=False, takes_disk=True),
        "GetCollection": Rule(Right.READ),
        "ListCollections": Rule(Right.READ),
        "DeleteCollection": Rule(Right.ADMIN, for_tenants=False),
        "GetCollectionInfo": Rule(Right.READ),
        "FlushCollection": Rule(Right.ADMIN, for_tenants=False),
        "MergeCollection": Rule(Right.ADMIN, for_tenants=False),
        "WaitIndexed": Rule(Right.ADMIN, for_tenants=False),
        "CalibrateCollection": Rule(Right.ADMIN, for_tenants=False),
        "UpsertPoints": Rule(Right.WRITE, takes_disk=True),
        "DeletePoints": Rule(Right.WRITE),
        "UpdatePayloads": Rule(Right.WRITE, takes_disk=True),
        "GetPoints": Rule(Right.READ),
        "ScrollPoints": Rule(Right.READ),
        "CountPoints": Rule(Right.READ),
        "Search": Rule(Right.READ),
        "SearchBatch": Rule(Right.READ),
        "Explain": Rule(Right.READ),
        "GetDatabaseInfo": Rule(Right.READ),
        "GetLimits": Rule(Right.READ),
    }
)
