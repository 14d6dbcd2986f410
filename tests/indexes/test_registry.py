"""The registry of index specs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from vicinal.indexes.exact.flat import Flat
from vicinal.indexes.graph.hnsw import Hnsw
from vicinal.indexes.registry import spec_from_json


def test_specs_by_name() -> None:
    assert spec_from_json({"name": "hnsw", "m": 8}) == Hnsw(m=8)
    assert spec_from_json({"name": "flat"}) == Flat()


def test_unknown_names_and_parameters_are_refused() -> None:
    with pytest.raises(
        ValueError, match="known are: auto, auto-dense, curator, flat, hnsw, inverted, ivf, muvera, seismic"
    ):
        spec_from_json({"name": "tree"})
    with pytest.raises(ValueError, match="does not take"):
        spec_from_json({"name": "hnsw", "depth": 3})
    with pytest.raises(ValueError, match="'name'"):
        spec_from_json({"m": 3})


def test_describing_an_index_does_not_load_numba() -> None:
    code = (
        "import sys; from vicinal.indexes import registry; from vicinal.indexes.exact import flat;"
        "from vicinal.indexes.graph import hnsw; from vicinal.indexes.rows import element, metric, row_set;"
        "registry.spec_from_json({'name': 'hnsw'}); sys.exit('numba' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
