"""The colour bar: where it stands, and the numbers beside it."""

import math

import numpy as np

from service.heatmap.colors import Scale
from service.heatmap.frame import LONGEST_NUMBER
from service.heatmap.lines import line_height
from service.heatmap.scene import Box, Colorbar, Text
from service.heatmap.ticks import number, round_ticks
from service.heatmap.typesetting import Label, Typesetter

MOST_TICKS = 6
LEAST_DIGITS, MOST_DIGITS = 4, 7
"""Significant digits of numbers; more than seven would show how float32 rounds."""
LONGEST_NUMBER_CHARACTERS = len("-8.888e-88")


def make_colorbar(
    box: Box, scale: Scale, data: tuple[float, float], text_size: int, typesetter: Typesetter
) -> Colorbar | None:
    """Number a bar: its ends, and round numbers between them. `data` says what numbers there are, at least and at most.

    None where `box` is too low for two numbers.
    """
    line = line_height(text_size)
    if box.height < 2 * line:
        return None
    gap = (line + 1) // 2
    low, high = _end_numbers(scale)
    numbers = [
        (float(box.bottom), f"≤ {low}" if data[0] < scale.low else low),
        (float(box.top), f"≥ {high}" if data[1] > scale.high else high),
    ]
    for tick in round_ticks(scale, min(MOST_TICKS, box.height // (2 * line))):
        y = box.bottom - float(scale.fractions(np.array([tick]))[0]) * box.height
        text = number(tick, MOST_DIGITS)
        if len(text) <= LONGEST_NUMBER_CHARACTERS and all(
            abs(y - other) >= line and text != written for other, written in numbers
        ):
            numbers.append((y, text))
    texts = [Text(Label(text), box.right + gap, y, text_size) for y, text in numbers]
    thickness = max(1, text_size // 12)
    marks = [
        Box(box.right, min(max(round(y - thickness / 2), box.top), box.bottom - thickness), gap // 2, thickness)
        for y, _ in numbers
    ]
    if scale.is_log and typesetter.width(Label("log scale"), text_size) <= box.height:
        x = box.right + gap + typesetter.width(LONGEST_NUMBER, text_size) + line / 2
        texts.append(Text(Label("log scale"), x, box.top + box.height / 2, text_size, "middle", 90))
    return Colorbar(box, texts, marks)


def _end_numbers(scale: Scale) -> tuple[str, str]:
    """Both ends, to a thousandth of their distance as far as there is room."""
    greatest = max(abs(scale.low), abs(scale.high))
    digits = LEAST_DIGITS + math.floor(math.log10(max(greatest / (scale.high - scale.low), 1)))
    for kept in range(min(digits, MOST_DIGITS), LEAST_DIGITS, -1):
        low, high = number(scale.low, kept), number(scale.high, kept)
        if max(len(low), len(high)) <= LONGEST_NUMBER_CHARACTERS:
            return low, high
    return number(scale.low, LEAST_DIGITS), number(scale.high, LEAST_DIGITS)
