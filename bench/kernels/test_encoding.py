"""Encodings of multi-vectors, beside those of fastembed where it is installed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vicinal.indexes.muvera.encoding import Encoder, Encoding
from vicinal.indexes.rows.multi import MultiRows

ROWS, DIM = 50, 128
SHAPES = [(3, 16, 20), (5, 16, 20)]


def rows_of(tokens: int) -> MultiRows:
    given = np.random.default_rng(0).standard_normal((ROWS * tokens, DIM), np.float32)
    return MultiRows(np.arange(0, len(given) + 1, tokens), given)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("tokens", [20, 80])
def test_rows(benchmark: Any, tokens: int, shape: tuple[int, int, int]) -> None:
    encoding = Encoding(*shape, fill_empty=True, final_projection=None, seed=0)
    encoder, rows = Encoder(encoding, DIM, Encoder.draw(encoding, DIM)), rows_of(tokens)
    benchmark.extra_info["rows"] = ROWS
    benchmark(encoder.of_rows, rows)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("tokens", [20, 80])
def test_rows_by_fastembed(benchmark: Any, tokens: int, shape: tuple[int, int, int]) -> None:
    postprocess = pytest.importorskip("fastembed.postprocess")
    k_sim, dim_proj, r_reps = shape
    other = postprocess.Muvera(dim=DIM, k_sim=k_sim, dim_proj=dim_proj, r_reps=r_reps)
    rows = rows_of(tokens).tokens.reshape(ROWS, tokens, DIM)
    benchmark.extra_info["rows"] = ROWS
    benchmark(lambda: [other.process_document(row) for row in rows])


def test_a_query(benchmark: Any) -> None:
    encoding = Encoding(3, 16, 20, fill_empty=False, final_projection=None, seed=0)
    encoder = Encoder(encoding, DIM, Encoder.draw(encoding, DIM))
    benchmark(encoder.of_queries, rows_of(32)[:1])
