"""Reading the pages of LMDB files without LMDB, compared with what LMDB says."""

import random
from pathlib import Path

import lmdb
import pytest

from vicinal.storage.errors import CorruptionError
from vicinal.storage.lmdb_meta import read_meta
from vicinal.storage.lmdb_tree import check_transactions, places


def pairs(count: int) -> dict[bytes, bytes]:
    generator = random.Random(count)
    sizes = [0, 1, 100, 1000, 1900, 2030, 2040, 2050, 4080, 4096, 20_000]
    return {
        number.to_bytes(4, "big") * generator.randrange(1, 60): generator.randbytes(generator.choice(sizes))
        for number in range(count)
    }


@pytest.mark.parametrize("count", [0, 1, 2, 300, 3000])
@pytest.mark.parametrize("commits", [1, 4])
def test_every_value_is_where_the_tree_says(tmp_path: Path, count: int, commits: int) -> None:
    path = tmp_path / "a.mdb"
    wanted = pairs(count)
    environment = lmdb.open(str(path), subdir=False, lock=False, map_size=1 << 28, lib_version=0, sync=False)
    with environment:
        keys = list(wanted)
        random.Random(0).shuffle(keys)
        for commit in range(commits):
            with environment.begin(write=True) as txn:
                for key in keys[commit::commits]:
                    txn.put(key, wanted[key])
    content = path.read_bytes()
    found = {key: content[place.offset : place.offset + place.size] for key, place in places(path, b"\xff")}
    assert list(found) == sorted(wanted)
    assert found == wanted
    check_transactions(path)


def test_only_keys_below_the_stop_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.mdb"
    with lmdb.open(str(path), subdir=False, lock=False) as environment, environment.begin(write=True) as txn:
        for number in range(2000):
            txn.put(number.to_bytes(4, "big"), bytes(20))
    stop = (150).to_bytes(4, "big")
    assert [key for key, _ in places(path, stop)] == [n.to_bytes(4, "big") for n in range(150)]


def test_any_damage_is_an_error_or_a_place_inside_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.mdb"
    with lmdb.open(str(path), subdir=False, lock=False) as environment:
        for part in range(3):
            with environment.begin(write=True) as txn:
                for number in range(part, 300, 3):
                    txn.put(number.to_bytes(4, "big") * 10, bytes(30 if number % 50 else 5000))
    sound = path.read_bytes()
    generator = random.Random(1)
    refused = 0
    for _ in range(400):
        mutated = bytearray(sound)
        for _ in range(generator.randrange(1, 4)):
            page = generator.randrange(len(sound) // 4096)
            mutated[page * 4096 + generator.randrange(200)] = generator.randrange(256)
        path.write_bytes(mutated)
        try:
            read_meta(path)
            assert all(place.offset + place.size <= len(sound) for _, place in places(path, b"\xff"))
            check_transactions(path)
        except CorruptionError:
            refused += 1
    assert refused > 50
