"""Seeded artificial sparse vectors with the statistics of learned ones: `splade-N` is N documents.

A document is about some concepts, most of them of its subjects; a concept brings a head of heavy terms and a
tail of light ones, of which a few are common to many concepts; where two concepts bring the same term the
larger weight counts, as SPLADE pools. A query is about a few concepts of one subject. So documents share
heavy terms in groups, and no query has documents of its own: what answers it shares one of its concepts or
several, at other weights.

As SPLADE's vectors of MS MARCO: about 120 and 43 terms, 75 % of the mass in the 50 and the 10 largest, two
postings touched per document and query. Beside real weights of glosses (WordNet, 60,000; SPLADE-like, but
without the frequent terms: 0.23 touched), at 200,000 documents: scores at ranks 10, 100 and 1,000 are 0.75,
0.52 and 0.28 of the best, there 0.64, 0.35 and 0.05, so that neighbours are harder to tell apart; the best
share 21 terms with the query, there 9; the term of rank 1,000 is in 1.8 % of the documents, there in 1.3 %,
that of rank 10 in 26 %, there in 3 %.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from statistics import NormalDist
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ...engine.progress import Progress, silent
from .dataset import DatasetError
from .made_once import made_once
from .sparse_dataset import SparseDataset, SparseRows

PATTERN = re.compile(r"splade-(?P<rows>\d+)")
VOCABULARY = 30_000
SUBJECTS = 500
CONCEPTS = 6_000
CONCEPTS_PER_SUBJECT = 64
TERMS_PER_CONCEPT = 32
QUERIES = 1_000
SEED = 20
CHUNK = 50_000
MOST_TERMS = 400

# A table of so many quantiles is drawn from in place of a distribution.
_QUANTILES = 1 << 20
_NORMALS = 1 << 12
_SHARED_WEIGHT_RANK = 8


class _World(NamedTuple):
    """What all rows are made from; tables of quantiles are drawn from uniformly."""

    terms: NDArray[np.int32]
    affinities: NDArray[np.float32]
    popular_concepts: NDArray[np.int32]
    popular_subjects: NDArray[np.int32]
    subjects: NDArray[np.int32]
    places: NDArray[np.int32]
    normals: NDArray[np.float64]


class _Style(NamedTuple):
    """How rows are made: numbers are means, spreads those of the logarithm, shares of 1."""

    stream: int
    concepts: float
    concepts_spread: float
    nonzeros: float
    nonzeros_spread: float
    second_subject: float
    outside: float
    salience_spread: float
    weight_spread: float
    sharpness: float
    scale: float


DOCUMENTS = _Style(0, 10.0, 0.3, 116.0, 0.28, 0.5, 0.25, 0.4, 0.45, 1.43, 2.0)
ASKED = _Style(1, 3.0, 0.35, 41.5, 0.3, 0.0, 0.1, 0.5, 0.45, 2.05, 1.0)


def read_generated_sparse(spec: str, folder: Path, step: Progress = silent) -> SparseDataset:
    """Make the documents and queries that `splade-N` names, or map them from `folder` when they lie there.

    The first rows of a larger set are those of a smaller one.

    Parameters
    ----------
    spec : str
        `splade-N`.
    folder : Path
        Where the arrays are kept: about 1 kB a document.
    step : callable, optional
        Told the finished share.
    """
    match = PATTERN.fullmatch(spec)
    if match is None or int(match["rows"]) < 1:
        raise DatasetError(f"{spec!r}; expected splade-ROWS with at least one row")

    def make(within: Path) -> None:
        world = _world()
        _write(within / "documents", world, DOCUMENTS, int(match["rows"]), step)
        _write(within / "queries", world, ASKED, QUERIES, silent)

    place = made_once(spec, folder, __file__, make)
    documents, queries = (read_sparse_rows(place / what) for what in ("documents", "queries"))
    return SparseDataset(spec, documents, queries, VOCABULARY, note="artificial vectors")


def read_sparse_rows(folder: Path) -> SparseRows:
    """Map `indptr.npy`, `indices.npy` and `values.npy`."""
    return SparseRows(*(np.load(folder / f"{name}.npy", mmap_mode="r") for name in SparseRows.ARRAYS))


def generated_rows(style: _Style, start: int, stop: int) -> SparseRows:
    """Rows `start` to `stop` of the endless sequence of documents or queries."""
    return _rows(_world(), style, start, stop)


def _world() -> _World:
    rng = np.random.default_rng(SEED)
    names = rng.permutation(VOCABULARY).astype(np.int32)
    shape, place = (CONCEPTS, TERMS_PER_CONCEPT), np.arange(TERMS_PER_CONCEPT)
    own = _zipf(VOCABULARY, 0.55)[rng.integers(0, _QUANTILES, shape)]
    common = _zipf(VOCABULARY, 0.85)[rng.integers(0, _QUANTILES, shape)]
    # The heads of concepts are their own; what they share stands further back.
    shared = rng.random(shape) < 0.34 * np.minimum(1.0, place / _SHARED_WEIGHT_RANK)
    affinities = (1.0 + place) ** -0.75 * np.exp(0.35 * rng.standard_normal(shape))
    concepts = _zipf(CONCEPTS, 0.75)
    return _World(
        names[np.where(shared, common, own)],
        affinities.astype(np.float32),
        concepts,
        _zipf(SUBJECTS, 0.5),
        concepts[rng.integers(0, _QUANTILES, (SUBJECTS, CONCEPTS_PER_SUBJECT))],
        _zipf(CONCEPTS_PER_SUBJECT, 0.5),
        np.array([NormalDist().inv_cdf((place + 0.5) / _NORMALS) for place in range(_NORMALS)]),
    )


def _zipf(count: int, exponent: float) -> NDArray[np.int32]:
    """Quantiles of a distribution over `count` things in which the r-th has probability r^-exponent."""
    shares = np.cumsum(np.arange(1, count + 1) ** -exponent)
    where = (np.arange(_QUANTILES) + 0.5) / _QUANTILES
    return np.searchsorted(shares / shares[-1], where).astype(np.int32)


def _write(folder: Path, world: _World, style: _Style, rows: int, step: Progress) -> None:
    folder.mkdir(parents=True)
    offsets = [np.zeros(1, dtype=np.int64)]
    with open(folder / "indices.npy", "wb") as indices, open(folder / "values.npy", "wb") as values:
        for start in range(0, rows, CHUNK):
            made = _rows(world, style, start, min(start + CHUNK, rows))
            if start == 0:
                _header(indices, made.indices.dtype, 0)
                _header(values, made.values.dtype, 0)
            made.indices.tofile(indices)
            made.values.tofile(values)
            offsets.append(made.indptr[1:] + offsets[-1][-1])
            step("generate", min(1.0, (start + CHUNK) / rows))
        indptr = np.concatenate(offsets)
        _header(indices, made.indices.dtype, int(indptr[-1]))
        _header(values, made.values.dtype, int(indptr[-1]))
    np.save(folder / "indptr.npy", indptr)


def _header(file: BinaryIO, dtype: np.dtype[Any], length: int) -> None:
    # numpy leaves room for a longer shape, so that the header can be written again in its place.
    file.flush()
    file.seek(0)
    described = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": (length,)}
    np.lib.format.write_array_header_1_0(file, described)
    file.flush()
    file.seek(0, os.SEEK_END)


def _rows(world: _World, style: _Style, start: int, stop: int) -> SparseRows:
    indptr = np.zeros(stop - start + 1, dtype=np.int64)
    indices = np.empty((stop - start) * MOST_TERMS, dtype=np.uint32)
    values = np.empty(len(indices), dtype=np.float32)
    _fill(world, style, start, indptr, indices, values)
    return SparseRows(indptr, indices[: indptr[-1]].copy(), values[: indptr[-1]].copy())


@njit(nogil=True, error_model="numpy", cache=True)
def _draw(state, bound):  # type: ignore[no-untyped-def]
    """A number below a power of two, by splitmix64."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    mixed = state[0]
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.int64((mixed ^ (mixed >> np.uint64(31))) & np.uint64(bound - 1))


