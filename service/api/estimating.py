"""What a request would cost: the estimates by which it is let in and gets its place to run, told to who asks."""

from service.api import pictures
from service.api.attention_request import AttentionForm, AttentionRequest
from service.api.encoding import Encoded
from service.api.estimates import Estimate, Milliseconds, Picture
from service.api.heatmap_request import HeatmapRequest
from service.engine.models import Model
from service.engine.plan import Plan
from service.engine.shapes import Dimensions, Shape
from service.heatmap.composition import Plot
from service.heatmap.render import Form, estimate_bytes, estimate_seconds


def of_attention(
    request: AttentionRequest, form: AttentionForm, plan: Plan, size: int, seconds_to_encode: float
) -> Encoded:
    """The estimate of an answer of `size` bytes at most."""
    dimensions = _dimensions(plan)
    shapes = {name: dimensions.shape(name) for name in plan.wanted.include}
    return _encode(request, form, plan, shapes, None, size, seconds_to_encode)


def of_picture(request: HeatmapRequest, form: Form, model: Model, plan: Plan, plot: Plot) -> Encoded:
    """The estimate of a picture."""
    style = pictures.style(request, model)
    pixels = style.dpi_scale if form == "png" else 1
    picture = Picture(width=style.width * pixels, height=style.height * pixels, matrices=len(plot.matrices))
    metadata = sum(map(len, pictures.metadata(request, model, plan).values()))
    size = metadata + estimate_bytes(plot, style, form)
    return _encode(
        request, form, plan, {request.tensor: plot.shape}, picture, size, estimate_seconds(plot, style, form)
    )


def _dimensions(plan: Plan) -> Dimensions:
    """Those of the answer, whose matrices may be of words."""
    words = plan.wanted.words
    if words is None:
        return plan.size
    queries, keys = len(words.queries), len(words.keys)
    return plan.size._replace(queries=queries, keys=keys, rows=queries, columns=keys)


def _encode(
    request: AttentionRequest | HeatmapRequest,
    form: str,
    plan: Plan,
    shapes: dict[str, Shape],
    picture: Picture | None,
    size: int,
    seconds_to_encode: float,
) -> Encoded:
    estimate = Estimate(
        model=request.model,
        form=form,
        num_tokens=len(plan.source),
        num_target_tokens=None if plan.target is None else len(plan.target),
        shapes={name: list(shape) for name, shape in shapes.items()},
        picture=picture,
        bytes=size,
        milliseconds=Milliseconds(
            compute=round(plan.seconds * 1e3, 3),
            encode=round(seconds_to_encode * 1e3, 3),
        ),
    )
    return Encoded([estimate.model_dump_json().encode()])
