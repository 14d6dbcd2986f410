"""Numbers that are sealed: a permutation, different for each scope and secret, that shows no order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vicinal import InvalidArgument
from vicinal.server.service.access.sealed_numbers import LARGEST, SealedNumbers

SEALED = SealedNumbers(b"a secret of sixteen bytes or more")
OTHER = SealedNumbers(b"another secret, of other length")
numbers = st.integers(0, LARGEST) | st.sampled_from([0, 1, 2**31, 2**32 - 1, 2**32, LARGEST])


@given(numbers, st.text())
def test_what_is_sealed_can_be_opened(number: int, scope: str) -> None:
    sealed = SEALED.seal(number, scope)
    assert 0 <= sealed <= LARGEST
    assert SEALED.open(sealed, scope) == number
    assert SEALED.seal(SEALED.open(number, scope), scope) == number


def test_no_two_numbers_are_sealed_alike() -> None:
    sealed = {SEALED.seal(number, "films/anna") for number in range(20_000)}
    assert len(sealed) == 20_000


@given(numbers)
def test_another_scope_and_another_secret_open_something_else(number: int) -> None:
    sealed = SEALED.seal(number, "films/anna")
    assert SEALED.open(sealed, "films/boris") != number
    assert OTHER.open(sealed, "films/anna") != number
    # What does not belong here points far behind every write there is.
    assert SEALED.open(sealed, "films/boris") > 10**9


def test_the_same_secret_opens_in_another_process() -> None:
    assert SealedNumbers(bytes(range(32))).seal(12_345, "films/anna") == SealedNumbers(bytes(range(32))).seal(
        12_345, "films/anna"
    )


def test_sealed_numbers_show_neither_order_nor_distance() -> None:
    first = np.array([SEALED.seal(number, "films/anna") for number in range(10_000)], dtype=np.float64)
    # Of numbers in random order, half are greater than the one before, give or take five deviations.
    assert abs(np.mean(np.diff(first) > 0) - 0.5) < 0.02
    assert abs(np.corrcoef(np.arange(10_000), first)[0, 1]) < 0.05
    assert abs(first.mean() / LARGEST - 0.5) < 0.02


def test_one_bit_more_changes_half_of_all_bits() -> None:
    changed = [
        (SEALED.seal(number, "s") ^ SEALED.seal(number ^ (1 << bit), "s")).bit_count()
        for number in range(50)
        for bit in range(63)
    ]
    assert abs(float(np.mean(changed)) - 31.5) < 0.5
    assert min(changed) > 5


@pytest.mark.parametrize("number", [-1, LARGEST + 1, 2**64 - 1])
def test_numbers_out_of_range(number: int) -> None:
    with pytest.raises(ValueError, match="not between"):
        SEALED.seal(number, "s")
    with pytest.raises(InvalidArgument, match="no page gave") as refused:
        SEALED.open(number, "s")
    assert refused.value.field == "after"


@pytest.mark.parametrize("secret", [b"", b"fifteen bytes..", bytes(65)])
def test_secrets_that_are_none(secret: bytes) -> None:
    with pytest.raises(ValueError, match="16 to 64 bytes"):
        SealedNumbers(secret)
