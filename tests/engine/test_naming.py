"""Names of collections and aliases change at once: for threads, for followers, for whoever opens later."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import vicinal
from vicinal import Dense

ROUNDS = 25
ROW = np.ones((1, 2), np.float32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A database of the collections one, with one point, and two, with two."""
    with vicinal.open(tmp_path / "db") as db:
        for n, name in enumerate(("one", "two"), 1):
            db.create_collection(name, Dense(2)).upsert(range(n), np.repeat(ROW, n, axis=0))
    return tmp_path / "db"


def test_names_are_there_after_opening_again(folder: Path) -> None:
    with vicinal.open(folder) as db:
        db.set_aliases({"live": "one", "old": "two", "gone": "two"})
        db.rename_collection("one", "first")
        db.set_aliases({"gone": None})
    with vicinal.open(folder) as db:
        assert db.collections() == ["first", "two"]
        assert db.aliases() == {"live": "first", "old": "two"}
        assert (db.collection("live").name, db.collection("live").count()) == ("first", 1)
        db.drop_collection("first")
        # The next collection may have the number of the one that was dropped, and none of its aliases.
        db.create_collection("third", Dense(2))
    with vicinal.open(folder) as db:
        assert db.aliases() == {"old": "two"}
        with pytest.raises(vicinal.NotFound):
            db.collection("live")


def test_a_follower_sees_renaming_and_switches(folder: Path) -> None:
    with vicinal.open(folder) as db, vicinal.open(folder, read_only=True) as follower:
        db.set_aliases({"live": "one"})
        held = follower.collection("live")
        assert (held.name, held.count()) == ("one", 1)
        db.set_aliases({"live": "two"})
        assert (follower.collection("live").name, follower.collection("live").count()) == ("two", 2)
        assert follower.aliases() == {"live": "two"}
        # Nothing but the name changes: no counter of the collection tells.
        db.rename_collection("one", "first")
        with pytest.raises(vicinal.NotFound, match="there are: first, two"):
            follower.collection("one")
        assert held.count() == 1
        assert held.name == "first"
        assert follower.collection("first").uuid == held.uuid
        db.rename_collection("two", "one")
        assert follower.collection("one").count() == follower.collection("live").count() == 2
        assert follower.collections() == ["first", "one"]
        db.drop_collection("one")
        for name in ("one", "live"):
            with pytest.raises(vicinal.NotFound):
                follower.collection(name)
        db.create_collection("live", Dense(2))
        assert follower.collection("live").count() == 0
        with pytest.raises(vicinal.ReadOnly):
            follower.rename_collection("first", "second")
        with pytest.raises(vicinal.ReadOnly):
            follower.set_aliases({"a": "first"})
        assert db.collections() == ["first", "live"]


@pytest.mark.parametrize("read_only", [False, True])
def test_nobody_sees_half_of_a_change(folder: Path, read_only: bool) -> None:
    with vicinal.open(folder) as db, vicinal.open(folder, read_only=True) as follower:
        reader = follower if read_only else db
        db.set_aliases({"blue": "one", "green": "two"})
        one_is_blue = {"blue": "one", "green": "two"}
        one_is_green = {"blue": "two", "green": "one"}
        done = threading.Event()

        def read() -> int:
            seen = 0
            while not done.is_set() or not seen:
                aliases = reader.aliases()
                # The collection one, whatever it is named just now.
                assert {a: "two" if n == "two" else "one" for a, n in aliases.items()} in (
                    one_is_blue,
                    one_is_green,
                )
                names = reader.collections()
                assert names in (["one", "two"], ["first", "two"])
                assert reader.collection("blue").count() in (1, 2)
                seen += 1
            return seen

        with ThreadPoolExecutor(1) as pool:
            reading = pool.submit(read)
            try:
                for round in range(ROUNDS):
                    db.set_aliases({"blue": "green", "green": "blue"})
                    names = ("one", "first") if round % 2 == 0 else ("first", "one")
                    db.rename_collection(*names)
            finally:
                done.set()
            assert reading.result() > 0


def test_renaming_beside_changes_of_the_schema_loses_neither(folder: Path) -> None:
    with vicinal.open(folder) as db:
        one = db.collection("one")

        def rename() -> None:
            for number in range(ROUNDS):
                db.rename_collection("one" if number == 0 else f"name-{number - 1}", f"name-{number}")

        def change() -> None:
            for number in range(ROUNDS):
                one.add_field(f"field-{number}", "integer")

        def write() -> None:
            for number in range(ROUNDS):
                one.upsert([number], ROW)

        work: list[Callable[[], None]] = [rename, change, write]
        with ThreadPoolExecutor(len(work)) as pool:
            for running in [pool.submit(task) for task in work]:
                running.result()
        assert one.name == f"name-{ROUNDS - 1}"
    with vicinal.open(folder) as db:
        assert db.collections() == [f"name-{ROUNDS - 1}", "two"]
        one = db.collection(f"name-{ROUNDS - 1}")
        assert set(one.schema.fields) == {f"field-{number}" for number in range(ROUNDS)}
        assert one.count() == ROUNDS
