"""Every adapter whose engine is installed builds into a folder, is opened again, and finds its neighbours."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench_adapter import adapter

from vicinal.bench.comparison import kept_builds
from vicinal.bench.comparison.equal_recall import answered, tuned
from vicinal.bench.comparison.halves import Half, sparse_halves
from vicinal.bench.comparison.kept_builds import built
from vicinal.bench.datasets.sparse_dataset import SparseDataset
from vicinal.bench.datasets.sparse_opening import open_sparse_dataset
from vicinal.bench.peers import UnknownPeerError, grid
from vicinal.bench.sparse_peers import SPARSE_PEERS, SparsePeer, find_sparse_peers
from vicinal.bench.sparse_peers.vicinal import VicinalPeer

Halves = tuple[Half[SparseDataset], Half[SparseDataset]]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> SparseDataset:
    whole = open_sparse_dataset("splade-1200", tmp_path_factory.mktemp("data"))
    return SparseDataset(whole.name, whole.documents, whole.queries.part(0, 40), whole.vocabulary)


@pytest.fixture(scope="module")
def cut(data: SparseDataset) -> Halves:
    return sparse_halves(data, 10)


def found(name: str) -> SparsePeer:
    return adapter(name, VicinalPeer, find_sparse_peers)


@pytest.mark.parametrize("name", ["vicinal", *SPARSE_PEERS])
def test_what_is_built_is_found_again_and_finds(
    name: str, data: SparseDataset, cut: Halves, tmp_path: Path
) -> None:
    peer = found(name)
    assert peer.name == name
    build = peer.builds(data)[0]
    index = built(peer, data, build, tmp_path)
    assert index.bytes > data.documents.nonzeros
    assert built(peer, data, build, tmp_path) == index
    searcher = peer.open(data, build, index.folder)
    efforts = peer.efforts(build)
    assert len({one.label for one in efforts}) == len(efforts)
    best = tuned(searcher, efforts[:: max(1, len(efforts) // 4)], cut[0])[-1]
    assert answered(searcher, best, cut[1], 1).recall > 0.9
    searcher.close()


def test_a_build_that_broke_off_is_done_again(data: SparseDataset, tmp_path: Path) -> None:
    peer = VicinalPeer()
    build = peer.builds(data)[0]
    first = built(peer, data, build, tmp_path)
    (first.folder.parent / "built.json").unlink()
    again = built(peer, data, build, tmp_path)
    assert again.folder == first.folder
    peer.open(data, build, again.folder).close()


def test_what_another_version_built_is_built_again(
    data: SparseDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer = VicinalPeer()
    build = peer.builds(data)[0]
    first = built(peer, data, build, tmp_path)
    (first.folder / "left over").touch()
    assert built(peer, data, build, tmp_path) == first
    monkeypatch.setattr(kept_builds, "code", lambda: {"source": "another"})
    again = built(peer, data, build, tmp_path)
    assert not (again.folder / "left over").exists()


def test_an_engine_that_nobody_knows_is_refused() -> None:
    with pytest.raises(UnknownPeerError, match="elsewhere"):
        find_sparse_peers(["elsewhere"])


def test_a_grid_has_every_combination_once() -> None:
    efforts = grid(cut=(1, 2, 3), factor=(0.5, 1.0))
    assert len({one.label for one in efforts}) == 6
    assert {(one.parameters["cut"], one.parameters["factor"]) for one in efforts} == {
        (cut, factor) for cut in (1, 2, 3) for factor in (0.5, 1.0)
    }
