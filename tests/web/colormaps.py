"""`python -m tests.web.colormaps`: write the page's colour maps anew, from those of the service's pictures."""

from base64 import b64encode
from pathlib import Path

from service.heatmap.colors import LEVELS, Colormap, palette

COLORMAPS: tuple[Colormap, ...] = ("viridis", "cividis", "magma", "Greys", "RdBu")
"""Those that the page offers: of the service's nine the most different ones, for each weighs a kilobyte."""
FILE = Path(__file__).parents[2] / "service" / "web" / "colormaps.js"


def module() -> str:
    """The JavaScript module of all palettes."""
    lines = [f'\t{name}:\n\t\t"{b64encode(palette(name).tobytes()).decode()}",' for name in COLORMAPS]
    return "\n".join(
        [
            "/** The colours of the service's pictures from low to high, as red, green and blue in base64. */",
            "// biome-ignore-all format: made by `python -m tests.web.colormaps`",
            "",
            f"export const LEVELS = {LEVELS};",
            "",
            "/** @type {Record<string, string>} */",
            "export const PALETTES = {",
            *lines,
            "};",
            "export const COLORMAPS = Object.keys(PALETTES);",
            "",
        ]
    )


if __name__ == "__main__":
    FILE.write_text(module())
