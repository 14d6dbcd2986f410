"""Every adapter whose engine is installed builds into a folder, is opened again, and finds its neighbours."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest
from bench_adapter import adapter

from vicinal.bench.comparison.equal_recall import answered
from vicinal.bench.comparison.halves import Half, multi_halves
from vicinal.bench.comparison.kept_builds import built, noting_failure, opened
from vicinal.bench.datasets.multi.dataset import MultiDataset
from vicinal.bench.datasets.multi.opening import open_multi_dataset
from vicinal.bench.harness.multi_truth import exact_multi_truth
from vicinal.bench.multi_peers import MULTI_PEERS, MultiPeer, find_multi_peers
from vicinal.bench.multi_peers.fast_plaid import required_torch
from vicinal.bench.multi_peers.vicinal import VicinalPeer
from vicinal.bench.peers import UnknownPeerError
from vicinal.engine.progress import silent


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> MultiDataset:
    return open_multi_dataset("tokens-600x6x32", tmp_path_factory.mktemp("data"), queries=20)


@pytest.fixture(scope="module")
def reported(data: MultiDataset) -> Half[MultiDataset]:
    return multi_halves(data, exact_multi_truth(data, 5))[1]


def found(name: str) -> MultiPeer:
    return adapter(name, VicinalPeer, find_multi_peers)


@pytest.mark.parametrize("name", ["vicinal", *MULTI_PEERS])
def test_what_is_built_is_found_again_and_finds(
    name: str, data: MultiDataset, reported: Half[MultiDataset], tmp_path: Path
) -> None:
    peer = found(name)
    assert peer.name == name
    for build in peer.builds(data):
        efforts = peer.efforts(build)
        assert len({one.label for one in efforts}) == len(efforts)
        with opened(peer, data, build, tmp_path, silent) as (index, searcher):
            assert index.bytes > data.documents.tokens.nbytes / 16
            best = answered(searcher, efforts[-1], reported, 1)
            assert best.recall > 0.8
            together = searcher.search_all(efforts[-1], reported.k)(reported.asked(searcher))
            alone = searcher.search(efforts[-1], reported.k)
            for one, answer in zip(reported.asked(searcher), together, strict=True):
                assert list(searcher.rows(answer)) == list(searcher.rows(alone(one)))
        assert built(peer, data, build, tmp_path) == index


def test_an_engine_that_nobody_knows_is_refused() -> None:
    with pytest.raises(UnknownPeerError, match="elsewhere"):
        find_multi_peers(["elsewhere"])


def test_an_engine_that_cannot_run_says_why_and_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tachiom", None)
    _, (missing,) = find_multi_peers(["tachiom"])
    assert "built with Rust" in str(missing)
    assert str(missing).endswith("pip install tachiom")


def test_fast_plaid_runs_beside_the_pytorch_that_it_was_compiled_for(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = ModuleType("torch")
    torch.__dict__["__version__"] = "2.13.0+cpu"
    for name, module in (
        ("torch", torch),
        *((one, ModuleType(one)) for one in ("fast_plaid", "fast_plaid.search")),
    ):
        monkeypatch.setitem(sys.modules, name, module)
    asked = ["torch==2.11.0", "numpy"]
    monkeypatch.setattr("importlib.metadata.requires", lambda name: asked)
    monkeypatch.setattr("importlib.metadata.version", lambda name: "1.7.0.2110")
    _, (missing,) = find_multi_peers(["fast-plaid"])
    assert "compiled for torch 2.11.0" in str(missing)
    assert "2.13.0+cpu, which is installed" in str(missing)
    assert "pip install" not in str(missing)
    assert required_torch(["numpy", "torch == 2.11.0"]) == "2.11.0"
    assert required_torch(["torch>=2.6.0"]) is None


def test_what_another_engine_raises_is_noted_and_what_this_one_raises_is_not() -> None:
    class Other:
        name = "another"

    build = VicinalPeer().builds(None)[0]  # type: ignore[arg-type]
    failed: list[str] = []
    with noting_failure(failed, Other(), build):
        raise OSError("no such index")
    assert failed == ["another scan is left out: OSError: no such index"]
    with pytest.raises(OSError, match="mine"), noting_failure(failed, VicinalPeer(), build):
        raise OSError("mine")
    with pytest.raises(KeyboardInterrupt), noting_failure(failed, Other(), build):
        raise KeyboardInterrupt
    assert len(failed) == 1
