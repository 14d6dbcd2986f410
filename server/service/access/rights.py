"""What each RPC takes, by its path: the right to it, and whether a key that is bound to tenants may call it.

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
    in_line : bool
        Whether it is a read of points, which waits for one of a few places to run.
    """

    right: Right
    for_tenants: bool = True
    takes_disk: bool = False
    in_line: bool = False


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "/vicinal.v1.CollectionService/CreateCollection": Rule(
            Right.ADMIN, for_tenants=False, takes_disk=True
        ),
        "/vicinal.v1.CollectionService/GetCollection": Rule(Right.READ),
        "/vicinal.v1.CollectionService/ListCollections": Rule(Right.READ),
        "/vicinal.v1.CollectionService/DeleteCollection": Rule(Right.ADMIN, for_tenants=False),
        "/vicinal.v1.CollectionService/RenameCollection": Rule(Right.ADMIN, for_tenants=False),
        "/vicinal.v1.CollectionService/SetAliases": Rule(Right.ADMIN, for_tenants=False),
        "/vicinal.v1.CollectionService/ListAliases": Rule(Right.READ),
        "/vicinal.v1.CollectionService/AddField": Rule(Right.ADMIN, for_tenants=False, takes_disk=True),
        "/vicinal.v1.CollectionService/DropField": Rule(Right.ADMIN, for_tenants=False),
        "/vicinal.v1.CollectionService/AddVectorField": Rule(Right.ADMIN, for_tenants=False, takes_disk=True),
        "/vicinal.v1.CollectionService/DropVectorField": Rule(Right.ADMIN, for_tenants=False),
        "/vicinal.v1.CollectionService/GetCollectionInfo": Rule(Right.READ),
        "/vicinal.v1.CollectionService/FlushCollection": Rule(Right.ADMIN, for_tenants=False),
        "/vicinal.v1.CollectionService/MergeCollection": Rule(Right.ADMIN, for_tenants=False),
        "/vicinal.v1.CollectionService/WaitIndexed": Rule(Right.ADMIN, for_tenants=False),
        "/vicinal.v1.CollectionService/CalibrateCollection": Rule(Right.ADMIN, for_tenants=False),
        "/vicinal.v1.PointService/UpsertPoints": Rule(Right.WRITE, takes_disk=True),
        "/vicinal.v1.PointService/DeletePoints": Rule(Right.WRITE),
        "/vicinal.v1.PointService/UpdatePayloads": Rule(Right.WRITE, takes_disk=True),
        "/vicinal.v1.PointService/DeletePayloadKeys": Rule(Right.WRITE, takes_disk=True),
        "/vicinal.v1.PointService/UpdateVectors": Rule(Right.WRITE, takes_disk=True),
        "/vicinal.v1.PointService/DeleteVectors": Rule(Right.WRITE, takes_disk=True),
        "/vicinal.v1.PointService/GetPoints": Rule(Right.READ, in_line=True),
        "/vicinal.v1.PointService/ScrollPoints": Rule(Right.READ, in_line=True),
        "/vicinal.v1.PointService/SamplePoints": Rule(Right.READ, in_line=True),
        "/vicinal.v1.PointService/CountPoints": Rule(Right.READ, in_line=True),
        "/vicinal.v1.PointService/GetFacets": Rule(Right.READ, in_line=True),
        "/vicinal.v1.PointService/GetMinMax": Rule(Right.READ, in_line=True),
        "/vicinal.v1.SearchService/Search": Rule(Right.READ, in_line=True),
        "/vicinal.v1.SearchService/SearchBatch": Rule(Right.READ, in_line=True),
        "/vicinal.v1.SearchService/SearchGroups": Rule(Right.READ, in_line=True),
        "/vicinal.v1.SearchService/Explain": Rule(Right.READ, in_line=True),
        "/vicinal.v1.SearchService/Score": Rule(Right.READ, in_line=True),
        "/vicinal.v1.TenantService/CreateTenants": Rule(Right.ADMIN, for_tenants=False, takes_disk=True),
        "/vicinal.v1.TenantService/ListTenants": Rule(Right.ADMIN, for_tenants=False),
        "/vicinal.v1.TenantService/DropTenants": Rule(Right.ADMIN, for_tenants=False),
        "/vicinal.v1.TenantService/GetTenantStats": Rule(Right.READ),
        "/vicinal.v1.TenantService/SetTenantQuota": Rule(Right.ADMIN, for_tenants=False),
        "/vicinal.v1.TenantService/GrantPoints": Rule(Right.ADMIN, for_tenants=False, takes_disk=True),
        "/vicinal.v1.TenantService/RevokePoints": Rule(Right.ADMIN, for_tenants=False),
        "/vicinal.v1.TenantService/ListGrants": Rule(Right.ADMIN, for_tenants=False),
        "/vicinal.v1.DatabaseService/GetDatabaseInfo": Rule(Right.READ),
        "/vicinal.v1.DatabaseService/GetLimits": Rule(Right.READ),
    }
)
