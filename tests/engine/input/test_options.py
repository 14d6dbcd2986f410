"""What is asked of a search, as one value."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from vicinal import Dense, F, Hnsw, InvalidArgument, Inverted, Multi, Sparse
from vicinal.engine.input.effort import index_knobs
from vicinal.engine.input.options import MAX_K, SearchKeywords, SearchOptions, search_options
from vicinal.indexes.exact.flat import Flat


def options(k: Any = 10, **said: Any) -> SearchOptions:
    keywords: Any = said
    return search_options(k, keywords)


def test_every_keyword_is_an_option() -> None:
    kept = set(SearchOptions.__dataclass_fields__)
    assert set(SearchKeywords.__annotations__) == kept - {"k"} | {"ef", "by_id"}


def test_what_was_not_said_has_its_default() -> None:
    assert options() == SearchOptions()


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ({"k": np.uint8(200), "offset": np.uint8(200)}, {"k": 200, "offset": 200}),
        ({"recall": 1}, {"recall": 1.0}),
        ({"exact": np.True_, "with_payload": False}, {"exact": True, "with_payload": False}),
        ({"ef": np.uint16(64)}, {"effort": (("ef", 64),)}),
        ({"effort": {"rescore": 8.0, "ef": np.float32(64)}}, {"effort": (("ef", 64), ("rescore", 8))}),
        ({"effort": {}}, {"effort": ()}),
        ({"effort": None, "ef": None, "filter": None}, {}),
        ({"filter": F("year") > 3}, {"filter": F("year") > 3}),
        ({"filter": {"must": []}}, {"filter": {"must": []}}),
    ],
)
def test_what_was_said_is_kept(said: dict[str, Any], kept: dict[str, Any]) -> None:
    made = options(**said)
    assert made == SearchOptions(**kept)
    assert all(type(getattr(made, name)) is type(value) for name, value in kept.items())
    assert pickle.loads(pickle.dumps(made)) == made


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"k": 0}, "k"),
        ({"k": True}, "k"),
        ({"k": [5]}, "k"),
        ({"k": MAX_K + 1}, "k"),
        ({"k": 5, "offset": MAX_K - 4}, "offset"),
        ({"offset": -1}, "offset"),
        ({"threads": -1}, "threads"),
        ({"recall": 0}, "recall"),
        ({"recall": float("nan")}, "recall"),
        ({"recall": [0.9]}, "recall"),
        ({"field": 3}, "field"),
        ({"field": ["plot"]}, "field"),
        ({"exact": 1}, "exact"),
        ({"with_vectors": None}, "with_vectors"),
        ({"effort": 3}, "effort"),
        ({"effort": {3: 4}}, "effort"),
        ({"effort": {"ef": "64"}}, "effort"),
        ({"effort": {"ef": True}}, "effort"),
        ({"effort": {"ef": float("inf")}}, "effort"),
        ({"ef": [64]}, "ef"),
        ({"ef": 64, "effort": {"ef": 64}}, "ef"),
        ({"efort": {"ef": 64}}, "efort"),
    ],
)
def test_what_is_wrong_is_refused_by_name(said: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidArgument, match=field) as refused:
        options(**said)
    assert refused.value.field == field


def test_the_same_words_of_another_type_are_not_the_same() -> None:
    assert options(1).k == 1
    with pytest.raises(InvalidArgument):
        options(True)
    assert options(exact=False) == options()
    with pytest.raises(InvalidArgument):
        options(exact=0)
    assert options(effort={"ef": 1}).effort == options(effort={"ef": 1.0}).effort == (("ef", 1),)
    with pytest.raises(InvalidArgument):
        options(effort={"ef": True})
    assert options(tokens=(1, 4)) == options(tokens=[1, 4])
    with pytest.raises(InvalidArgument):
        options(tokens=(True, 4))


def test_the_index_of_the_field_knows_its_knobs() -> None:
    graph = Dense(4, index=Hnsw())
    assert index_knobs(graph, options().effort) is None
    assert index_knobs(graph, options(ef=64).effort) == index_knobs(graph, options(effort={"ef": 64}).effort)
    for said, words in [({"ef": 0}, "ef is 0"), ({"ef": 2.5}, "2.5"), ({"n_probe": 3}, "n_probe.*ef")]:
        with pytest.raises(InvalidArgument, match=words):
            index_knobs(graph, options(effort=said).effort)
    for spec in (Dense(4, index=Flat()), Sparse(index=Inverted()), Multi(4, index=Flat())):
        with pytest.raises(InvalidArgument, match="no knobs") as refused:
            index_knobs(spec, options(ef=64).effort)
        assert refused.value.field == "ef"
