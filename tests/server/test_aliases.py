"""Aliases and keys: an alias of a collection that a key does not see does not exist for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from serving.calls import Outcome
from serving.running_server import RunningServer, running_server

import vicinal
from vicinal import Dense
from vicinal.proto.v1 import collections_pb2 as pb

DENIED = vicinal.PermissionDenied


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("aliases") / "db"
    with vicinal.open(folder) as db:
        db.create_collection("open", Dense(2)).upsert([1], [[1.0, 0.0]])
        db.create_collection("hidden", Dense(2))
        db.create_collection("rooms", Dense(2), partitioned=True)
        db.set_aliases({"front": "open", "back": "hidden", "inn": "rooms"})
    with running_server(folder) as running:
        yield running


def test_a_key_sees_the_aliases_of_what_it_sees(server: RunningServer) -> None:
    for bounds, seen in (
        ({}, {"back": "hidden", "front": "open", "inn": "rooms"}),
        ({"collections": ("open",)}, {"front": "open"}),
        # The name of an alias binds a key to nothing.
        ({"collections": ("back",)}, {}),
        ({"tenants": ("ada",)}, {"inn": "rooms"}),
    ):
        key = server.key("read", **bounds)
        with vicinal.connect(f"127.0.0.1:{server.port}", key=key) as db:
            assert db.aliases() == seen
            for alias in ("back", "front", "inn"):
                if alias in seen:
                    assert db.collection(alias).name == seen[alias]
                else:
                    with pytest.raises(vicinal.NotFound):
                        db.collection(alias)


def get(server: RunningServer, name: str, key: str) -> Outcome:
    return server.call("GetCollection", pb.GetCollectionRequest(name=name), key)


def test_an_alias_of_what_is_hidden_is_answered_like_no_alias(server: RunningServer) -> None:
    for bounds in ({"collections": ("open", "back")}, {"tenants": ("ada",)}):
        key = server.key("admin", **bounds)
        assert get(server, "back", key).seen("back") == get(server, "none", key).seen("none")
        uuid = get(server, "hidden", server.key("admin")).responses[0]
        assert isinstance(uuid, pb.GetCollectionResponse)
        for name in ("back", "none"):
            request = pb.GetCollectionRequest(name=name, collection_uuid=uuid.uuid)
            assert server.call("GetCollection", request, key).seen(name) == get(server, "none", key).seen(
                "none"
            )


def test_only_keys_without_bounds_change_names(server: RunningServer) -> None:
    before = server.call("ListAliases", pb.ListAliasesRequest(), server.key("admin")).responses
    for bounds in ({"collections": ("open", "front")}, {"tenants": ("ada",)}):
        with vicinal.connect(f"127.0.0.1:{server.port}", key=server.key("admin", **bounds)) as db:
            with pytest.raises(DENIED):
                db.rename_collection("open", "front")
            with pytest.raises(DENIED):
                db.set_aliases({"front": None})
    bound = server.key("admin", collections=("open", "front"))
    with vicinal.connect(f"127.0.0.1:{server.port}", key=bound) as db:
        assert db.collection("front").count() == 1
        with pytest.raises(vicinal.InvalidArgument, match="alias of 'open'"):
            db.drop_collection("front")
    assert server.call("ListAliases", pb.ListAliasesRequest(), server.key("admin")).responses == before


def test_an_alias_is_changed_once_in_a_request(server: RunningServer) -> None:
    twice = [pb.AliasChange(alias="new", collection=name) for name in ("open", "hidden")]
    outcome = server.call("SetAliases", pb.SetAliasesRequest(changes=twice), server.key("admin"))
    assert "each one once" in outcome.message
    listed = server.call("ListAliases", pb.ListAliasesRequest(), server.key("admin")).responses[0]
    assert "new" not in str(listed)


def test_a_key_follows_the_name_it_is_bound_to(tmp_path: Path) -> None:
    with running_server(tmp_path / "db") as server:
        admin, bound = server.key("admin"), server.key("read", collections=("films",))
        address = f"127.0.0.1:{server.port}"
        with vicinal.connect(address, key=admin) as db, vicinal.connect(address, key=bound) as reader:
            db.create_collection("films", Dense(2)).upsert([1], [[1.0, 0.0]])
            held = reader.collection("films")
            db.rename_collection("films", "movies")
            for call in (held.count, lambda: reader.collection("movies"), lambda: reader.collection("films")):
                with pytest.raises(vicinal.NotFound):
                    call()
            assert reader.collections() == []