@njit(nogil=True, error_model="numpy", cache=True)
def _lognormal(world, state, mean, spread):  # type: ignore[no-untyped-def]
    return mean * np.exp(spread * world.normals[_draw(state, _NORMALS)])


@njit(nogil=True, error_model="numpy", cache=True)
def _gather(world, style, state, weights, touched):  # type: ignore[no-untyped-def]
    """Draw the concepts of a row into `weights`, by term, and return how many terms they touched."""
    subject = other = world.popular_subjects[_draw(state, _QUANTILES)]
    if _draw(state, _QUANTILES) < style.second_subject * _QUANTILES:
        other = world.popular_subjects[_draw(state, _QUANTILES)]
    count = 0
    concepts = max(1, round(_lognormal(world, state, style.concepts, style.concepts_spread)))
    for turn in range(concepts):
        concept = world.popular_concepts[_draw(state, _QUANTILES)]
        if _draw(state, _QUANTILES) >= style.outside * _QUANTILES:
            within = subject if _draw(state, 2) else other
            concept = world.subjects[within, world.places[_draw(state, _QUANTILES)]]
        salience = _lognormal(world, state, (1.0 + turn) ** -0.25, style.salience_spread)
        for place in range(world.terms.shape[1]):
            affinity = world.affinities[concept, place]
            weight = np.float32(_lognormal(world, state, salience * affinity, style.weight_spread))
            term = world.terms[concept, place]
            if weights[term] == 0:
                touched[count] = term
                count += 1
            weights[term] = max(weights[term], weight)
    return count


