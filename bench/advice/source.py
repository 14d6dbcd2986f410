"""Where the vectors come from: a database's field, or whatever the bench reads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import vicinal

from ..datasets import Dataset, DatasetError, checked_metric, open_dataset
from ..datasets.dataset import as_floats, split_queries
from ..datasets.npy import read_matrix

# Points of one draw; more are drawn again, and those drawn before count once.
_DRAWN = 10_000
_MOST_DRAWS = 40
_SEED = 11


@dataclass(frozen=True)
class Wanted:
    """What is taken of the user's data.

    Attributes
    ----------
    rows, queries : int
        At most so many vectors to index, and so many to ask.
    metric : str, optional
        Instead of the one that a file comes with.
    query_file : Path, optional
        Queries, instead of vectors that are held out.
    collection, field, tenant : str, optional
        Which vectors of a database.
    """

    rows: int
    queries: int
    metric: str | None = None
    query_file: Path | None = None
    collection: str | None = None
    field: str | None = None
    tenant: str | None = None


@dataclass(frozen=True)
class Source:
    """A sample of the vectors, and what is known of all.

    Attributes
    ----------
    data : Dataset
    total : int
        How many vectors there are.
    field : Dense
        The field as it is, or would be by default.
    """

    data: Dataset
    total: int
    field: vicinal.Dense


def open_source(place: str, wanted: Wanted) -> Source:
    """Draw a sample from a database's folder or from anything that `vicinal bench` reads.

    Raises
    ------
    DatasetError
        Nothing readable stands there, or what is asked for is not in it.
    """
    path = Path(place)
    if path.is_dir():
        try:
            database = vicinal.open(path, read_only=True)
        except (vicinal.NotADatabase, vicinal.NotFound):
            return _of_file(place, wanted)
        with database:
            return _of_database(database, path.name, wanted)
    return _of_file(place, wanted)


def _of_file(place: str, wanted: Wanted) -> Source:
    metric = None if wanted.metric is None else checked_metric(wanted.metric)
    whole = open_dataset(place, metric=metric, query_file=wanted.query_file)
    rng = np.random.default_rng(_SEED)
    vectors = whole.vectors
    if whole.rows > wanted.rows:
        vectors = as_floats(vectors[np.sort(rng.choice(whole.rows, wanted.rows, replace=False))])
    queries = as_floats(whole.queries[: wanted.queries])
    data = replace(whole, vectors=vectors, queries=queries, payloads=None, fields={})
    return Source(data, whole.rows, vicinal.Dense(whole.dim, metric=whole.metric))


def _of_database(database: vicinal.Database, name: str, wanted: Wanted) -> Source:
    collection = database.collection(_only(wanted.collection, database.collections(), "collection"))
    dense = {key: one for key, one in collection.schema.vectors.items() if isinstance(one, vicinal.Dense)}
    chosen = _only(wanted.field, list(dense), "dense field")
    field = dense[chosen]
    if field.element == "binary":
        raise DatasetError(
            f"field {chosen!r} has binary vectors, which are their own codes: nothing to advise"
        )
    metric = checked_metric(field.metric)
    held_out = 0 if wanted.query_file is not None else wanted.queries
    vectors = _drawn(collection, chosen, wanted.rows + held_out, wanted.tenant)
    if wanted.query_file is not None:
        queries, note = as_floats(read_matrix(wanted.query_file)[: wanted.queries]), ""
    else:
        kept, asked, note = split_queries(vectors, held_out)
        vectors, queries = as_floats(vectors[kept]), as_floats(vectors[asked])
    data = Dataset(f"{name}/{collection.name}/{chosen}", metric, vectors[: wanted.rows], queries, note=note)
    return Source(data, collection.count(tenant=wanted.tenant), field)


def _only(asked: str | None, there: list[str], what: str) -> str:
    """Return the name that was asked for, or the only one there is."""
    if asked in there:
        return str(asked)
    if asked is None and len(there) == 1:
        return there[0]
    known = ", ".join(there) or "none"
    raise DatasetError(
        f"which {what}? " + (f"there is no {asked!r}; " if asked else "") + f"there are: {known}"
    )


def _drawn(collection: vicinal.Collection, field: str, wanted: int, tenant: str | None) -> np.ndarray:
    seen: dict[int | str, np.ndarray] = {}
    points = collection.count(tenant=tenant)
    for seed in range(_MOST_DRAWS):
        drawn = collection.sample(_DRAWN, seed=seed, with_payload=False, with_vectors=[field], tenant=tenant)
        for point in drawn:
            if field in point.vectors and len(seen) < wanted:
                seen.setdefault(point.id, point.vectors[field])
        if len(seen) >= wanted or points <= _DRAWN:
            break
    if not seen:
        raise DatasetError(f"collection {collection.name!r} has no vectors in field {field!r}")
    return as_floats(np.stack(list(seen.values())))
