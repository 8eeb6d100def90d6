"""What clients send to /heatmap: the fields that decide the numbers, and how the picture looks."""

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from service.api.requests import DRY_RUN, FILENAME, Filename, Index, ModelParameters, SentenceRequest

MAX_PIXELS = 16_000_000
"""Of a picture: width × height × dpi_scale²."""

Colormap = Literal["viridis", "cividis", "magma", "inferno", "plasma", "Greys", "Blues", "RdBu", "PuOr"]
PictureTensorName = Literal["embedding", "query", "key", "value", "scores", "attentions", "output"]


class HeatmapRequest(ModelParameters, SentenceRequest):
    """A sentence whose attention is drawn."""

    tensor: PictureTensorName = Field(
        "attentions",
        description="Which matrix to draw. `scores` and `attentions` have keys as columns, the others dimensions.",
    )
    view: Literal["single", "grid"] = Field(
        "single",
        description="`single`: one matrix; `grid`: that of every head of the layer, or without `layer` of every layer, "
        "as small multiples with one colour bar.",
    )
    layer: Index | None = Field(
        None,
        description="Which layer; negatives count from the end; null = the last, or every layer in a grid.",
    )
    head: Index | None = Field(
        None,
        description="Which head; negatives count from the end; null = 0 for `synthetic`, all of them for pretrained.",
    )
    head_reduction: Literal["none", "mean", "max"] | None = Field(
        None,
        description="Draw the elementwise mean or maximum of all heads; null = `none`, one head, or `mean` "
        "for pretrained models without `head`. Not with `head`.",
    )
    pooling: Literal["max", "mean"] = Field(
        "max", description="What a bin of cells shows where the matrix has more cells than the picture has pixels."
    )
    title: Annotated[str, Field(max_length=200)] | None = Field(
        None,
        description='Title of the picture; null = the tensor\'s own, for `attentions` "Attention Scores Heatmap", the '
        "notebook's.",
    )
    colormap: Colormap = Field(
        "viridis",
        description="Colour map, by matplotlib's name. RdBu and PuOr diverge: they are symmetric about zero where the "
        "matrix has numbers on both sides of it.",
    )
    color_range: Literal["data", "unit"] = Field(
        "data", description="What the colours span: `data`, the least to the greatest number drawn; `unit`, 0 to 1."
    )
    color_scale: Literal["linear", "log"] = Field(
        "linear",
        description="`log` starts at the smallest positive number (`unit`: 1e-6); zeros take its colour; refused where "
        "numbers are negative.",
    )
    labels: bool = Field(True, description="Whether rows and columns are labelled with their tokens.")
    colorbar: bool = Field(True, description="Whether a colour bar is drawn.")
    values: bool = Field(False, description="Whether cells show their numbers, where they are large enough for them.")
    width: int = Field(1000, ge=16, le=4000, description="Width of the picture in pixels.")
    height: int = Field(600, ge=16, le=4000, description="Height of the picture in pixels.")
    dpi_scale: int = Field(
        1,
        ge=1,
        le=3,
        description="How many pixels of a PNG, in both directions, make one of `width` and `height`: 2 or 3 for "
        "high-density screens. width × height × dpi_scale² may be 16,000,000 at most.",
    )
    format: Literal["png", "svg"] | None = Field(None, description="Form of the picture; beats the Accept header.")
    filename: Filename | None = Field(None, description=FILENAME)
    dry_run: bool = Field(False, description=DRY_RUN)

    @field_validator("view")
    @classmethod
    def _a_grid_has_heads(cls, view: str, info: ValidationInfo) -> str:
        if view == "grid" and info.data.get("tensor") == "embedding":
            raise _all_heads_share_the_embedding("view grid")
        return view

    @field_validator("head", "head_reduction")
    @classmethod
    def _one_choice_of_heads(cls, choice: int | str | None, info: ValidationInfo) -> int | str | None:
        if choice is None or choice == "none":
            return choice
        if info.data.get("view") == "grid":
            raise PydanticCustomError(
                "head_in_a_grid", "view grid draws every head: leave {field} out, or use view single", _name(info)
            )
        if info.data.get("tensor") == "embedding":
            raise _all_heads_share_the_embedding(str(info.field_name))
        if isinstance(choice, str) and info.data.get("head") is not None:
            raise PydanticCustomError(
                "head_with_head_reduction",
                "head picks one head, head_reduction merges all of them: send only one of both",
            )
        return choice

    @field_validator("dpi_scale")
    @classmethod
    def _pixels_fit(cls, dpi_scale: int, info: ValidationInfo) -> int:
        pixels = info.data.get("width", 1) * info.data.get("height", 1) * dpi_scale**2
        if pixels > MAX_PIXELS:
            raise PydanticCustomError(
                "too_many_pixels",
                "width × height × dpi_scale² is {pixels}, the limit is {limit}: make one of the three smaller",
                {"pixels": f"{pixels:,}", "limit": f"{MAX_PIXELS:,}"},
            )
        return dpi_scale


def _all_heads_share_the_embedding(field: str) -> PydanticCustomError:
    return PydanticCustomError(
        "no_heads", "all heads share the embedding: leave {field} out, or draw another tensor", {"field": field}
    )


def _name(info: ValidationInfo) -> dict[str, str | None]:
    return {"field": info.field_name}
