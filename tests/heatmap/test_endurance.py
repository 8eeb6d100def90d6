"""Ten thousand random pictures: nothing is raised, and memory stays flat."""

import subprocess
import sys

import pytest

GROWTH = 1.1


@pytest.mark.slow
def test_ten_thousand_random_pictures_raise_nothing_and_memory_stays_flat() -> None:
    """In a process of its own, as it is deployed: the tests' type checks take six times as long as the drawing."""
    if not sys.platform.startswith("linux"):
        pytest.skip("resident memory is read from /proc")
    printed = subprocess.run([sys.executable, "-m", "tests.heatmap.endurance"], stdout=subprocess.PIPE, check=True)
    warm, finally_ = (int(line) for line in printed.stdout.splitlines())
    print(f"resident pages after 2,000 pictures {warm:,}, after 10,000 {finally_:,}")  # noqa: T201  # its figure
    assert finally_ < GROWTH * warm
