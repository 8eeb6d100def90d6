"""What each field of /heatmap does to the picture."""

import json
from io import BytesIO
from typing import Any
from xml.etree import ElementTree

import httpx
import numpy as np
import pytest
from PIL import Image

from service import __version__
from tests import notebook

GREYS = 60
"""Pixels of a hatched cell have red, green and blue alike: a picture with more of them than this is hatched."""


async def picture(client: httpx.AsyncClient, **fields: Any) -> Image.Image:
    response = await client.post("/heatmap", json={"sentence": notebook.SENTENCE, **fields})
    assert response.headers["content-type"] == "image/png"
    return Image.open(BytesIO(response.content)).convert("RGB")


@pytest.mark.parametrize(("width", "height"), [(1000, 600), (16, 16), (123, 457)])
async def test_a_picture_has_the_size_asked_for(client: httpx.AsyncClient, width: int, height: int) -> None:
    assert (await picture(client, width=width, height=height)).size == (width, height)


@pytest.mark.parametrize(
    "fields",
    [
        {"seed": 7},
        {"title": "Another"},
        {"title": ""},
        {"colormap": "magma"},
        {"labels": False},
        {"colorbar": False},
        {"num_heads": 2, "head": 1},
        {"num_heads": 2, "head_reduction": "mean"},
        {"num_heads": 2, "head_reduction": "max"},
        {"mask": "causal"},
        {"tensor": "scores"},
        {"tensor": "embedding"},
        {"num_heads": 2, "view": "grid"},
        {"color_range": "unit"},
        {"color_scale": "log"},
        {"values": True},
        {"dpi_scale": 2},
    ],
    ids=str,
)
async def test_each_field_changes_the_picture(client: httpx.AsyncClient, fields: dict[str, Any]) -> None:
    plain = await picture(client, num_heads=fields.get("num_heads", 1))
    assert (await picture(client, **fields)).tobytes() != plain.tobytes()


@pytest.mark.parametrize("fields", [{"layer": 0}, {"layer": -1}, {"head": -1}, {"head_reduction": "none"}], ids=str)
async def test_the_only_head_of_the_only_layer_is_the_default(
    client: httpx.AsyncClient, fields: dict[str, Any]
) -> None:
    assert (await picture(client, **fields)).tobytes() == (await picture(client)).tobytes()


async def drawn_texts(client: httpx.AsyncClient, **fields: Any) -> list[str]:
    """The texts of an SVG."""
    response = await client.post("/heatmap", json={"sentence": notebook.SENTENCE, "format": "svg", **fields})
    assert response.headers["content-type"] == "image/svg+xml"
    texts = ElementTree.fromstring(response.content).iter("{http://www.w3.org/2000/svg}text")
    return ["".join(text.itertext()) for text in texts]


@pytest.mark.parametrize(
    "accept",
    [
        "image/svg+xml",
        "Image/SVG+XML",
        "image/svg+xml, image/png;q=0.9",
        "text/html, image/svg+xml",
        "nonsense, image/svg+xml",
        "*/*, image/png;q=0",
    ],
)
async def test_accept_chooses_svg(client: httpx.AsyncClient, accept: str) -> None:
    response = await client.get("/heatmap?sentence=hi", headers={"accept": accept})
    assert response.headers["content-type"] == "image/svg+xml"


@pytest.mark.parametrize(
    "accept",
    [
        "image/*",
        "*/*",
        "image/png, image/svg+xml",
        "image/svg+xml;q=0.5, image/png;q=0.5",
        "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8",  # Chrome's for <img>
    ],
)
async def test_on_ties_the_picture_is_a_png(client: httpx.AsyncClient, accept: str) -> None:
    response = await client.get("/heatmap?sentence=hi", headers={"accept": accept})
    assert response.headers["content-type"] == "image/png"


@pytest.mark.parametrize(
    ("tensor", "title"),
    [("attentions", "Attention Scores Heatmap"), ("scores", "Scores Q·Kᵀ/√d_k"), ("value", "Value V = X·W")],
)
async def test_each_tensor_has_its_own_title(client: httpx.AsyncClient, tensor: str, title: str) -> None:
    assert title in await drawn_texts(client, tensor=tensor)


async def test_scores_that_a_scale_multiplies_say_so(client: httpx.AsyncClient) -> None:
    assert "Scores Q·Kᵀ·scale" in await drawn_texts(client, tensor="scores", scale=0.5)


