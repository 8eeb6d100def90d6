"""Pictures look as they did when somebody last looked at them."""

import numpy as np
import pytest

from service.heatmap import fonts
from tests.heatmap.drawing import pixels
from tests.heatmap.golden import FOLDER, pictures

PICTURES = pictures()
TOLERANCE = 1.0
"""Mean difference of a pixel's channels, of 255: other versions of FreeType draw texts a little differently."""


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_looks_as_it_did(name: str) -> None:
    if not fonts.SHAPES:
        pytest.skip("FriBiDi is not installed, so Pillow cannot shape the Arabic label")
    drawn, golden = (pixels(png).astype(int) for png in (PICTURES[name], (FOLDER / f"{name}.png").read_bytes()))
    assert drawn.shape == golden.shape
    assert np.abs(drawn - golden).mean() <= TOLERANCE


def test_every_golden_picture_is_still_drawn() -> None:
    assert {file.stem for file in FOLDER.glob("*.png")} == set(PICTURES)
