"""Whether an answer would be too large, decided before any work."""

from math import prod

from service.api.encoding import BYTES_PER_CHARACTER, BYTES_PER_WORD, estimate_json_bytes
from service.engine.errors import ResponseTooLargeError
from service.engine.plan import Plan
from service.engine.shapes import Dimensions

FLOAT32_BYTES = 4


def check_response_size(plan: Plan, form: str, decimals: int | None, limit: int) -> int:
    """Let pass what makes an answer of at most `limit` bytes in `form`; how many it may have.

    Raises:
        ResponseTooLargeError: it may be larger; says what would do.
    """
    size = _estimate(plan, plan.tokens, plan.size, form, decimals)
    if size <= limit:
        return size
    fitting = _most_tokens(plan, form, decimals, limit)
    advice = f"The same with at most {fitting:,} tokens would do, and so would" if fitting else "Ask for"
    fewer = "layers, heads or decimals, or format safetensors" if form == "json" else "layers or heads"
    raise ResponseTooLargeError(
        "include",
        f"The answer could have {size:,} bytes, the limit is {limit:,} (MAX_RESPONSE_BYTES). {advice} fewer tensors in "
        f"include, fewer {fewer}.",
    )


def check_grid_size(plan: Plan, limit: int) -> None:
    """Let pass a picture of many heads whose float32 matrices take at most `limit` bytes together.

    Raises:
        ResponseTooLargeError: they take more.
    """
    [tensor] = plan.wanted.include
    size = prod(plan.size.shape(tensor)) * FLOAT32_BYTES
    if size > limit:
        raise ResponseTooLargeError(
            "view",
            f"The matrices of all heads have {size:,} bytes, the limit is {limit:,} (MAX_RESPONSE_BYTES). Use view "
            "single, fewer heads or a shorter text.",
        )


def _most_tokens(plan: Plan, form: str, decimals: int | None, limit: int) -> int:
    """How many tokens each text could have."""
    fitting, too_many = 0, max(plan.size.queries, plan.size.keys)
    while too_many - fitting > 1:
        n = (fitting + too_many) // 2
        size = plan.size._replace(queries=min(n, plan.size.queries), keys=min(n, plan.size.keys))
        if _estimate(plan, min(2 * n, plan.tokens), size, form, decimals) <= limit:
            fitting = n
        else:
            too_many = n
    return fitting


def _estimate(plan: Plan, tokens: int, size: Dimensions, form: str, decimals: int | None) -> int:
    """How many bytes an answer may have about so many of the plan's tokens, with tensors of this `size`."""
    if form == "json":
        total = estimate_json_bytes(tokens, size, tuple(plan.wanted.include), decimals)
    else:
        total = estimate_json_bytes(tokens, size, (), None)
        total += sum(FLOAT32_BYTES * prod(size.shape(name)) for name in plan.wanted.include)
    if plan.target is not None:
        total += plan.target.characters * BYTES_PER_CHARACTER  # among the parameters
    if plan.wanted.words is not None:
        characters = plan.source.characters + (0 if plan.target is None else plan.target.characters)
        total += tokens * BYTES_PER_WORD + characters * BYTES_PER_CHARACTER
    return total
