"""A smallest request for each RPC that succeeds with the right key, by the full name of the RPC.

``tests/server/test_authorisation_matrix.py`` holds the table to the descriptors.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from google.protobuf.message import Message

from vicinal.proto.v1 import collections_pb2 as collections
from vicinal.proto.v1 import database_pb2 as database
from vicinal.proto.v1 import points_pb2 as points
from vicinal.proto.v1 import schema_pb2 as schema
from vicinal.proto.v1 import search_pb2 as search
from vicinal.proto.v1 import tenants_pb2 as tenants
from vicinal.proto.v1 import vectors_pb2 as vectors

DIM = 4


class Names(enum.Enum):
    """What a request names, which decides what a key can be denied."""

    NOTHING = "nothing"
    NEW_COLLECTION = "a collection that is made"
    COLLECTION = "a collection"
    EVERY_COLLECTION = "names, which only a key that is bound to nothing may change"
    TENANT = "a collection and a tenant"


@dataclass(frozen=True, slots=True)
class Target:
    """What a request is about."""

    collection: str
    tenant: str | None = None
    uuid: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """What the tests know of one RPC.

    Attributes
    ----------
    right : str
        What a key needs: ``any``, ``read``, ``write`` or ``admin``.
    names : Names
        What its request names.
    make : callable
        Makes the request for a target.
    changes : bool
        Whether the request changes what readers see.
    tenants : bool
        Whether a key that is bound to a tenant may call it.
    """

    right: str
    names: Names
    make: Callable[[Target], Message]
    changes: bool = False
    tenants: bool = True


def dense(rows: np.ndarray) -> vectors.Vectors:
    """Return dense float32 vectors as a message."""
    rows = np.ascontiguousarray(rows, dtype="<f4")
    matrix = vectors.Matrix(
        data=rows.tobytes(),
        element_type=vectors.ELEMENT_TYPE_FLOAT32,
        rows=rows.shape[0],
        columns=rows.shape[1],
    )
    return vectors.Vectors(dense=matrix)


def queries(n: int = 1, dim: int = DIM) -> vectors.Vectors:
    """Return ``n`` random queries."""
    return dense(np.random.default_rng(n).standard_normal((n, dim)))


def scope(target: Target) -> points.Scope:
    """Return which points a call is about."""
    return points.Scope(collection=target.collection, collection_uuid=target.uuid, tenant=target.tenant)


def collection_schema() -> schema.Schema:
    """Return the schema that the requests of this table fit."""
    field = schema.DenseField(dim=DIM, metric=schema.METRIC_COSINE, element_type=vectors.ELEMENT_TYPE_FLOAT32)
    return schema.Schema(
        vectors=[
            schema.VectorField(name="vector", dense=field),
            schema.VectorField(name="spare", sparse=schema.SparseField()),
        ],
        fields=[schema.PayloadField(path="year", type=schema.PAYLOAD_FIELD_TYPE_INTEGER)],
        partitioned=True,
    )


def _upsert(target: Target) -> Message:
    columns = points.PointColumns(
        ids=vectors.PointIds(numbers=[1, 100]),
        payloads=vectors.Payloads(json=b'{"year":1990}{}', row_sizes=[13, 2]),
        vectors=[vectors.FieldVectors(field="vector", vectors=queries(2))],
    )
    return points.UpsertPointsRequest(scope=scope(target), points=columns)


def _update_vectors(target: Target) -> Message:
    fields = [vectors.FieldVectors(field="vector", vectors=queries(2))]
    return points.UpdateVectorsRequest(
        scope=scope(target), ids=vectors.PointIds(numbers=[1, 100]), vectors=fields
    )


def _chosen() -> points.Selection:
    return points.Selection(ids=vectors.PointIds(numbers=[1]))


def _options() -> search.SearchOptions:
    return search.SearchOptions(field="vector", k=3, with_payload=True, with_vectors=True)


_ENTRIES = {
    "CollectionService.CreateCollection": Entry(
        "admin",
        Names.NEW_COLLECTION,
        # Beside the collection that exists, so that every target has a name that is free.
        lambda t: collections.CreateCollectionRequest(name=f"{t.collection}-new", schema=collection_schema()),
        changes=True,
        tenants=False,
    ),
    "CollectionService.GetCollection": Entry(
        "read", Names.COLLECTION, lambda t: collections.GetCollectionRequest(name=t.collection)
    ),
    "CollectionService.ListCollections": Entry(
        "read", Names.NOTHING, lambda t: collections.ListCollectionsRequest()
    ),
    "CollectionService.DeleteCollection": Entry(
        "admin",
        Names.COLLECTION,
        lambda t: collections.DeleteCollectionRequest(name=t.collection),
        changes=True,
        tenants=False,
    ),
    "CollectionService.RenameCollection": Entry(
        "admin",
        Names.EVERY_COLLECTION,
        lambda t: collections.RenameCollectionRequest(name=t.collection, new_name=f"{t.collection}-renamed"),
        changes=True,
        tenants=False,
    ),
    "CollectionService.SetAliases": Entry(
        "admin",
        Names.EVERY_COLLECTION,
        lambda t: collections.SetAliasesRequest(
            changes=[collections.AliasChange(alias=f"{t.collection}-alias", collection=t.collection)]
        ),
        changes=True,
        tenants=False,
    ),
    "CollectionService.ListAliases": Entry("read", Names.NOTHING, lambda t: collections.ListAliasesRequest()),
    "CollectionService.AddField": Entry(
        "admin",
        Names.COLLECTION,
        lambda t: collections.AddFieldRequest(
            collection=t.collection,
            collection_uuid=t.uuid,
            field=schema.PayloadField(path="genre", type=schema.PAYLOAD_FIELD_TYPE_KEYWORD),
        ),
        changes=True,
        tenants=False,
    ),
    "CollectionService.DropField": Entry(
        "admin",
        Names.COLLECTION,
        lambda t: collections.DropFieldRequest(collection=t.collection, collection_uuid=t.uuid, path="year"),
        changes=True,
        tenants=False,
    ),
    "CollectionService.AddVectorField": Entry(
        "admin",
        Names.COLLECTION,
        lambda t: collections.AddVectorFieldRequest(
            collection=t.collection,
            collection_uuid=t.uuid,
            field=schema.VectorField(name="terms", sparse=schema.SparseField()),
        ),
        changes=True,
        tenants=False,
    ),
    "CollectionService.DropVectorField": Entry(
        "admin",
        Names.COLLECTION,
        lambda t: collections.DropVectorFieldRequest(
            collection=t.collection, collection_uuid=t.uuid, name="spare"
        ),
        changes=True,
        tenants=False,
    ),
    "CollectionService.GetCollectionInfo": Entry(
        "read",
        Names.COLLECTION,
        lambda t: collections.GetCollectionInfoRequest(collection=t.collection, collection_uuid=t.uuid),
    ),
    "CollectionService.FlushCollection": Entry(
        "admin",
        Names.COLLECTION,
        lambda t: collections.FlushCollectionRequest(collection=t.collection, collection_uuid=t.uuid),
        changes=True,
        tenants=False,
    ),
    "CollectionService.MergeCollection": Entry(
        "admin",
        Names.COLLECTION,
        lambda t: collections.MergeCollectionRequest(collection=t.collection, collection_uuid=t.uuid),
        changes=True,
        tenants=False,
    ),
    "CollectionService.WaitIndexed": Entry(
        "admin",
        Names.COLLECTION,
        lambda t: collections.WaitIndexedRequest(
            collection=t.collection, collection_uuid=t.uuid, timeout_seconds=60
        ),
        tenants=False,
    ),
    "CollectionService.CalibrateCollection": Entry(
        "admin",
        Names.COLLECTION,
        lambda t: collections.CalibrateCollectionRequest(
            collection=t.collection, collection_uuid=t.uuid, field="vector", queries=queries(50)
        ),
        tenants=False,
    ),
    "DatabaseService.GetDatabaseInfo": Entry(
        "read", Names.NOTHING, lambda t: database.GetDatabaseInfoRequest()
    ),
    "DatabaseService.GetLimits": Entry("any", Names.NOTHING, lambda t: database.GetLimitsRequest()),
    "PointService.UpsertPoints": Entry("write", Names.TENANT, _upsert, changes=True),
    "PointService.DeletePoints": Entry(
        "write",
        Names.TENANT,
        lambda t: points.DeletePointsRequest(scope=scope(t), selection=_chosen()),
        changes=True,
    ),
    "PointService.UpdatePayloads": Entry(
        "write",
        Names.TENANT,
        lambda t: points.UpdatePayloadsRequest(
            scope=scope(t), selection=_chosen(), payload_json=b'{"changed":true}'
        ),
        changes=True,
    ),
    "PointService.DeletePayloadKeys": Entry(
        "write",
        Names.TENANT,
        lambda t: points.DeletePayloadKeysRequest(
            scope=scope(t), selection=_chosen(), keys=["year", "maker.city"]
        ),
        changes=True,
    ),
    "PointService.UpdateVectors": Entry("write", Names.TENANT, _update_vectors, changes=True),
    "PointService.DeleteVectors": Entry(
        "write",
        Names.TENANT,
        lambda t: points.DeleteVectorsRequest(scope=scope(t), selection=_chosen(), fields=["vector"]),
        changes=True,
    ),
    "PointService.GetPoints": Entry(
        "read",
        Names.TENANT,
        lambda t: points.GetPointsRequest(
            scope=scope(t), ids=vectors.PointIds(numbers=[1, 2]), with_vectors=True
        ),
    ),
    "PointService.ScrollPoints": Entry(
        "read", Names.TENANT, lambda t: points.ScrollPointsRequest(scope=scope(t), limit=2, with_vectors=True)
    ),
    "PointService.SamplePoints": Entry(
        "read", Names.TENANT, lambda t: points.SamplePointsRequest(scope=scope(t), n=2)
    ),
    "PointService.CountPoints": Entry(
        "read", Names.TENANT, lambda t: points.CountPointsRequest(scope=scope(t))
    ),
    "PointService.GetFacets": Entry(
        "read", Names.TENANT, lambda t: points.GetFacetsRequest(scope=scope(t), field="year", limit=5)
    ),
    "PointService.GetMinMax": Entry(
        "read", Names.TENANT, lambda t: points.GetMinMaxRequest(scope=scope(t), field="year")
    ),
    "SearchService.Search": Entry(
        "read",
        Names.TENANT,
        lambda t: search.SearchRequest(scope=scope(t), query=queries(), options=_options()),
    ),
    "SearchService.SearchBatch": Entry(
        "read",
        Names.TENANT,
        lambda t: search.SearchBatchRequest(scope=scope(t), queries=queries(3), options=_options()),
    ),
    "SearchService.SearchGroups": Entry(
        "read",
        Names.TENANT,
        lambda t: search.SearchGroupsRequest(
            scope=scope(t), queries=queries(3), options=_options(), group_by="year", group_size=2
        ),
    ),
    "SearchService.Explain": Entry(
        "read",
        Names.TENANT,
        lambda t: search.ExplainRequest(scope=scope(t), queries=queries(3), options=_options()),
    ),
    "SearchService.Score": Entry(
        "read",
        Names.TENANT,
        lambda t: search.ScoreRequest(
            scope=scope(t), queries=queries(2), field="vector", ids=vectors.PointIds(numbers=[1, 2])
        ),
    ),
    "TenantService.CreateTenants": Entry(
        "admin",
        Names.COLLECTION,
        lambda t: tenants.CreateTenantsRequest(
            collection=t.collection, collection_uuid=t.uuid, names=["dan", "cleo"]
        ),
        changes=True,
        tenants=False,
    ),
    "TenantService.ListTenants": Entry(
        "admin",
        Names.COLLECTION,
        lambda t: tenants.ListTenantsRequest(collection=t.collection, collection_uuid=t.uuid, limit=10),
        tenants=False,
    ),
    "TenantService.DropTenants": Entry(
        "admin",
        Names.COLLECTION,
        lambda t: tenants.DropTenantsRequest(collection=t.collection, collection_uuid=t.uuid, names=["ada"]),
        changes=True,
        tenants=False,
    ),
    "TenantService.GetTenantStats": Entry(
        "read", Names.TENANT, lambda t: tenants.GetTenantStatsRequest(scope=scope(t))
    ),
    "TenantService.SetTenantQuota": Entry(
        "admin",
        Names.COLLECTION,
        lambda t: tenants.SetTenantQuotaRequest(
            collection=t.collection,
            collection_uuid=t.uuid,
            name="ben",
            quota=tenants.TenantQuota(points=1000),
        ),
        changes=True,
        tenants=False,
    ),
    "TenantService.GrantPoints": Entry(
        "admin",
        Names.COLLECTION,
        lambda t: tenants.GrantPointsRequest(
            collection=t.collection,
            collection_uuid=t.uuid,
            tenant="ada",
            ids=vectors.PointIds(numbers=[1]),
            to=["ben"],
        ),
        changes=True,
        tenants=False,
    ),
    "TenantService.RevokePoints": Entry(
        "admin",
        Names.COLLECTION,
        lambda t: tenants.RevokePointsRequest(
            collection=t.collection,
            collection_uuid=t.uuid,
            tenant="ben",
            ids=vectors.PointIds(numbers=[1]),
            to=["ada"],
        ),
        changes=True,
        tenants=False,
    ),
    "TenantService.ListGrants": Entry(
        "admin",
        Names.COLLECTION,
        lambda t: tenants.ListGrantsRequest(
            collection=t.collection, collection_uuid=t.uuid, name="ada", limit=10
        ),
        tenants=False,
    ),
}
ENTRIES = {f"vicinal.v1.{name}": entry for name, entry in _ENTRIES.items()}


def request(name: str, target: Target) -> Message:
    """Return the request of one RPC for a target."""
    return ENTRIES[name].make(target)


def elsewhere(target: Target, *, collection: str | None = None, tenant: str | None = None) -> Target:
    """Return a target with another collection or tenant and no uuid."""
    return replace(
        target, collection=collection or target.collection, tenant=tenant or target.tenant, uuid=""
    )
