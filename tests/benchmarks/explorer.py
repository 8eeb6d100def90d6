"""How fast the explorer is in Chromium, by its own performance API: milliseconds and kilobytes; a bar is the most."""

import asyncio
import statistics
from collections.abc import Sequence

from tests.benchmarks.tables import Rows
from tests.browser import measuring
from tests.browser.chromium import HEADS, chromium, serving_small

BARS = {128: 50.0, 512: 100.0}
"""Of tokens: milliseconds from an interaction to the next paint."""


def measure(rounds: int) -> Rows:
    """Load and use the page `rounds` times."""
    with serving_small() as server:
        return asyncio.run(_measure(server.url, rounds))


async def _measure(url: str, rounds: int) -> Rows:
    async with chromium() as browser:
        await measuring.milliseconds_to_picture(browser, url)  # the browser's own start is not the page's
        pictures = [await measuring.milliseconds_to_picture(browser, url) for _ in range(2 * rounds)]
        rows = [
            _row("first picture after navigation, ms", pictures, 300.0),
            *[
                _row(f"page weight, {view}, kB uncompressed", [await measuring.kilobytes(browser, url, view)], 150.0)
                for view in ("walk", "heatmap", "heads", "grid")
            ],
        ]
        for tokens, bar in BARS.items():
            found = [await measuring.interactions(browser, url, tokens) for _ in range(rounds)]
            worst = [max(each.values()) for each in found]
            rows.append(_row(f"n={tokens}, {HEADS} heads: slowest interaction, ms", worst, bar))
            rows += [
                _row(f"n={tokens}, {name}", [each[name] for each in found], bar)
                for name in found[0]
                if statistics.median(each[name] for each in found) > bar / 2
            ]
    return rows


def _row(target: str, values: Sequence[float], bar: float) -> dict[str, object]:
    return {
        "target": target,
        "median": round(statistics.median(values), 1),
        "lowest": round(min(values), 1),
        "highest": round(max(values), 1),
        "bar": bar,
    }
