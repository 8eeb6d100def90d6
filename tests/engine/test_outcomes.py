"""Many things are worked on in parts, and what fails harms no other."""

import subprocess
import sys
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


KEPT = """
import gc
from weakref import ref
from service.engine.outcomes import each, result

class Failure(Exception):
    pass

def fail(item):
    raise Failure(item)

gc.disable()
outcomes = each(fail, ["x"])
outcomes = each(lambda _: result(outcomes.pop()), ["x"])
error = ref(outcomes[0])
del outcomes
print(error())
"""


def test_errors_leave_nothing_to_the_garbage_collector() -> None:
    printed = subprocess.run(  # in a process of its own: what checks shapes in the tests keeps arguments
        [sys.executable, "-c", KEPT], capture_output=True, text=True, check=False
    ).stdout
    assert printed == "None\n"
