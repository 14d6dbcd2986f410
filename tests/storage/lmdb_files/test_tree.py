"""Reading the pages of LMDB files without LMDB, compared with what LMDB says: key by key, and all at once."""

from __future__ import annotations

import os
import random
from pathlib import Path

import lmdb
import numpy as np
import pytest

from vicinal.storage.errors import CorruptionError
from vicinal.storage.lmdb_files.meta import read_meta
from vicinal.storage.lmdb_files.structure import LmdbStructure
from vicinal.storage.lmdb_files.tree import LmdbTree

# The long form: VICINAL_FUZZ=2000 pytest tests/storage/lmdb_files/test_tree.py
STATES = int(os.environ.get("VICINAL_FUZZ", "8"))
NUMBERS = [number.to_bytes(4, "big") for number in range(2000)]


def tree(path: Path) -> LmdbTree:
    return LmdbTree(np.frombuffer(path.read_bytes(), np.uint8), read_meta(path).newest, str(path))


def checked_pairs(path: Path) -> dict[bytes, bytes]:
    """Check both states of a file and return the pairs of the newest."""
    content = path.read_bytes()
    meta = read_meta(path)
    memory = np.frombuffer(content, np.uint8)
    for page in meta.pages:
        LmdbStructure(memory, page, str(path)).check_transaction()
    entries = LmdbStructure(memory, meta.newest, str(path)).entries()
    return {
        content[at : at + size]: content[value_at : value_at + value_size]
        for at, size, value_at, value_size in zip(*(column.tolist() for column in entries), strict=True)
    }


def write_all(path: Path, wanted: dict[bytes, bytes], commits: int) -> None:
    keys = list(wanted)
    random.Random(0).shuffle(keys)
    environment = lmdb.open(str(path), subdir=False, lock=False, map_size=1 << 28, lib_version=0, sync=False)
    with environment:
        for commit in range(commits):
            with environment.begin(write=True) as txn:
                for key in keys[commit::commits]:
                    txn.put(key, wanted[key])


def pairs(count: int) -> dict[bytes, bytes]:
    generator = random.Random(count)
    sizes = [0, 1, 100, 1000, 1900, 2030, 2040, 2050, 4080, 4096, 20_000]
    return {
        number.to_bytes(4, "big") * generator.randrange(1, 60): generator.randbytes(generator.choice(sizes))
        for number in range(count)
    }


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """A file of three commits, with small and big values."""
    path = tmp_path / "a.mdb"
    write_all(path, {key * 10: bytes(5000 if i % 50 == 0 else 30) for i, key in enumerate(NUMBERS[:300])}, 3)
    return path


@pytest.mark.parametrize("count", [0, 1, 2, 300, 3000])
@pytest.mark.parametrize("commits", [1, 4])
def test_every_value_is_where_the_tree_says(tmp_path: Path, count: int, commits: int) -> None:
    path = tmp_path / "a.mdb"
    wanted = pairs(count)
    write_all(path, wanted, commits)
    content = path.read_bytes()
    keys = tree(path)
    found = {
        key: content[place.offset : place.offset + place.size] for key, place in keys.entries(b"", b"\xff")
    }
    assert list(found) == sorted(wanted)
    assert found == wanted
    for key, value in wanted.items():
        place = keys.find(key)
        assert place is not None
        assert content[place.offset : place.offset + place.size] == value
        assert keys.find(key + b"\0") is None
    assert keys.find(b"") is None
    assert list(checked_pairs(path).items()) == sorted(wanted.items())


def test_a_range_is_read_without_what_is_around_it(tmp_path: Path) -> None:
    path = tmp_path / "a.mdb"
    write_all(path, dict.fromkeys(NUMBERS, bytes(20)), 1)
    found = [key for key, _ in tree(path).entries(NUMBERS[70], NUMBERS[1500])]
    assert found == NUMBERS[70:1500]


def test_keys_beyond_the_leaves_that_are_kept_are_found(tmp_path: Path) -> None:
    path = tmp_path / "a.mdb"
    wanted = {number.to_bytes(4, "big"): bytes(1000) for number in range(1200)}
    write_all(path, wanted, 1)
    keys = tree(path)
    for key in [*wanted, *wanted]:
        assert keys.find(key) is not None
        assert keys.find(key + b"\0") is None
    assert keys.find(b"\xff") is None


def test_any_damage_is_an_error_or_a_place_inside_the_file(mixed: Path) -> None:
    sound = mixed.read_bytes()
    generator = random.Random(1)
    refused = 0
    for _ in range(400):
        mutated = bytearray(sound)
        for _ in range(generator.randrange(1, 4)):
            page = generator.randrange(len(sound) // 4096)
            mutated[page * 4096 + generator.randrange(200)] = generator.randrange(256)
        mixed.write_bytes(mutated)
        try:
            keys = tree(mixed)
            assert all(place.offset + place.size <= len(sound) for _, place in keys.entries(b"", b"\xff"))
            keys.find(NUMBERS[150] * 10)
        except CorruptionError:
            refused += 1
    assert refused > 50


def test_the_structure_is_sound_after_any_transactions(tmp_path: Path) -> None:
    """Deleting and replacing leaves half-empty pages, merged ones and lists of free pages."""
    for seed in range(STATES):
        generator = random.Random(seed)
        path = tmp_path / "a.mdb"
        path.unlink(missing_ok=True)
        live: dict[bytes, bytes] = {}
        environment = lmdb.open(
            str(path), subdir=False, lock=False, map_size=1 << 28, lib_version=0, sync=False
        )
        with environment:
            for _ in range(generator.randrange(1, 20)):
                with environment.begin(write=True) as txn:
                    for _ in range(generator.randrange(1, 200)):
                        change(generator, txn, live)
        assert list(checked_pairs(path).items()) == sorted(live.items())


def change(generator: random.Random, txn: lmdb.Transaction[bytes], live: dict[bytes, bytes]) -> None:
    if live and generator.random() < 0.45:
        key = generator.choice(list(live))
        txn.delete(key)
        del live[key]
        return
    start = bytes([generator.randrange(4)]) * generator.choice([1, 1, 20, 200, 400])
    key = start + generator.randbytes(generator.choice([1, 2, 8, 60]))
    live[key] = generator.randbytes(generator.choice([0, 30, 1000, 1999, 2040, 20_000]))
    txn.put(key, live[key])


def test_a_flip_in_the_structure_leaves_no_value_of_another_length(mixed: Path) -> None:
    """Changed values, and changed keys that keep their place in the order, are for checksums to find."""
    sound = mixed.read_bytes()
    lengths = [len(value) for value in checked_pairs(mixed).values()]
    generator = random.Random(2)
    refused = 0
    for _ in range(400):
        mutated = bytearray(sound)
        page = generator.randrange(len(sound) // 4096)
        mutated[page * 4096 + generator.randrange(200)] ^= 1 << generator.randrange(8)
        mixed.write_bytes(mutated)
        try:
            assert [len(value) for value in checked_pairs(mixed).values()] == lengths
        except CorruptionError:
            refused += 1
    assert refused > 50


def test_a_truncation_that_takes_anything_is_refused(mixed: Path) -> None:
    sound = mixed.read_bytes()
    said = checked_pairs(mixed)
    refused = 0
    for size in range(0, len(sound), 1013):
        mixed.write_bytes(sound[:size])
        try:
            assert checked_pairs(mixed) == said
        except CorruptionError:
            refused += 1
    assert refused > len(sound) // 1013 * 3 // 4
