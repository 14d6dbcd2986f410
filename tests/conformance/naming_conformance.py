"""What every kind of database does with names: collections are renamed, and have aliases that switch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import vicinal
from vicinal import Dense
from vicinal.engine.api import DatabaseApi

ROW = np.ones((1, 3), np.float32)


class NamingConformance:
    """Renaming and aliases, on a database that starts empty."""

    @pytest.fixture
    def named(self, db: DatabaseApi) -> DatabaseApi:
        """A database of the collections one, with one point, and two, with two."""
        for n, name in enumerate(("one", "two"), 1):
            made = db.create_collection(name, Dense(3), fields={"year": "integer"})
            made.upsert(range(n), np.repeat(ROW, n, axis=0))
        return db

    def test_an_alias_is_another_name(self, named: DatabaseApi) -> None:
        assert named.aliases() == {}
        named.set_aliases({"live": "one", "a-2": "two"})
        assert named.aliases() == {"a-2": "two", "live": "one"}
        assert list(named.aliases()) == ["a-2", "live"]
        assert named.collections() == ["one", "two"]
        live = named.collection("live")
        assert (live.name, live.count()) == ("one", 1)
        assert list(live.search(ROW[0], k=5).ids) == [0]
        again = named.get_or_create_collection("live", Dense(3), fields={"year": "integer"})
        assert again.name == "one"
        with pytest.raises(vicinal.AlreadyExists):
            named.get_or_create_collection("live", Dense(4))

    def test_aliases_are_switched_and_dropped(self, named: DatabaseApi) -> None:
        named.set_aliases({"live": "one", "old": "two"})
        live = named.collection("live")
        # Another alias is named for what it stood for before.
        named.set_aliases({"live": "old", "old": "live"})
        assert named.aliases() == {"live": "two", "old": "one"}
        assert named.collection("live").count() == 2
        # What was got stays with the collection it was got of.
        live.upsert([7], ROW)
        assert live.count() == named.collection("one").count() == 2
        named.set_aliases({"old": None, "new": "one"})
        assert named.aliases() == {"live": "two", "new": "one"}
        with pytest.raises(vicinal.NotFound, match="old"):
            named.collection("old")
        named.set_aliases({})
        assert named.aliases() == {"live": "two", "new": "one"}

    def test_renaming(self, named: DatabaseApi) -> None:
        one = named.collection("one")
        named.set_aliases({"live": "one"})
        named.rename_collection("one", "first")
        assert named.collections() == ["first", "two"]
        assert named.aliases() == {"live": "first"}
        assert (named.collection("live").name, named.collection("first").name) == ("first", "first")
        with pytest.raises(vicinal.NotFound, match="one"):
            named.collection("one")
        # What was got before works on, whatever is made under its name.
        made = named.create_collection("one", Dense(3))
        one.upsert([7], ROW)
        one.add_field("genre", "keyword")
        assert one.count() == named.collection("first").count() == 2
        assert len(one.search(ROW[0], k=5, filter=vicinal.F("genre") == "a")) == 0
        assert set(named.collection("first").schema.fields) == {"year", "genre"}
        assert made.count() == 0
        assert {info.name: info.points for info in named.info().collections} == {
            "first": 2,
            "one": 0,
            "two": 2,
        }
        named.rename_collection("one", "other")
        named.rename_collection("first", "one")
        assert (one.count(), made.count()) == (2, 0)

    def test_a_collection_is_dropped_with_its_aliases(self, named: DatabaseApi) -> None:
        named.set_aliases({"live": "one", "also": "one", "else": "two"})
        named.rename_collection("one", "first")
        named.drop_collection("first")
        assert named.aliases() == {"else": "two"}
        assert named.create_collection("live", Dense(3)).count() == 0

    @pytest.mark.parametrize(
        ("call", "arguments", "error", "message"),
        [
            ("rename_collection", ("none", "new"), vicinal.NotFound, "'none'"),
            ("rename_collection", (7, "new"), vicinal.NotFound, "7"),
            ("rename_collection", ("one", "two"), vicinal.AlreadyExists, "'two' exists"),
            ("rename_collection", ("one", "one"), vicinal.AlreadyExists, "'one' exists"),
            ("rename_collection", ("one", "live"), vicinal.AlreadyExists, "'live' is an alias"),
            ("rename_collection", ("one", "a/b"), vicinal.InvalidArgument, "'a/b'"),
            ("rename_collection", ("one", ".."), vicinal.InvalidArgument, "'..'"),
            ("rename_collection", ("one", None), vicinal.InvalidArgument, "None"),
            ("rename_collection", ("live", "new"), vicinal.InvalidArgument, "alias of 'one'"),
            ("drop_collection", ("live",), vicinal.InvalidArgument, "alias of 'one'"),
            ("create_collection", ("live", Dense(3)), vicinal.AlreadyExists, "'live' is an alias"),
            ("set_aliases", ({"new": "two", "two": "one"},), vicinal.AlreadyExists, "'two'"),
            ("set_aliases", ({"new": "two", "live": "none"},), vicinal.NotFound, "'none'"),
            ("set_aliases", ({"new": "two", "gone": None},), vicinal.NotFound, "'gone'"),
            ("set_aliases", ({"new": "two", "a/b": "one"},), vicinal.InvalidArgument, "'a/b'"),
            ("set_aliases", ({"new": "two", "live": 7},), vicinal.InvalidArgument, "7"),
            ("set_aliases", ({"new": "two", 7: "one"},), vicinal.InvalidArgument, "7"),
            ("set_aliases", ([("new", "two")],), vicinal.InvalidArgument, "mapping"),
        ],
    )
    def test_what_cannot_be_changes_nothing(
        self, named: DatabaseApi, call: str, arguments: tuple[Any, ...], error: type[Exception], message: str
    ) -> None:
        named.set_aliases({"live": "one"})
        with pytest.raises(error, match=message):
            getattr(named, call)(*arguments)
        assert named.aliases() == {"live": "one"}
        assert named.collections() == ["one", "two"]
        assert named.collection("live").count() == 1
