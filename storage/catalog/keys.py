"""Every key of the catalog.

=====================  ======================================================  =========================
kind (first byte)      rest of the key                                         value
=====================  ======================================================  =========================
1 meta                                                                         `Meta`
2 collection           collection u32                                          `CollectionRecord`
3 tenant               collection u32, name                                    tenant number u32
4 log                  collection u32, first sequence number u64               a batch of points
5 tombstones           collection u32, sequence number u64, part u16           part of a 64-bit bitmap
6 manifest             collection u32, segment uuid (16 bytes)                 `SegmentRecord`
7 state                collection u32                                          `StateRecord`
8 calibration          collection u32, segment uuid (16 bytes), field          bytes of the engine
9 calibration queries  collection u32, field                                   bytes of the engine
10 api key             id                                                      a JSON object
11 alias               name                                                    collection number u32
12 vocabulary          collection u32, vocabulary u64                          `VocabularyRecord`
13 token               collection u32, vocabulary u64, token                   the token's id u32
14 token texts         collection u32, vocabulary u64, block u32               the tokens of 64 ids
15 query weights       collection u32, vocabulary u64                          an array table
16 tenant quota        collection u32, name                                    `QuotaRecord`
17 grant               collection u32, grantee's number u32, point id          owner's number u32
=====================  ======================================================  =========================

Numbers are big endian, so that the order of keys is the order of numbers. Text is UTF-8, 1 to 255 bytes,
always last, so no key needs a separator or can be mistaken for another. The longest has 276 of LMDB's 511.
"""

import struct
from enum import IntEnum
from uuid import UUID

from .key_parts import (
    MAX_PART,
    MAX_U32,
    MAX_U64,
    KeyRange,
    bounded,
    point_id_bytes,
    point_id_of,
    sequence_number,
    starting_with,
    text_bytes,
    uuid_bytes,
)

_COLLECTION = struct.Struct(">BI")
_LOG = struct.Struct(">BIQ")
_TOMBSTONES = struct.Struct(">BIQH")
_VOCABULARY = struct.Struct(">BIQ")
_TOKEN_TEXTS = struct.Struct(">BIQI")
_GRANT = struct.Struct(">BII")


class KeyKind(IntEnum):
    """The first byte of a key."""

    META = 1
    COLLECTION = 2
    TENANT = 3
    LOG = 4
    TOMBSTONES = 5
    MANIFEST = 6
    STATE = 7
    CALIBRATION = 8
    CALIBRATION_QUERIES = 9
    API_KEY = 10
    ALIAS = 11
    VOCABULARY = 12
    TOKEN = 13
    TOKEN_TEXTS = 14
    QUERY_WEIGHTS = 15
    TENANT_QUOTA = 16
    GRANT = 17


def meta() -> bytes:
    """Return the key of the one `Meta` record."""
    return bytes([KeyKind.META])


def collection(number: int) -> bytes:
    """Return the key of a collection's record."""
    return _prefix(KeyKind.COLLECTION, number)


def tenant(number: int, name: str) -> bytes:
    """Return the key of a tenant's number."""
    return _prefix(KeyKind.TENANT, number) + text_bytes(name, "a tenant name")


def tenant_quota(number: int, name: str) -> bytes:
    """Return the key of what a tenant may have."""
    return _prefix(KeyKind.TENANT_QUOTA, number) + text_bytes(name, "a tenant name")


def log(number: int, first_seq: int) -> bytes:
    """Return the key of the batch whose first point has sequence number `first_seq`."""
    return _LOG.pack(KeyKind.LOG, bounded(number, MAX_U32, "a collection number"), sequence_number(first_seq))


def tombstones(number: int, seq: int, part: int = 0) -> bytes:
    """Return the key of one part of the tombstones written at sequence number `seq`."""
    number, part = (
        bounded(number, MAX_U32, "a collection number"),
        bounded(part, MAX_PART, "a part number"),
    )
    return _TOMBSTONES.pack(KeyKind.TOMBSTONES, number, sequence_number(seq), part)


def manifest(number: int, segment: str) -> bytes:
    """Return the key of a live segment's record."""
    return _prefix(KeyKind.MANIFEST, number) + uuid_bytes(segment)


def state(number: int) -> bytes:
    """Return the key of a collection's counters."""
    return _prefix(KeyKind.STATE, number)


def calibration(number: int, segment: str, field: str) -> bytes:
    """Return the key of one field's calibration in one segment."""
    return _prefix(KeyKind.CALIBRATION, number) + uuid_bytes(segment) + text_bytes(field, "a field name")


