"""The registry of index specs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from vicinal import Dense, InvalidArgument, Sparse
from vicinal.indexes.cells.curator import Curator
from vicinal.indexes.codecs.registry import codec_from_json
from vicinal.indexes.codecs.scalar import Scalar
from vicinal.indexes.codecs.transformed import Transformed
from vicinal.indexes.exact.flat import Flat
from vicinal.indexes.graph.hnsw import Hnsw
from vicinal.indexes.ivf.ivf import Ivf
from vicinal.indexes.muvera.muvera import Muvera
from vicinal.indexes.registry import spec_from_json
from vicinal.indexes.token_lists.token_lists import TokenLists
from vicinal.indexes.transforms.truncation import Truncation


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


NO_SPECS = ["rabitq", 5, 1.5, True, [], ("scalar",), b"x", object(), {}, {"name": "nope"}, Hnsw, Scalar]


@pytest.mark.parametrize("value", NO_SPECS, ids=lambda value: f"{value!r:.20}")
@pytest.mark.parametrize(
    "parameter",
    [
        lambda value: Hnsw(codec=value),
        lambda value: Ivf(codec=value),
        lambda value: Flat(codec=value),
        lambda value: Curator(codec=value),
        lambda value: TokenLists(codec=value),
        lambda value: Muvera(inner=value),
        lambda value: Transformed(value, Scalar()),
        lambda value: Transformed(Truncation(4), value),
        lambda value: codec_from_json({"name": "transformed", "transform": value, "codec": Scalar()}),
    ],
)
def test_what_is_no_spec_is_refused_where_one_is_a_parameter(
    parameter: Callable[[object], object], value: object
) -> None:
    with pytest.raises(ValueError, match=r"expected|named|described"):
        parameter(value)


@pytest.mark.parametrize("value", NO_SPECS, ids=lambda value: f"{value!r:.20}")
@pytest.mark.parametrize("field", [lambda index: Dense(8, index=index), lambda index: Sparse(index=index)])
def test_what_is_no_spec_is_refused_where_it_is_the_index_of_a_field(
    field: Callable[[object], object], value: object
) -> None:
    with pytest.raises(InvalidArgument, match=r"index|named"):
        field(value)


def test_describing_an_index_does_not_load_numba() -> None:
    code = (
        "import sys; from vicinal.indexes import registry; from vicinal.indexes.exact import flat;"
        "from vicinal.indexes.graph import hnsw; from vicinal.indexes.rows import element, metric, row_set;"
        "registry.spec_from_json({'name': 'hnsw'}); sys.exit('numba' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
