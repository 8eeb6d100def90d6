"""Round numbers for a colour bar."""

import math

from service.heatmap.colors import Scale

MANTISSAS = (1, 2, 5, 10)


def round_ticks(scale: Scale, most: int) -> list[float]:
    """At most `most` round numbers strictly inside the scale's span: multiples of 1, 2 or 5 times a power of ten.

    A logarithmic scale of two decades or more gets powers of ten.
    """
    if most < 1:
        return []
    if scale.is_log and scale.high / scale.low >= 100:  # noqa: PLR2004  # two decades
        return _powers_of_ten(scale, most)
    span = scale.high - scale.low
    magnitude = 10.0 ** math.floor(math.log10(span / (most + 1)))
    for step in (mantissa * magnitude for mantissa in (*MANTISSAS, 20, 50)):
        first, last = math.floor(scale.low / step) + 1, math.ceil(scale.high / step) - 1
        if last - first + 1 <= most:
            return [index * step for index in range(first, last + 1)]
    return []


def _powers_of_ten(scale: Scale, most: int) -> list[float]:
    first, last = math.floor(math.log10(scale.low)) + 1, math.ceil(math.log10(scale.high)) - 1
    step = max(1, -(-(last - first + 1) // most))
    return [10.0**exponent for exponent in range(last, first - 1, -step)][::-1]


def number(value: float, digits: int = 4) -> str:
    """`value` with so many significant digits."""
    text = f"{value:.{digits}g}"
    return "0" if float(text) == 0 else text
