"""Many things are worked on in parts."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from service.engine.outcomes import parts

SIZES = st.lists(st.integers(0, 20))


@given(SIZES, st.integers(0, 30))
def test_parts_are_all_items_in_order(sizes: list[int], most: int) -> None:
    assert [size for part in parts(sizes, int, most) for size in part] == sizes


@given(SIZES, st.integers(0, 30))
def test_only_a_part_of_one_is_larger_than_allowed(sizes: list[int], most: int) -> None:
    assert all(sum(part) <= most or len(part) == 1 for part in parts(sizes, int, most))


@given(SIZES, st.integers(0, 30))
def test_no_part_has_room_for_the_next_item(sizes: list[int], most: int) -> None:
    found = list(parts(sizes, int, most))
    assert all(sum(part) + following[0] > most for part, following in pairwise(found))
