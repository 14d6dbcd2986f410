from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest
from column_strategies import point_ids, texts
from hypothesis import example, given
from hypothesis import strategies as st

from vicinal.engine.errors import InvalidArgument
from vicinal.engine.results.point import PointId
from vicinal.proto.v1 import vectors_pb2 as pb
from vicinal.server.wire.point_ids import count_ids, put_ids, read_id_array, read_ids
from vicinal.storage.columns.ids import IdColumn

id_lists = (
    st.lists(st.integers(0, 2**64 - 1), max_size=8)
    | st.lists(texts.filter(bool), max_size=8)
    | st.lists(point_ids, max_size=8)
)


def sent(ids: object) -> pb.PointIds:
    message = pb.PointIds()
    put_ids(message, ids)  # type: ignore[arg-type]
    return pb.PointIds.FromString(message.SerializeToString())


@given(id_lists)
@example([])
@example([0, 2**64 - 1])
@example([1, "1", "é", 2**63])
def test_ids_arrive_as_they_were_sent(ids: list[PointId]) -> None:
    column = IdColumn.from_values(ids).column()
    for given_ids in (ids, tuple(ids), column, np.array(ids, object)):
        message = sent(given_ids)
        assert count_ids(message) == len(ids)
        arrived = read_ids(message)
        assert arrived == ids
        assert set(map(type, arrived)) <= {int, str}
        array = read_id_array(message)
        assert array.dtype == (np.uint64 if all(isinstance(one, int) for one in ids) else object)
        assert array.tolist() == ids


def test_a_column_of_one_kind_says_nothing_of_kinds() -> None:
    assert not sent([1, 2]).is_text
    assert not sent(["a", "b"]).is_text
    assert list(sent([1, "a"]).is_text) == [False, True]


@pytest.mark.parametrize(
    ("numbers", "texts", "flags"),
    [
        ([1], ["a"], []),
        ([1], ["a"], [True]),
        ([1], ["a"], [True, True]),
        ([1], ["a"], [False, False]),
        ([1], ["a"], [True, False, False]),
        ([], ["a"], [False]),
        ([1], [], [True]),
        ([], [], [True]),
        ([], [], [False]),
    ],
)
def test_kinds_that_do_not_fit_are_refused(numbers: list[int], texts: list[str], flags: list[bool]) -> None:
    message = pb.PointIds(numbers=numbers, texts=texts, is_text=flags)
    for read in (read_ids, read_id_array):
        with pytest.raises(InvalidArgument, match=r"ids has \d numbers and \d texts") as caught:
            read(message)
        assert caught.value.field == "ids"


@given(
    st.lists(st.integers(0, 2**64 - 1), max_size=3),
    st.lists(texts, max_size=3),
    st.lists(st.booleans(), max_size=6),
)
def test_whatever_arrives_is_refused_or_all_of_it_is_read(
    numbers: list[int], words: list[str], flags: list[bool]
) -> None:
    with suppress(InvalidArgument):
        ids = read_ids(pb.PointIds(numbers=numbers, texts=words, is_text=flags))
        assert [one for one in ids if isinstance(one, int)] == numbers
        assert [one for one in ids if isinstance(one, str)] == words
