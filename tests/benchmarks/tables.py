"""Rows of figures as text."""

import statistics
from collections.abc import Sequence

Rows = list[dict[str, object]]
"""Figures by column; all rows of a table have the same columns."""


def spread(ratios: Sequence[float], digits: int, name: str = "ratio") -> dict[str, object]:
    """The columns of one ratio that was measured in every round."""
    found = {name: statistics.median(ratios), "lowest": min(ratios), "highest": max(ratios)}
    return {column: round(number, digits) for column, number in found.items()}


def plain(rows: Rows) -> str:
    """Columns aligned by spaces."""
    cells = _cells(rows)
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in cells)


def markdown(rows: Rows) -> str:
    """A table of GitHub's Markdown, which README shows."""
    head, *body = _cells(rows)
    lines = [[name.replace("_", " ") for name in head], ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cells(rows: Rows) -> Sequence[Sequence[str]]:
    return [list(rows[0]), *(["" if value is None else str(value) for value in row.values()] for row in rows)]