def calibration_queries(number: int, field: str) -> bytes:
    """Return the key of the queries one field is calibrated with."""
    return _prefix(KeyKind.CALIBRATION_QUERIES, number) + text_bytes(field, "a field name")


def api_key(identifier: str) -> bytes:
    """Return the key of an API key's record."""
    return bytes([KeyKind.API_KEY]) + text_bytes(identifier, "an API key's id")


def alias(name: str) -> bytes:
    """Return the key of an alias."""
    return bytes([KeyKind.ALIAS]) + text_bytes(name, "an alias")


def vocabulary(number: int, vocabulary: int) -> bytes:
    """Return the key of the record of a vocabulary."""
    return _of_vocabulary(KeyKind.VOCABULARY, number, vocabulary)


def token(number: int, vocabulary: int, text: str) -> bytes:
    """Return the key of a token's id."""
    return _of_vocabulary(KeyKind.TOKEN, number, vocabulary) + text_bytes(text, "a token")


def token_texts(number: int, vocabulary: int, block: int) -> bytes:
    """Return the key of the tokens of a block of ids."""
    block = bounded(block, MAX_U32, "a block of ids")
    return _of_vocabulary(KeyKind.TOKEN_TEXTS, number, vocabulary) + block.to_bytes(4, "big")


def query_weights(number: int, vocabulary: int) -> bytes:
    """Return the key of the weights that queries of a field do not say."""
    return _of_vocabulary(KeyKind.QUERY_WEIGHTS, number, vocabulary)


def grant(number: int, grantee: int, point_id: int | str) -> bytes:
    """Return the key of the owner of a point that a tenant may read."""
    return _of_grantee(number, grantee) + point_id_bytes(point_id)


def every(kind: KeyKind) -> KeyRange:
    """Return the range of all keys of one kind."""
    return starting_with(bytes([kind]))


def every_of_collection(kind: KeyKind, number: int) -> KeyRange:
    """Return the range of one collection's keys of one kind."""
    return starting_with(_prefix(kind, number))


def every_calibration(number: int, segment: str) -> KeyRange:
    """Return the range of the calibrations of one segment."""
    return starting_with(_prefix(KeyKind.CALIBRATION, number) + uuid_bytes(segment))


def every_of_vocabulary(kind: KeyKind, number: int, vocabulary: int) -> KeyRange:
    """Return the range of one vocabulary's keys of one kind."""
    return starting_with(_of_vocabulary(kind, number, vocabulary))


def tenants_after(number: int, prefix: str, after: str | None) -> KeyRange:
    """Return the range of the tenants whose names begin with `prefix`, behind the name `after`."""
    first, end = starting_with(_prefix(KeyKind.TENANT, number) + prefix.encode())
    return (first if after is None else max(first, tenant(number, after) + b"\0")), end


def grants_after(number: int, grantee: int, after: int | str | None) -> KeyRange:
    """Return the range of what a tenant was granted, behind a point id."""
    first, end = starting_with(_of_grantee(number, grantee))
    return (first if after is None else grant(number, grantee, after) + b"\0"), end


def log_from(number: int, seq: int) -> KeyRange:
    """Return the range of the batches whose first sequence number is at least `seq`."""
    return log(number, seq), every_of_collection(KeyKind.LOG, number)[1]


def log_below(number: int, seq: int) -> KeyRange:
    """Return the range of the batches whose first sequence number is below `seq`."""
    return log(number, 0), log(number, seq)


def tombstones_at(number: int, seq: int) -> KeyRange:
    """Return the range of the parts of the tombstones written at `seq`."""
    return starting_with(tombstones(number, seq)[:-2])


def tombstones_from(number: int, seq: int) -> KeyRange:
    """Return the range of the tombstones written at `seq` or later."""
    return tombstones(number, seq), every_of_collection(KeyKind.TOMBSTONES, number)[1]


def kind(key: bytes) -> KeyKind:
    """Return the kind of a key; ValueError when its first byte is none."""
    return KeyKind(key[0]) if key else KeyKind(0)


def parse_collection(key: bytes) -> int:
    """Return the collection number in a key of any kind but meta, API key and alias."""
    number: int
    _, number = _COLLECTION.unpack_from(key)
    return number


def parse_tenant(key: bytes) -> tuple[int, str]:
    """Return the collection number and the tenant's name, of either key that has one."""
    return parse_collection(key), key[_COLLECTION.size :].decode()


