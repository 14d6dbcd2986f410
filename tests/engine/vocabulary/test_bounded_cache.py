"""What is remembered is right and bounded."""

from hypothesis import given
from hypothesis import strategies as st

from vicinal.engine.vocabulary.bounded_cache import BoundedCache

pairs = st.dictionaries(st.integers(0, 20), st.integers(), max_size=12)


@given(most=st.integers(1, 6), steps=st.lists(pairs | st.lists(st.integers(0, 20), max_size=8)))
def test_a_dict_has_all_of_it(most: int, steps: list[dict[int, int] | list[int]]) -> None:
    cache: BoundedCache[int, tuple[int, int]] = BoundedCache(most)
    # A key has one value for good, as a token has.
    model: dict[int, tuple[int, int]] = {}
    for step in steps:
        if isinstance(step, dict):
            for key, value in step.items():
                model.setdefault(key, (key, value))
            cache.update({key: model[key] for key in step})
        else:
            found = cache.get(step)
            assert all(value in (None, model.get(key)) for key, value in zip(step, found, strict=True))
        assert len(cache) <= 2 * most


def test_what_is_asked_for_stays() -> None:
    cache: BoundedCache[int, int] = BoundedCache(4)
    cache.update({0: 0})
    for key in range(1, 100):
        cache.update({key: key})
        assert cache.get([0, key]) == [0, key]
    assert cache.get([1]) == [None]
