"""The RPCs of CollectionService."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from google.protobuf.message import Message

from ....engine.collection import Collection, columnar
from ....engine.errors import InvalidArgument, NotFound
from ....engine.results.info import Activity, CollectionInfo
from ....engine.schema.collection_schema import AUTO
from ....engine.schema.declared import DeclaredFields
from ....proto.v1 import collections_pb2 as pb
from ...wire.infos import put_collection_info
from ...wire.schemas import put_schema, read_payload_field, read_schema, read_vector_field
from ...wire.vectors import read_vectors
from ..calls.call import Call
from ..calls.long_work import LongWork


def create_collection(call: Call, request: pb.CreateCollectionRequest) -> pb.CreateCollectionResponse:
    """Create a collection."""
    call.principal.require_creation(request.name)
    schema = read_schema(request.schema)
    if schema.auto and schema.fields:
        raise InvalidArgument(
            f"fields has {len(schema.fields)} and auto_fields is set; send one of them",
            field="fields",
        )
    fields: DeclaredFields = {name: kind.value for name, kind in schema.fields.items()}
    created = call.database.create_collection(
        request.name,
        schema.vectors,
        fields=AUTO if schema.auto else fields,
        partitioned=schema.partitioned,
        strict=schema.strict,
    )
    return pb.CreateCollectionResponse(uuid=created.uuid)


def get_collection(call: Call, request: pb.GetCollectionRequest) -> pb.GetCollectionResponse:
    """Return a collection's schema."""
    collection = call.collection(request.name, request.collection_uuid)
    response = pb.GetCollectionResponse(uuid=collection.uuid, name=collection.name)
    put_schema(response.schema, collection.schema)
    return response


def list_collections(call: Call, request: pb.ListCollectionsRequest) -> pb.ListCollectionsResponse:
    """Return the names of the collections that the caller sees."""
    return pb.ListCollectionsResponse(names=sorted(call.visible()))


def delete_collection(call: Call, request: pb.DeleteCollectionRequest) -> pb.DeleteCollectionResponse:
    """Delete a collection."""
    call.principal.require_creation(request.name)
    call.collection(request.name)
    try:
        call.database.drop_collection(request.name)
    except (NotFound, KeyError):
        # Somebody else deleted it at the same time.
        raise call.principal.no_collection(request.name, call.visible()) from None
    return pb.DeleteCollectionResponse()


def rename_collection(call: Call, request: pb.RenameCollectionRequest) -> pb.RenameCollectionResponse:
    """Give a collection another name."""
    call.principal.require_every_collection()
    call.database.rename_collection(request.name, request.new_name)
    return pb.RenameCollectionResponse()


def set_aliases(call: Call, request: pb.SetAliasesRequest) -> pb.SetAliasesResponse:
    """Give aliases to collections, or drop them."""
    call.principal.require_every_collection()
    changes = {
        change.alias: change.collection if change.HasField("collection") else None
        for change in request.changes
    }
    if len(changes) < len(request.changes):
        raise InvalidArgument(
            f"{len(request.changes)} changes name {len(changes)} aliases; name each one once", field="changes"
        )
    call.database.set_aliases(changes)
    return pb.SetAliasesResponse()


def list_aliases(call: Call, request: pb.ListAliasesRequest) -> pb.ListAliasesResponse:
    """Return the aliases of the collections that the caller sees."""
    visible = call.visible()
    return pb.ListAliasesResponse(
        aliases=[
            pb.Alias(alias=alias, collection=name)
            for alias, name in call.database.aliases().items()
            if name in visible
        ]
    )


def add_field(call: Call, request: pb.AddFieldRequest) -> pb.AddFieldResponse:
    """Index a payload field."""
    collection = call.collection(request.collection, request.collection_uuid)
    collection.add_field(*read_payload_field(request.field))
    response = pb.AddFieldResponse()
    put_schema(response.schema, collection.schema)
    return response


def drop_field(call: Call, request: pb.DropFieldRequest) -> pb.DropFieldResponse:
    """Index a payload field no longer."""
    collection = call.collection(request.collection, request.collection_uuid)
    collection.drop_field(request.path)
    response = pb.DropFieldResponse()
    put_schema(response.schema, collection.schema)
    return response


def add_vector_field(call: Call, request: pb.AddVectorFieldRequest) -> pb.AddVectorFieldResponse:
    """Add a vector field."""
    collection = call.collection(request.collection, request.collection_uuid)
    collection.add_vector_field(*read_vector_field(request.field))
    response = pb.AddVectorFieldResponse()
    put_schema(response.schema, collection.schema)
    return response


def drop_vector_field(call: Call, request: pb.DropVectorFieldRequest) -> pb.DropVectorFieldResponse:
    """Drop a vector field."""
    collection = call.collection(request.collection, request.collection_uuid)
    collection.drop_vector_field(request.name)
    response = pb.DropVectorFieldResponse()
    put_schema(response.schema, collection.schema)
    return response


def get_collection_info(call: Call, request: pb.GetCollectionInfoRequest) -> pb.GetCollectionInfoResponse:
    """Return sizes and states of a collection."""
    collection = call.collection(request.collection, request.collection_uuid)
    response = pb.GetCollectionInfoResponse()
    put_collection_info(response.info, visible_info(call, collection))
    return response


def flush_collection(call: Call, request: pb.FlushCollectionRequest) -> LongWork:
    """Seal the growing rows."""
    collection = call.collection(request.collection, request.collection_uuid)
    return LongWork(collection.flush, _report(pb.FlushCollectionResponse))


def merge_collection(call: Call, request: pb.MergeCollectionRequest) -> LongWork:
    """Bring everything into one segment."""
    collection = call.collection(request.collection, request.collection_uuid)
    return LongWork(collection.merge, _report(pb.MergeCollectionResponse))


def wait_indexed(call: Call, request: pb.WaitIndexedRequest) -> LongWork:
    """Do at once what background work would do."""
    collection = call.collection(request.collection, request.collection_uuid)
    seconds = request.timeout_seconds if request.HasField("timeout_seconds") else None
    return LongWork(
        lambda progress: collection.wait_indexed(seconds, progress), _report(pb.WaitIndexedResponse)
    )


def calibrate_collection(call: Call, request: pb.CalibrateCollectionRequest) -> LongWork:
    """Measure effort against recall on real queries."""
    collection = call.collection(request.collection, request.collection_uuid)
    field = request.field or None
    queries = read_vectors(request.queries, "queries")
    return LongWork(
        lambda progress: collection.calibrate(queries, field=field, progress=progress),
        _report(pb.CalibrateCollectionResponse),
        lambda segments: pb.CalibrateCollectionResponse(segments=segments),
    )


def visible_info(call: Call, collection: Collection) -> CollectionInfo:
    """Return the sizes of a collection as the caller may know them: how many points its tenants see."""
    tenants = call.principal.tenants
    if tenants is None:
        return collection.info()
    points, seeing = columnar(collection).count_seen(tenants)
    return CollectionInfo(collection.name, points, (), seeing, Activity())


def _report(response: Callable[..., Message]) -> Callable[[str, float], Any]:
    return lambda stage, fraction: response(progress=pb.Progress(stage=stage, fraction=fraction))