@njit(nogil=True, error_model="numpy", cache=True)
def _sort(keys, count):  # type: ignore[no-untyped-def]
    """Sort the first so many; numpy's sorts take seconds to compile."""
    gap = 1
    while gap < count // 3:
        gap = 3 * gap + 1
    while gap:
        for place in range(gap, count):
            key, at = keys[place], place
            while at >= gap and keys[at - gap] > key:
                keys[at] = keys[at - gap]
                at -= gap
            keys[at] = key
        gap //= 3


@njit(nogil=True, error_model="numpy", cache=True)
def _fill(world, style, start, indptr, indices, values):  # type: ignore[no-untyped-def]
    """Make rows from number `start` on; each depends on its number and nothing else."""
    state = np.empty(1, dtype=np.uint64)
    weights = np.zeros(VOCABULARY, dtype=np.float32)
    # Positive floats order as their bits do.
    bits = weights.view(np.int32)
    touched = np.empty(VOCABULARY, dtype=np.int64)
    at = 0
    for row in range(len(indptr) - 1):
        state[0] = (np.uint64(2 * (start + row) + style.stream) << np.uint64(20)) ^ np.uint64(SEED)
        state[0] = np.uint64(_draw(state, 1 << 62))
        count = _gather(world, style, state, weights, touched)
        wanted = max(1, round(_lognormal(world, state, style.nonzeros, style.nonzeros_spread)))
        wanted = min(wanted, count, MOST_TERMS)
        for place in range(count):
            touched[place] |= np.int64(bits[touched[place]]) << 32
        _sort(touched, count)
        for place in range(count):
            touched[place] &= np.int64(0xFFFFFFFF)
        for place in range(count - wanted):
            weights[touched[place]] = 0
        kept = touched[count - wanted : count]
        _sort(kept, wanted)
        for term in kept:
            indices[at] = term
            values[at] = np.log1p(style.scale * weights[term] ** style.sharpness)
            weights[term] = 0
            at += 1
        indptr[row + 1] = at
