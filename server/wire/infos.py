"""Sizes and states as messages."""

from __future__ import annotations

from ...engine.results.info import Activity, AuditedRecall, CollectionInfo, DatabaseInfo, SegmentInfo
from ...proto.v1 import collections_pb2, database_pb2
from ...storage.catalog.key_value_store import StoreUse
from .searching.options import put_budgets, read_budgets


def put_collection_info(message: collections_pb2.CollectionInfo, info: CollectionInfo) -> None:
    """Fill ``message`` with the sizes of a collection."""
    message.name = info.name
    message.points = info.points
    message.tenants = info.tenants
    for segment in info.segments:
        message.segments.add(
            uuid=segment.uuid,
            rows=segment.rows,
            dead=segment.dead,
            bytes_disk=segment.bytes_disk,
            bytes_memory=segment.bytes_memory,
            indexed=segment.indexed,
        )
    put_activity(message.activity, info.activity)
    message.filling.extend(info.filling)
    put_audited(message, info)


def put_audited(message: collections_pb2.CollectionInfo, info: CollectionInfo) -> None:
    """Add to ``message`` what audits showed of a collection."""
    for audited in info.audited:
        added = message.audited.add(
            field=audited.field,
            k=audited.k,
            filtered=audited.filtered,
            tries=audited.tries,
            promised=audited.promised,
            found=audited.found,
            worst=audited.worst,
            raised=audited.raised,
        )
        if audited.tokens is not None:
            added.tokens.SetInParent()
            put_budgets(added.tokens, audited.tokens)


def read_collection_info(message: collections_pb2.CollectionInfo) -> CollectionInfo:
    """Return the sizes of a collection."""
    segments = tuple(
        SegmentInfo(
            uuid=segment.uuid,
            rows=segment.rows,
            dead=segment.dead,
            bytes_disk=segment.bytes_disk,
            bytes_memory=segment.bytes_memory,
            indexed=tuple(segment.indexed),
        )
        for segment in message.segments
    )
    activity, filling = read_activity(message.activity), tuple(message.filling)
    audited = tuple(map(_read_audited, message.audited))
    return CollectionInfo(message.name, message.points, segments, message.tenants, activity, filling, audited)


def _read_audited(message: collections_pb2.AuditedRecall) -> AuditedRecall:
    return AuditedRecall(
        field=message.field,
        k=message.k,
        filtered=message.filtered,
        tokens=read_budgets(message.tokens) if message.HasField("tokens") else None,
        tries=message.tries,
        promised=message.promised,
        found=message.found,
        worst=message.worst,
        raised=message.raised,
    )


def put_database_info(message: database_pb2.GetDatabaseInfoResponse, info: DatabaseInfo) -> None:
    """Fill ``message`` with the sizes of a database; where it is stays with the server."""
    message.format = info.format
    message.bytes_catalog = info.bytes_catalog
    use = info.catalog_use
    if use is not None:
        message.catalog_use.used_bytes = use.used_bytes
        message.catalog_use.commits_behind = use.commits_behind
        if use.reader is not None:
            message.catalog_use.reader = use.reader
    for collection in info.collections:
        put_collection_info(message.collections.add(), collection)


def read_database_info(message: database_pb2.GetDatabaseInfoResponse, path: str) -> DatabaseInfo:
    """Return the sizes of a database; ``path`` says where it was reached."""
    collections = tuple(map(read_collection_info, message.collections))
    use = _read_use(message.catalog_use) if message.HasField("catalog_use") else None
    return DatabaseInfo(path, message.format, collections, message.bytes_catalog, use)


def _read_use(message: database_pb2.CatalogUse) -> StoreUse:
    reader = message.reader if message.HasField("reader") else None
    return StoreUse(message.used_bytes, message.commits_behind, reader)


def put_activity(message: collections_pb2.Activity, activity: Activity) -> None:
    """Fill ``message`` with what background work does."""
    message.stage = activity.stage
    message.fraction = activity.fraction
    message.last_error = activity.last_error
    message.retry_seconds = activity.retry_seconds


def read_activity(message: collections_pb2.Activity) -> Activity:
    """Return what background work does."""
    return Activity(message.stage, message.fraction, message.last_error, message.retry_seconds)
