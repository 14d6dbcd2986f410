"""A vector database engine: embedded in a process, served over gRPC, and measured.

    import vicinal
    db = vicinal.open("films.vicinal")

This module is the front door: it names what users need and loads each name when it is first used, so that
importing it costs a few milliseconds and loads no compiler. Folder ``x/`` of the source tree is the
package ``vicinal.x``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .engine.collection import Collection
    from .engine.collection_tenants import Tenants
    from .engine.database import Database
    from .engine.deadline import deadline
    from .engine.errors import (
        AlreadyExists,
        Closed,
        Conflict,
        Corruption,
        DeadlineExceeded,
        DiskFull,
        FailedPrecondition,
        FormatTooNew,
        InvalidArgument,
        LimitExceeded,
        LockedByAnotherProcess,
        MapFull,
        NotADatabase,
        NotFound,
        Overloaded,
        PermissionDenied,
        QuotaExceeded,
        ReadOnly,
        ResourceExhausted,
        Unauthenticated,
        Unavailable,
        UnindexedField,
        VicinalError,
    )
    from .engine.filters.expression import Filter
    from .engine.filters.field import F, at_least, has_id, has_vector
    from .engine.filters.notations.qdrant_json import filter_from_json, filter_to_json
    from .engine.filters.notations.strings import filter_from_string
    from .engine.input.candidates import Candidates
    from .engine.maintenance.merge_policy import MergePolicySettings
    from .engine.opening.opening import open
    from .engine.results.explanation import Explanation
    from .engine.results.facet import Facet
    from .engine.results.groups import BatchGroups, Group, Groups
    from .engine.results.hits import BatchHits, Hit, Hits
    from .engine.results.info import CollectionInfo, DatabaseInfo
    from .engine.results.point import Page, Point
    from .engine.results.written import Written
    from .engine.schema.bm25 import Bm25
    from .engine.schema.multi_field import Multi
    from .engine.schema.sparse_field import Sparse
    from .engine.schema.vector_field import Dense
    from .engine.tenants.grant import Grant
    from .engine.tenants.tenant_quota import TenantQuota, TenantStats
    from .indexes.cells.curator import Curator
    from .indexes.clustering.pooling import pool_spans, pool_tokens
    from .indexes.codecs.bits import Bits
    from .indexes.codecs.floats import BFloat16, Float8, Float16
    from .indexes.codecs.product import Product
    from .indexes.codecs.rabitq import RaBitQ
    from .indexes.codecs.recurrent import RecurrentBinary
    from .indexes.codecs.scalar import Scalar
    from .indexes.codecs.signs import Sign
    from .indexes.codecs.transformed import Transformed
    from .indexes.exact.flat import Flat
    from .indexes.factory import index_factory
    from .indexes.graph.hnsw import Hnsw
    from .indexes.ivf.auto import AutoDense
    from .indexes.ivf.ivf import Ivf, IvfFlat, IvfPq, IvfRabitq
    from .indexes.muvera.muvera import Muvera
    from .indexes.rows.element import Element
    from .indexes.rows.metric import Metric
    from .indexes.seismic.seismic import Seismic
    from .indexes.sparse.inverted import Inverted
    from .indexes.token_lists.token_lists import TokenLists
    from .indexes.transforms.pca import Pca
    from .indexes.transforms.rotation import Rotation
    from .indexes.transforms.truncation import Truncation
    from .server.client.async_connecting import aconnect
    from .server.client.async_remote_collection import AsyncRemoteCollection
    from .server.client.async_remote_database import AsyncRemoteDatabase
    from .server.client.async_remote_tenants import AsyncRemoteTenants
    from .server.client.connecting import connect
    from .server.client.endpoint.tls import Tls
    from .server.client.remote_collection import RemoteCollection
    from .server.client.remote_database import RemoteDatabase
    from .server.client.remote_tenants import RemoteTenants
    from .storage.columns.partial import PartialVectors

    __version__: str

_MODULES = {
    "engine.collection": ("Collection",),
    "engine.collection_tenants": ("Tenants",),
    "engine.database": ("Database",),
    "engine.deadline": ("deadline",),
    "engine.errors": (
        "AlreadyExists",
        "Closed",
        "Conflict",
        "Corruption",
        "DeadlineExceeded",
        "DiskFull",
        "FailedPrecondition",
        "FormatTooNew",
        "InvalidArgument",
        "LimitExceeded",
        "LockedByAnotherProcess",
        "MapFull",
        "NotADatabase",
        "NotFound",
        "Overloaded",
        "PermissionDenied",
        "QuotaExceeded",
        "ReadOnly",
        "ResourceExhausted",
        "Unauthenticated",
        "Unavailable",
        "UnindexedField",
        "VicinalError",
    ),
    "engine.input.candidates": ("Candidates",),
    "engine.opening.opening": ("open",),
    "engine.results.explanation": ("Explanation",),
    "engine.filters.expression": ("Filter",),
    "engine.filters.field": ("F", "at_least", "has_id", "has_vector"),
    "engine.filters.notations.qdrant_json": ("filter_from_json", "filter_to_json"),
    "engine.filters.notations.strings": ("filter_from_string",),
    "engine.results.facet": ("Facet",),
    "engine.results.groups": ("BatchGroups", "Group", "Groups"),
    "engine.results.hits": ("BatchHits", "Hit", "Hits"),
    "engine.results.info": ("CollectionInfo", "DatabaseInfo"),
    "engine.maintenance.merge_policy": ("MergePolicySettings",),
    "engine.results.point": ("Page", "Point"),
    "engine.results.written": ("Written",),
    "engine.schema.bm25": ("Bm25",),
    "engine.schema.sparse_field": ("Sparse",),
    "engine.schema.multi_field": ("Multi",),
    "engine.schema.vector_field": ("Dense",),
    "engine.tenants.grant": ("Grant",),
    "engine.tenants.tenant_quota": ("TenantQuota", "TenantStats"),
    "indexes.rows.element": ("Element",),
    "indexes.clustering.pooling": ("pool_spans", "pool_tokens"),
    "indexes.codecs.bits": ("Bits",),
    "indexes.codecs.product": ("Product",),
    "indexes.codecs.rabitq": ("RaBitQ",),
    "indexes.codecs.floats": ("Float16", "BFloat16", "Float8"),
    "indexes.codecs.recurrent": ("RecurrentBinary",),
    "indexes.codecs.scalar": ("Scalar",),
    "indexes.codecs.signs": ("Sign",),
    "indexes.codecs.transformed": ("Transformed",),
    "indexes.transforms.rotation": ("Rotation",),
    "indexes.transforms.pca": ("Pca",),
    "indexes.transforms.truncation": ("Truncation",),
    "indexes.cells.curator": ("Curator",),
    "indexes.exact.flat": ("Flat",),
    "indexes.graph.hnsw": ("Hnsw",),
    "indexes.ivf.auto": ("AutoDense",),
    "indexes.factory": ("index_factory",),
    "indexes.ivf.ivf": ("Ivf", "IvfFlat", "IvfPq", "IvfRabitq"),
    "indexes.sparse.inverted": ("Inverted",),
    "indexes.seismic.seismic": ("Seismic",),
    "indexes.token_lists.token_lists": ("TokenLists",),
    "indexes.muvera.muvera": ("Muvera",),
    "indexes.rows.metric": ("Metric",),
    "server.client.async_remote_collection": ("AsyncRemoteCollection",),
    "server.client.async_remote_database": ("AsyncRemoteDatabase",),
    "server.client.async_remote_tenants": ("AsyncRemoteTenants",),
    "server.client.async_connecting": ("aconnect",),
    "server.client.connecting": ("connect",),
    "server.client.remote_collection": ("RemoteCollection",),
    "server.client.remote_database": ("RemoteDatabase",),
    "server.client.remote_tenants": ("RemoteTenants",),
    "server.client.endpoint.tls": ("Tls",),
    "storage.columns.partial": ("PartialVectors",),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [  # noqa: RUF022  # in the order a newcomer meets them
    "open",
    "Database",
    "Collection",
    "Dense",
    "Sparse",
    "Multi",
    "Muvera",
    "PartialVectors",
    "Metric",
    "Element",
    "Hnsw",
    "Curator",
    "AutoDense",
    "Ivf",
    "IvfFlat",
    "IvfPq",
    "IvfRabitq",
    "index_factory",
    "pool_tokens",
    "pool_spans",
    "Inverted",
    "Seismic",
    "TokenLists",
    "Candidates",
    "Bm25",
    "Flat",
    "Scalar",
    "RaBitQ",
    "Bits",
    "Float16",
    "BFloat16",
    "Float8",
    "Sign",
    "RecurrentBinary",
    "Transformed",
    "Rotation",
    "Pca",
    "Truncation",
    "F",
    "Filter",
    "at_least",
    "has_id",
    "has_vector",
    "filter_from_json",
    "filter_from_string",
    "filter_to_json",
    "Hit",
    "Hits",
    "BatchHits",
    "Point",
    "Product",
    "Written",
    "Page",
    "Explanation",
    "Facet",
    "Group",
    "Groups",
    "BatchGroups",
    "DatabaseInfo",
    "CollectionInfo",
    "Tenants",
    "TenantQuota",
    "TenantStats",
    "Grant",
    "MergePolicySettings",
    "deadline",
    "connect",
    "aconnect",
    "Tls",
    "RemoteDatabase",
    "RemoteCollection",
    "AsyncRemoteDatabase",
    "AsyncRemoteCollection",
    "RemoteTenants",
    "AsyncRemoteTenants",
    "VicinalError",
    "InvalidArgument",
    "NotFound",
    "Conflict",
    "AlreadyExists",
    "LockedByAnotherProcess",
    "Corruption",
    "Unavailable",
    "DeadlineExceeded",
    "ResourceExhausted",
    "DiskFull",
    "MapFull",
    "LimitExceeded",
    "Overloaded",
    "QuotaExceeded",
    "FailedPrecondition",
    "Closed",
    "ReadOnly",
    "UnindexedField",
    "FormatTooNew",
    "NotADatabase",
    "Unauthenticated",
    "PermissionDenied",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module(".engine.release", __name__).release()
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
