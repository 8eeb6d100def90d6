"""`python -m tests.web.colormaps`: write the page's colour maps anew, from those of the service's pictures."""

from base64 import b64encode
from pathlib import Path

import cmap

from service.heatmap.colors import CATALOGUES, LEVELS, Colormap, palette

FILE = Path(__file__).parents[2] / "service" / "web" / "colormaps.js"
WHOLE: tuple[Colormap, ...] = ("viridis",)
"""Maps whose every colour is written, a kilobyte each: of the service's five such ones its default."""
STOPS: tuple[Colormap, ...] = ("Greys", "Blues", "RdBu", "PuOr")
"""Maps between a few colours."""


def module() -> str:
    """The JavaScript module of all palettes."""
    return "\n".join(
        [
            "/** The colours of the service's pictures, from low to high. */",
            "// biome-ignore-all format: made by `python -m tests.web.colormaps`",
            "",
            f"export const LEVELS = {LEVELS};",
            "",
            "/** All levels, as red, green and blue in base64. @type {Record<string, string>} */",
            "export const WHOLE = {",
            *(f'\t{name}: "{b64encode(palette(name).tobytes()).decode()}",' for name in WHOLE),
            "};",
            "",
            "/** Colours between which all others lie, evenly spaced. @type {Record<string, string>} */",
            "export const STOPS = {",
            *(f'\t{name}: "{_stops(name)}",' for name in STOPS),
            "};",
            "export const COLORMAPS = [...Object.keys(WHOLE), ...Object.keys(STOPS)];",
            "",
        ]
    )


def _stops(name: Colormap) -> str:
    colors = cmap.Colormap(f"{CATALOGUES[name]}:{name}").color_stops
    return "".join(stop.color.hex.removeprefix("#")[:6] for stop in colors)


if __name__ == "__main__":
    FILE.write_text(module())
