"""Fonts, and which of them has a glyph for a character."""

import logging
import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import NamedTuple

from fontTools.ttLib import TTFont
from PIL import ImageFont, features

BUNDLED = Path(__file__).parent / "fonts" / "DejaVuSans.ttf"
"""DejaVu Sans: Latin, Greek, Cyrillic, Arabic, Hebrew and more."""

SYSTEM_FOLDERS = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "~/.local/share/fonts",
    "/System/Library/Fonts",
    "/Library/Fonts",
    "C:/Windows/Fonts",
)
FONT_FILES = frozenset({".ttf", ".otf", ".ttc"})
OTHER_STYLES = re.compile(
    "Bold|Italic|Oblique|Light|Thin|Black|Medium|Condensed|Mono|Display|UI|Math|Gyre", re.IGNORECASE
)
"""File names of faces that are not upright, regular and proportional."""

DRAWN_BY_FREETYPE = frozenset({"glyf", "CFF ", "CFF2", "CBDT"})
"""Tables of outlines or bitmaps, of which a font needs one to be drawn."""

BITMAP_PIXELS = 109
"""The one size that colour bitmap fonts (CBDT) have."""

SHAPES = features.check("raqm")
"""Whether Pillow found FriBiDi, without which Arabic and Hebrew would be drawn backwards and unjoined."""

NOT_DRAWN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Categories of characters that have no shape; Pillow even fails at a paragraph separator."""

IGNORABLE = frozenset("\u200b\u200c\u200d\u2060\ufe0e\ufe0f")
"""Joiners and variation selectors: where a font lacks them, nothing is missing."""

logger = logging.getLogger(__name__)


class Run(NamedTuple):
    """A stretch of text in one font."""

    font: int
    text: str


def find_fonts(places: Sequence[str] = ()) -> list[Path]:
    """The font files in `places` (files or folders), in that order; of the system's folders where there are none.

    Raises:
        FileNotFoundError: one of `places` is no font file and no folder.
    """
    if not places:
        folders = (Path(folder).expanduser() for folder in SYSTEM_FOLDERS)
        return [file for folder in folders if folder.is_dir() for file in _files(folder)]
    found: list[Path] = []
    for place in map(Path, places):
        if place.is_dir():
            found.extend(_files(place))
        elif place.is_file() and place.suffix.lower() in FONT_FILES:
            found.append(place)
        else:
            raise FileNotFoundError(f"{place} is no font file and no folder")
    return found


def _files(folder: Path) -> Iterable[Path]:
    """A folder's plain fonts, those without serifs first."""
    files = (file for file in folder.rglob("*") if file.suffix.lower() in FONT_FILES)
    plain = (file for file in files if not OTHER_STYLES.search(file.stem))
    return sorted(plain, key=lambda file: ("serif" in file.stem.lower(), file))


class Fonts:
    """The bundled font, then others for what it lacks."""

    def __init__(self, others: Sequence[Path] = ()) -> None:
        """Prefer earlier ones among `others`. They are read when a character first needs them."""
        self.files = [BUNDLED, *others]
        self._bundled, _ = _characters(BUNDLED)
        self.sized = lru_cache(maxsize=64)(self._sized)

    def runs(self, text: str) -> list[Run]:
        """`text` in as few fonts as have glyphs for it; a character that none has becomes its code point (U+1F642)."""
        runs: list[Run] = []
        for character in text:
            current = runs[-1].font if runs else 0
            font = self._font_for(character, current)
            if font is None:
                font, character = 0, f"U+{ord(character):04X}"  # noqa: PLW2901  # what is drawn in its stead
            if runs and runs[-1].font == font:
                runs[-1] = Run(font, runs[-1].text + character)
            else:
                runs.append(Run(font, character))
        return runs

    def is_bitmap(self, font: int) -> bool:
        """Whether the font is one of colour bitmaps."""
        return font > 0 and font in self._index.bitmaps

    def _font_for(self, character: str, current: int) -> int | None:
        if unicodedata.category(character) in NOT_DRAWN and character not in IGNORABLE:
            return None
        if not SHAPES and unicodedata.bidirectional(character) in {"R", "AL"}:
            return None
        code = ord(character)
        if character in IGNORABLE or (unicodedata.combining(character) and self._has(current, code)):
            return current
        return 0 if code in self._bundled else self._index.fonts.get(code)

    def _has(self, font: int, code: int) -> bool:
        return code in self._bundled if font == 0 else self._index.fonts.get(code) == font

    def _sized(self, font: int, size: int) -> ImageFont.FreeTypeFont:
        return ImageFont.truetype(str(self.files[font]), size)

    @cached_property
    def _index(self) -> "Index":
        """Made at the first character that the bundled font lacks: reading hundreds of fonts takes a second."""
        fonts: dict[int, int] = {}
        bitmaps: set[int] = set()
        for number, file in enumerate(self.files[1:], start=1):
            characters, is_bitmap = _characters(file)
            for code in characters:
                fonts.setdefault(code, number)
            if is_bitmap:
                bitmaps.add(number)
        return Index(fonts, frozenset(bitmaps))


class Index(NamedTuple):
    """What the other fonts have."""

    fonts: dict[int, int]
    """The first font that has a glyph for a code point."""
    bitmaps: frozenset[int]


def _characters(file: Path) -> tuple[frozenset[int], bool]:
    """The code points that a font draws, and whether with colour bitmaps; none where it cannot be read."""
    with file.open("rb") as stream:
        try:
            face = TTFont(stream, fontNumber=0, lazy=True)
            if DRAWN_BY_FREETYPE.isdisjoint(face.keys()):
                return frozenset(), False
            return frozenset(face.getBestCmap() or ()), "CBDT" in face
        except Exception as error:  # whatever a damaged file provokes in the reader
            logger.warning("font %s cannot be read: %s", file.name, error)
            return frozenset(), False