def parse_log(key: bytes) -> tuple[int, int]:
    """Return the collection number and the first sequence number."""
    _, number, seq = _LOG.unpack(key)
    return number, seq


def parse_tombstones(key: bytes) -> tuple[int, int, int]:
    """Return the collection number, the sequence number and the part."""
    _, number, seq, part = _TOMBSTONES.unpack(key)
    return number, seq, part


def parse_manifest(key: bytes) -> tuple[int, str]:
    """Return the collection number and the segment's uuid."""
    return parse_collection(key), str(UUID(bytes=key[_COLLECTION.size :]))


def parse_calibration(key: bytes) -> tuple[int, str, str]:
    """Return the collection number, the segment's uuid and the field."""
    after = _COLLECTION.size + 16
    return parse_collection(key), str(UUID(bytes=key[_COLLECTION.size : after])), key[after:].decode()


def parse_calibration_queries(key: bytes) -> tuple[int, str]:
    """Return the collection number and the field."""
    return parse_tenant(key)


def parse_api_key(key: bytes) -> str:
    """Return the id of an API key."""
    return key[1:].decode()


def parse_alias(key: bytes) -> str:
    """Return the name of an alias."""
    return key[1:].decode()


def parse_vocabulary(key: bytes) -> tuple[int, int]:
    """Return the collection number and the vocabulary, of any key that has one."""
    _, number, vocabulary = _VOCABULARY.unpack_from(key)
    return number, vocabulary


def parse_token(key: bytes) -> tuple[int, int, str]:
    """Return the collection number, the vocabulary and the token."""
    return *parse_vocabulary(key), key[_VOCABULARY.size :].decode()


def parse_token_texts(key: bytes) -> tuple[int, int, int]:
    """Return the collection number, the vocabulary and the block of ids."""
    _, number, vocabulary, block = _TOKEN_TEXTS.unpack(key)
    return number, vocabulary, block


def parse_grant(key: bytes) -> tuple[int, int, int | str]:
    """Return the collection number, the grantee's number and the point id."""
    _, number, grantee = _GRANT.unpack_from(key)
    return number, grantee, point_id_of(key[_GRANT.size :])


def well_formed(key: bytes) -> bool:
    """Return whether `key` is exactly what one of the constructors of this module makes."""
    try:
        return _rebuilt(key) == key
    except (ValueError, struct.error):
        return False


def _rebuilt(key: bytes) -> bytes:
    match kind(key):
        case KeyKind.META:
            return meta()
        case KeyKind.COLLECTION:
            return collection(parse_collection(key))
        case KeyKind.TENANT:
            return tenant(*parse_tenant(key))
        case KeyKind.LOG:
            return log(*parse_log(key))
        case KeyKind.TOMBSTONES:
            return tombstones(*parse_tombstones(key))
        case KeyKind.MANIFEST:
            return manifest(*parse_manifest(key))
        case KeyKind.STATE:
            return state(parse_collection(key))
        case KeyKind.CALIBRATION:
            return calibration(*parse_calibration(key))
        case KeyKind.CALIBRATION_QUERIES:
            return calibration_queries(*parse_calibration_queries(key))
        case KeyKind.API_KEY:
            return api_key(parse_api_key(key))
        case KeyKind.ALIAS:
            return alias(parse_alias(key))
        case KeyKind.VOCABULARY:
            return vocabulary(*parse_vocabulary(key))
        case KeyKind.TOKEN:
            return token(*parse_token(key))
        case KeyKind.TOKEN_TEXTS:
            return token_texts(*parse_token_texts(key))
        case KeyKind.QUERY_WEIGHTS:
            return query_weights(*parse_vocabulary(key))
        case KeyKind.TENANT_QUOTA:
            return tenant_quota(*parse_tenant(key))
        case KeyKind.GRANT:
            return grant(*parse_grant(key))


def _prefix(kind: KeyKind, number: int) -> bytes:
    return _COLLECTION.pack(kind, bounded(number, MAX_U32, "a collection number"))


def _of_grantee(number: int, grantee: int) -> bytes:
    number = bounded(number, MAX_U32, "a collection number")
    return _GRANT.pack(KeyKind.GRANT, number, bounded(grantee, MAX_U32, "a tenant number"))


def _of_vocabulary(kind: KeyKind, number: int, vocabulary: int) -> bytes:
    number = bounded(number, MAX_U32, "a collection number")
    return _VOCABULARY.pack(kind, number, bounded(vocabulary, MAX_U64, "a vocabulary"))
