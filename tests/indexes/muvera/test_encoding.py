"""Fixed dimensional encodings: as defined, as others make them, and as near to MaxSim as the paper says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from defined_encodings import encoded, projection
from hypothesis import given
from hypothesis import strategies as st

from vicinal.indexes.muvera.encoding import Encoder, Encoding
from vicinal.indexes.rows.element import Element
from vicinal.indexes.rows.multi import MultiRows
from vicinal.testing.oracle import maxsim_scores
from vicinal.testing.random_rows import random_tokens


def unit_tokens(n: int, dim: int, seed: int, most: int = 20) -> MultiRows:
    """Return rows of 1 to ``most`` tokens of unit length."""
    rows = random_tokens(n, dim, most, Element.FLOAT32, seed, fewest=1)
    lengths = np.linalg.norm(rows.tokens, axis=1, keepdims=True)
    return MultiRows(rows.offsets, rows.tokens / lengths)


def encoder(encoding: Encoding, dim: int) -> Encoder:
    return Encoder(encoding, dim, Encoder.draw(encoding, dim))


def tokens_of(rows: MultiRows, row: int) -> np.ndarray[Any, Any]:
    tokens: np.ndarray[Any, Any] = rows.tokens[slice(*rows.offsets[row : row + 2])]
    return tokens


@given(
    st.builds(
        Encoding,
        k_sim=st.integers(0, 4),
        d_proj=st.sampled_from([1, 3, 8, 16, 40]),
        repetitions=st.integers(1, 3),
        fill_empty=st.booleans(),
        final_projection=st.sampled_from([None, 5, 64]),
        seed=st.integers(0, 2**63),
    ),
    st.sampled_from([1, 8, 20, 33]),
    st.lists(st.sampled_from([0, 1, 2, 5, 13, 130]), max_size=5),
    st.sampled_from([np.float32, np.float16]),
)
def test_they_are_as_defined(encoding: Encoding, dim: int, counts: list[int], dtype: type[Any]) -> None:
    rng = np.random.default_rng(len(counts))
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    # Small whole numbers and planes of few digits are summed without rounding: no token changes its side.
    rows = MultiRows(offsets, rng.integers(-9, 10, (int(offsets[-1]), dim)).astype(dtype))
    arrays = Encoder.draw(encoding, dim)
    arrays["planes"] = np.round(arrays["planes"] * 256) / np.float32(256)
    made = Encoder(encoding, dim, arrays)
    for is_row, found in ((True, made.of_rows(rows)), (False, made.of_queries(rows[:]))):
        assert found.shape == (len(rows), made.width)
        for row in range(len(rows)):
            expected = encoded(encoding, arrays, tokens_of(rows, row).astype(np.float32), is_row)
            np.testing.assert_allclose(found[row], expected, atol=2e-3)


def test_a_row_is_encoded_alike_wherever_it_stands() -> None:
    made, rows = encoder(Encoding(4, 8, 5, True, None, 1), 24), random_tokens(300, 24, 9, Element.FLOAT16, 2)
    whole = made.of_rows(rows)
    for row in (0, 7, 299):
        np.testing.assert_array_equal(made.of_rows(rows[row : row + 1])[0], whole[row])


def test_the_seed_is_the_encoding() -> None:
    rows = unit_tokens(20, 16, 0)
    first, again, other = (encoder(Encoding(3, 4, 2, True, 20, seed), 16).of_rows(rows) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize("k_sim", [1, 3, 5])
def test_neighbours_in_order_lie_on_one_other_side(k_sim: int) -> None:
    """One token in each partition, moved over one hyperplane at a time, goes to the next."""
    encoding, dim = Encoding(k_sim, 8, 1, False, None, 0), 8
    arrays = Encoder.draw(encoding, dim)
    arrays["planes"] = np.eye(k_sim, dim, dtype=np.float32)
    places = np.arange(1 << k_sim)
    sides = (places ^ places >> 1)[:, None] >> np.arange(k_sim)[::-1] & 1
    tokens = np.zeros((1 << k_sim, dim), np.float32)
    tokens[:, :k_sim] = 2 * sides - 1
    tokens[:, 7] = places + 1
    found = Encoder(encoding, dim, arrays).of_rows(MultiRows(np.arange(len(tokens) + 1), tokens))
    cells = found.reshape(len(tokens), 1 << k_sim, dim)[:, :, 7]
    np.testing.assert_array_equal(cells, np.diag(places + 1.0))


def test_what_does_not_fit_is_refused() -> None:
    encoding = Encoding(2, 4, 3, True, 16, 0)
    arrays = Encoder.draw(encoding, 8)
    with pytest.raises(ValueError, match="expected 8"):
        Encoder(encoding, 8, arrays).of_rows(unit_tokens(2, 9, 0))
    with pytest.raises(ValueError, match="planes are"):
        Encoder(encoding, 8, {**arrays, "planes": arrays["planes"][:1]})
    for slot in (16, ~16):
        with pytest.raises(ValueError, match="beyond the last of 16"):
            Encoder(encoding, 8, {**arrays, "slots": np.full_like(arrays["slots"], slot)})


def errors(k_sim: int, repetitions: int, seeds: int) -> np.ndarray[Any, Any]:
    """Return how far normalised estimates are from the Chamfer similarity: ``(seeds, queries, rows)``.

    Query i is of tokens of row i, moved a little: some of the similarities are high.
    """
    rows = unit_tokens(12, 32, 1)
    moved = rows.tokens + 0.05 * np.random.default_rng(2).standard_normal(rows.tokens.shape, np.float32)
    queries = MultiRows(rows.offsets, moved / np.linalg.norm(moved, axis=1, keepdims=True))
    lengths = np.diff(queries.offsets)[:, None]
    chamfer = maxsim_scores(rows, queries) / lengths
    made = (encoder(Encoding(k_sim, 8, repetitions, True, None, seed), 32) for seed in range(seeds))
    return np.array(
        [one.of_queries(queries) @ one.of_rows(rows).T / lengths / repetitions - chamfer for one in made]
    )


def test_the_error_falls_with_repetitions() -> None:
    """What chance adds falls with the root of the repetitions, as that of a mean of independent estimates."""
    by_chance = [errors(3, repetitions, 40).std(axis=0).mean() for repetitions in (2, 8, 32)]
    assert 0.4 < by_chance[1] / by_chance[0] < 0.6
    assert 0.4 < by_chance[2] / by_chance[1] < 0.6


def test_the_error_falls_with_partitions() -> None:
    """What repetitions do not take away does with hyperplanes, which keep far tokens apart (theorem 2.1).

    Estimates stay below the similarity: no token is nearer to a query's than the nearest.
    """
    systematic = [errors(k_sim, 64, 4).mean(axis=0) for k_sim in (0, 2, 4, 6, 8)]
    own = [float(np.abs(np.diag(one)).mean()) for one in systematic]
    every = [float(np.abs(one).mean()) for one in systematic]
    assert own == sorted(own, reverse=True)
    assert every == sorted(every, reverse=True)
    assert own[-1] < own[0] / 3
    assert all(one.mean() < 0 for one in systematic)


def test_it_agrees_with_fastembed() -> None:
    """The same hyperplanes and projections give the same encoding, but for the order of partitions.

    Where several partitions are equally near to an empty one, it takes another token.
    """
    postprocess = pytest.importorskip("fastembed.postprocess")
    k_sim, dim, d_proj, repetitions = 4, 24, 8, 3
    other = postprocess.Muvera(dim=dim, k_sim=k_sim, dim_proj=d_proj, r_reps=repetitions)
    encoding = Encoding(k_sim, d_proj, repetitions, True, None, 0)
    signs = np.concatenate([matrix.T for matrix in other.dim_reduction_projections]) > 0
    planes = np.concatenate([one.simhash_vectors.T for one in other.simhash_projections])
    arrays = {
        "planes": np.ascontiguousarray(planes, np.float32),
        "signs": np.packbits(np.ascontiguousarray(signs), axis=1),
    }
    made, rows = Encoder(encoding, dim, arrays), unit_tokens(20, dim, 5)
    # Its first hyperplane is the lowest bit of a partition's number, not of a Gray code.
    places = np.arange(1 << k_sim)
    order = ((places ^ places >> 1)[:, None] >> np.arange(k_sim)[::-1] & 1) @ (1 << np.arange(k_sim))
    shape = repetitions, 1 << k_sim, d_proj
    for row, (own, query) in enumerate(zip(made.of_rows(rows), made.of_queries(rows), strict=True)):
        tokens = tokens_of(rows, row)
        asked = other.process_query(tokens).reshape(shape)[:, order]
        np.testing.assert_allclose(query.reshape(shape), asked, atol=1e-5)
        stored = other.process_document(tokens).reshape(shape)[:, order]
        same = np.abs(own.reshape(shape) - stored).max(axis=2) < 1e-5
        for repetition, partition in np.argwhere(~same):
            sides = tokens @ arrays["planes"][repetition * k_sim : (repetition + 1) * k_sim].T > 0
            wanted = order[partition] >> np.arange(k_sim) & 1
            differing = (sides != wanted).sum(axis=1)
            nearest = differing == differing.min()
            assert differing.min() > 0
            assert len(np.unique(sides[nearest], axis=0)) > 1
            filled = tokens[nearest] @ projection(encoding, dim, arrays, repetition)
            assert (np.abs(filled - stored[repetition, partition]).max(axis=1) < 1e-5).any()
