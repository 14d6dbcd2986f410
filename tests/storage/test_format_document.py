"""The examples of docs/format.md are what the code writes, and its tables what the code knows."""

import datetime
import re
from pathlib import Path

import msgspec
import numpy as np
import pytest

from vicinal.server.service.access.api_key import ApiKey, digest_of
from vicinal.storage.arrays import header as array_header
from vicinal.storage.arrays.header import DTYPES
from vicinal.storage.catalog import keys
from vicinal.storage.catalog.catalog import FORMAT_VERSION, Catalog
from vicinal.storage.catalog.keys import KeyKind
from vicinal.storage.catalog.records import (
    CollectionRecord,
    Meta,
    QuotaRecord,
    SegmentRecord,
    StateRecord,
    VocabularyRecord,
)
from vicinal.storage.catalog.vocabulary import StoredVocabulary
from vicinal.storage.columns.batch import Batch
from vicinal.storage.columns.ids import IdColumn
from vicinal.storage.columns.payloads import PayloadColumn
from vicinal.storage.columns.vectors import DenseColumn
from vicinal.storage.memory.store import MemoryStore
from vicinal.storage.segments import keys as segment_keys

DOCUMENT = (Path(__file__).parents[2] / "docs" / "format.md").read_text()
API_KEY_ID = "0123456789ab"
ARRAY_KEY = segment_keys.array("vector.plot.rows")


def state_value() -> bytes:
    catalog = Catalog(MemoryStore())
    with catalog.write() as txn:
        catalog.put_state(txn, 3, StateRecord(next_seq=105, generation=2))
        value = txn.get(keys.state(3))
    assert value is not None
    return value


def api_key_value() -> bytes:
    key = ApiKey(
        name="web",
        sha256=digest_of("A" * 43),
        tenants=None,
        collections=("films",),
        rights="read",
        created=datetime.datetime(2026, 5, 4, 9, 12, 44, tzinfo=datetime.UTC),
    )
    catalog = Catalog(MemoryStore())
    with catalog.write() as txn:
        catalog.put_api_key(txn, API_KEY_ID, key.to_record())
        value = txn.get(keys.api_key(API_KEY_ID))
    assert value is not None
    return value


def token_pairs() -> list[tuple[str, bytes]]:
    store = MemoryStore()
    with store.write() as txn:
        StoredVocabulary(3, "0" * 32, "words", 0, store.path).add(txn, ["red"])
        (token,) = txn.scan(*keys.every(KeyKind.TOKEN))
        (text,) = txn.scan(*keys.every(KeyKind.TOKEN_TEXTS))
    named = ("token-key", "token-value", "token-texts-key", "token-texts-value")
    return list(zip(named, (*token, *text), strict=True))


def array_value() -> bytes:
    array = np.array([[1, 2, 3]], dtype=np.float32)
    return array_header.encode(ARRAY_KEY, array) + array.tobytes()


def batch() -> bytes:
    return Batch(
        ids=IdColumn.from_values([7]),
        payloads=PayloadColumn.from_rows([{"year": 1999}], 1),
        vectors={"plot": DenseColumn(np.array([[1, -2]], dtype=np.float32))},
    ).encode()


@pytest.mark.parametrize(
    ("example", "written"),
    [
        ("state-key", keys.state(3)),
        ("state-value", state_value()),
        ("api-key-key", keys.api_key(API_KEY_ID)),
        ("api-key-value", api_key_value()),
        ("grant-key", keys.grant(3, 2, 7)),
        ("array-key", ARRAY_KEY),
        ("array-value", array_value()),
        ("batch", batch()),
        *token_pairs(),
    ],
)
def test_the_hex_is_what_the_code_writes(example: str, written: bytes) -> None:
    (block,) = re.findall(rf"^```hex {example}\n(.*?)```", DOCUMENT, re.DOTALL | re.MULTILINE)
    assert bytes.fromhex(block) == written


def test_the_batch_of_the_example_reads_back() -> None:
    again = Batch.decode(batch())
    assert again.ids.to_list() == [7]
    assert again.payloads.get(0) == {"year": 1999}


def test_every_kind_of_key_and_every_member_is_in_the_table() -> None:
    rows = re.findall(r"^\| (\d+) ([\w ]+) \|([^|]*)\|([^|]*)\|$", DOCUMENT, re.MULTILINE)
    kinds = {KeyKind(int(number)): members for number, _, _, members in rows}
    assert sorted(kinds) == sorted(KeyKind)
    for kind, record in {
        KeyKind.META: Meta,
        KeyKind.COLLECTION: CollectionRecord,
        KeyKind.MANIFEST: SegmentRecord,
        KeyKind.STATE: StateRecord,
        KeyKind.VOCABULARY: VocabularyRecord,
        KeyKind.TENANT_QUOTA: QuotaRecord,
    }.items():
        members = [field.name for field in msgspec.structs.fields(record)]
        assert re.findall(r"`(\w+)`", kinds[kind]) == members


def test_the_numbers_are_those_of_the_code() -> None:
    assert DOCUMENT.startswith(f"# Format {FORMAT_VERSION}\n")
    codes = re.findall(r"(\d+) (\w+)", DOCUMENT[DOCUMENT.index("Dtype codes:") :].split(".")[0])
    assert {int(code): np.dtype(name) for code, name in codes} == DTYPES
