"""What a search asks for, there and back."""

from __future__ import annotations

from typing import Any

import pytest

from vicinal import Candidates, F, InvalidArgument
from vicinal.engine.input.options import MAX_THREADS, SearchOptions, search_options
from vicinal.proto.v1 import search_pb2
from vicinal.server.wire.filters import put_filter
from vicinal.server.wire.searching.options import put_candidates, put_options, read_options


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"offset": 7, "recall": 0.8, "exact": True, "with_payload": False, "with_vectors": True},
        {"effort": {"ef": 64, "heap_factor": 0.75}},
        {"threads": 3},
        {"score_threshold": -0.25},
        {"tokens": (2, 8)},
        {"tokens": (None, 8)},
        {"tokens": [1, None]},
    ],
)
def test_there_and_back(said: Any) -> None:
    asked = search_options(12, {"field": "plot", "tenant": "anna", **said})
    message = search_pb2.SearchOptions()
    put_options(message, asked, "plot")
    assert read_options(search_pb2.SearchOptions.FromString(message.SerializeToString()), "anna", 8) == asked


def test_the_options_of_a_first_stage_there_and_back() -> None:
    first = Candidates(field="whole", count=200, effort={"ef": 90}, recall=0.8, tokens=(1, None))
    for given in (first, Candidates(field="whole", exact=True)):
        asked = search_options(12, {"field": "plot", "recall": 0.9, "candidates": given})
        message, stage = search_pb2.SearchOptions(), search_pb2.Candidates()
        put_options(message, asked, "plot")
        assert asked.candidates is not None
        put_candidates(stage, asked.candidates, "whole")
        assert read_options(message, None, 8, stage) == asked
    assert asked.candidates.recall == 0.9


def test_the_server_has_the_threads_it_has() -> None:
    message = search_pb2.SearchOptions(k=1)
    assert read_options(message, None, 4).threads == 1
    put_options(message, search_options(1, {"threads": 0}), "plot")
    assert message.threads == MAX_THREADS
    assert read_options(message, None, 4).threads == 4


def test_what_is_absent_has_its_default() -> None:
    message = search_pb2.SearchOptions(k=10, with_payload=True)
    assert read_options(message, None, 1) == SearchOptions()


def test_a_filter_is_read() -> None:
    message = search_pb2.SearchOptions(k=1)
    put_filter(message.filter, F("year") > 3)
    assert read_options(message, None, 1).filter == (F("year") > 3)


def test_what_is_asked_again_is_one_value_for_each_tenant() -> None:
    def message(years: int) -> search_pb2.SearchOptions:
        made = search_pb2.SearchOptions(k=1)
        put_filter(made.filter, F("year").is_in(list(range(years))))
        return made

    asked = read_options(message(3), "anna", 1)
    assert read_options(message(3), "anna", 1) is asked
    of_another = read_options(message(3), "boris", 1)
    assert (of_another.tenant, of_another.filter) == ("boris", asked.filter)
    # What is long is not kept.
    assert read_options(message(2_000), "anna", 1) is not read_options(message(2_000), "anna", 1)


def test_the_short_form_of_effort_is_read() -> None:
    message = search_pb2.SearchOptions(k=1, ef=64)
    assert read_options(message, None, 1).effort == (("ef", 64),)
    message.effort["ef"] = 64
    with pytest.raises(InvalidArgument, match="one of them"):
        read_options(message, None, 1)


def test_what_cannot_be_done_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="k is 0"):
        read_options(search_pb2.SearchOptions(), None, 1)
