"""Tokens of a catalog are compared with their checksums before anybody looks one up."""

from __future__ import annotations

from pathlib import Path

import pytest

import vicinal
from vicinal import Sparse
from vicinal.storage.verify.folder_check import check_folder

TOKENS = [f"{'t' * (number % 40)}{number}" for number in range(200)]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    with vicinal.open(tmp_path / "db") as db:
        points = db.create_collection("points", Sparse(tokens=True))
        points.upsert(range(200), [{token: 1.0} for token in TOKENS])
    return tmp_path / "db"


@pytest.mark.parametrize("bit", [0, 3])
def test_a_token_that_became_another_is_refused_by_name(database: Path, bit: int) -> None:
    path = database / "catalog" / "data.mdb"
    data = bytearray(path.read_bytes())
    # In its key, which begins with a 13, and not in the block of texts; pages that are free have it too.
    keys = [at for at in find_all(data, TOKENS[199].encode()) if data[at - 13] == 13]
    assert keys
    for at in keys:
        data[at + len(TOKENS[199]) - 1] ^= 1 << bit
    path.write_bytes(data)
    with pytest.raises(vicinal.Corruption):
        vicinal.open(database)
    assert check_folder(database)


def find_all(data: bytearray, token: bytes) -> list[int]:
    found, at = [], data.find(token)
    while at >= 0:
        found.append(at)
        at = data.find(token, at + 1)
    return found


def test_what_is_sound_is_opened(database: Path) -> None:
    assert check_folder(database) == []
    with vicinal.open(database, read_only=True) as db:
        assert len(db.collection("points").search({TOKENS[7]: 1.0}, k=1)) == 1
