"""What a picture is estimated to cost."""

from service.heatmap.render import estimate_seconds
from service.heatmap.style import Style
from tests.heatmap.drawing import plot, ramp


def test_a_picture_with_long_labels_costs_more() -> None:
    assert estimate_seconds(plot(ramp(5), "b" * 100), Style()) > 2 * estimate_seconds(plot(ramp(5), "b"), Style())


def test_what_a_label_costs_has_an_end() -> None:
    long, longer = (estimate_seconds(plot(ramp(1), "b" * length), Style()) for length in (10**3, 10**6))
    assert long == longer


def test_a_few_labels_are_free_and_more_cost_each() -> None:
    few, some, more = (estimate_seconds(plot(ramp(n)), Style()) for n in (16, 32, 48))
    assert few < 1e-3 < some < more