async def test_attentions_are_labelled_by_tokens_on_both_sides(client: httpx.AsyncClient) -> None:
    assert (await drawn_texts(client)).count("language") == 2


@pytest.mark.parametrize("tensor", ["query", "key", "value", "output", "embedding"])
async def test_other_tensors_have_dimensions_as_columns(client: httpx.AsyncClient, tensor: str) -> None:
    texts = await drawn_texts(client, tensor=tensor)
    assert (texts.count("language"), "dimension" in texts, "3" in texts) == (1, True, True)


async def test_a_grid_has_a_small_multiple_for_each_head(client: httpx.AsyncClient) -> None:
    texts = await drawn_texts(client, view="grid", num_heads=3)
    assert {"head 0", "head 1", "head 2"} <= set(texts)


async def test_a_word_piece_keeps_its_mark(client: httpx.AsyncClient) -> None:
    assert "##ser" in await drawn_texts(client, sentence="parsers")


async def test_a_token_that_svg_cannot_hold_becomes_its_code_point(client: httpx.AsyncClient) -> None:
    assert "aU+FFFE" in await drawn_texts(client, sentence="a\ufffe", title="a\ufffe")


async def test_cells_that_the_mask_hides_are_hatched_grey(client: httpx.AsyncClient) -> None:
    causal, plain = [
        await picture(client, mask=mask, labels=False, colorbar=False, title="") for mask in ("causal", "none")
    ]
    assert greys(causal) > GREYS > greys(plain)


def greys(image: Image.Image) -> int:
    """How many pixels are neither coloured nor black or white."""
    red, green, blue = (np.asarray(channel) for channel in image.split())
    return int(((red == green) & (green == blue) & (red > 0) & (red < 255)).sum())


async def test_a_png_says_how_to_make_it_again(client: httpx.AsyncClient) -> None:
    fields = {"sentence": "hi\0 ü", "sentence_pair": "there", "seed": 7, "num_heads": 2, "head": 1}
    first = (await client.post("/heatmap", json=fields)).content
    text = Image.open(BytesIO(first)).text  # type: ignore[attr-defined]  # PngImageFile's
    assert text["sentence"] == "hi\ufffd ü"
    assert (text["model"], text["seed"], text["layer"], text["head"]) == ("synthetic", "7", "0", "1")
    assert text["Software"] == f"attention-service {__version__}"
    sentences = {name: text[name] for name in ("sentence", "sentence_pair")}
    assert (await client.post("/heatmap", json=sentences | json.loads(text["fields"]))).content == first


@pytest.mark.parametrize(
    ("fields", "pointer", "code"),
    [
        ({"tensor": "embedding", "head": 0}, "/head", "no_heads"),
        ({"tensor": "embedding", "head_reduction": "mean"}, "/head_reduction", "no_heads"),
        ({"tensor": "embedding", "view": "grid"}, "/view", "no_heads"),
        ({"view": "grid", "head": 0}, "/head", "head_in_a_grid"),
        ({"view": "grid", "head_reduction": "max"}, "/head_reduction", "head_in_a_grid"),
        ({"width": 4000, "height": 4000, "dpi_scale": 2}, "/dpi_scale", "too_many_pixels"),
        ({"tensor": "scores", "color_scale": "log", "scale": -1.0}, "/color_scale", "log_of_negative"),
        ({"head": 1}, "/head", "out_of_range"),
        ({"view": "grid", "layer": 1}, "/layer", "out_of_range"),
        ({"tensor": "logits"}, "/tensor", "literal_error"),
    ],
)
async def test_a_picture_that_cannot_be_drawn_is_a_422_that_names_the_field_and_no_failure_in_the_log(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture, fields: dict[str, Any], pointer: str, code: str
) -> None:
    response = await client.post("/heatmap", json={"sentence": "hi there", **fields})
    found = [(error["pointer"], error["code"]) for error in response.json()["errors"]]
    assert (response.status_code, found) == (422, [(pointer, code)])
    assert not caplog.records


async def test_a_grid_of_too_many_numbers_is_refused_naming_the_limit(client: httpx.AsyncClient) -> None:
    fields = {"sentence": "a " * 600, "view": "grid", "num_heads": 64, "level": "word"}
    problem = (await client.post("/heatmap", json=fields)).json()
    assert problem["type"] == "/problems/response-too-large"
    assert "92,160,000 bytes, the limit is 67,108,864" in problem["detail"]
