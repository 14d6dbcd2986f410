"""The JSON records of the catalog. A member that is unknown, or missing and without a default, is damage."""

from typing import Any

import msgspec


class Meta(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole database: `format` decides who may open it, `engine` is the release that created it."""

    format: int
    uuid: str
    created: str
    engine: str


class CollectionRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A collection; `schema` is the engine's business."""

    number: int
    name: str
    uuid: str
    schema: dict[str, Any]
    created: str


class SegmentRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A live segment: how many rows, of which sequence numbers, which vector fields have an index in it."""

    uuid: str
    rows: int
    first_seq: int
    last_seq: int
    bytes: int
    indexed: list[str]
    created: str


class StateRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A collection's counters.

    `next_seq` is the sequence number of the next point. `generation` changes when the manifest or the
    tombstones were rewritten, so a follower knows that appending what is new is not enough. `last_tenant` is
    the highest number that a tenant was given; `tenant_changes` and `grant_changes` count changes of names
    and quotas, and of grants, that are in no batch. Each of the three is left out where it is 0.
    """

    next_seq: int
    generation: int
    last_tenant: int = 0
    tenant_changes: int = 0
    grant_changes: int = 0


class QuotaRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a tenant may have: points, bytes of payloads and vectors, calls a second; null for no limit."""

    points: int | None
    bytes: int | None
    requests_per_second: float | None


class VocabularyRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The tokens of a vector field: `next` is the id of the next new one, and how many there are."""

    field: str
    next: int
