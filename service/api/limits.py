"""Whether an answer would be too large, or come too late, decided before any work."""

from math import ceil, prod, sqrt

from service.api.encoding import BYTES_PER_CHARACTER, BYTES_PER_WORD, estimate_json_bytes
from service.api.problems import ProblemError
from service.engine.errors import ResponseTooLargeError, TooMuchWorkError
from service.engine.plan import Plan
from service.engine.shapes import Dimensions

FLOAT32_BYTES = 4
SURE_SHARE = 0.9
"""Of the limit: what is advised should be let in."""


def check_response_size(plan: Plan, form: str, decimals: int | None, limit: int) -> int:
    """Let pass what makes an answer of at most `limit` bytes in `form`; how many it may have.

    Raises:
        ResponseTooLargeError: it may be larger; says what would do.
    """
    size = _estimate(plan, plan.tokens, plan.size, form, decimals)
    if size <= limit:
        return size
    if plan.wanted.view is not None:
        raise ResponseTooLargeError(
            "include",
            f"The answer could have {size:,} bytes, the limit is {limit:,} (MAX_RESPONSE_BYTES). Ask for smaller "
            "windows, fewer bins, a smaller top_k, fewer tensors in include, layers or heads.",
        )
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


def check_deadline(plan: Plan, limit: float) -> None:
    """Let pass what is streamed in at most `limit` seconds, as estimated.

    Raises:
        TooMuchWorkError: it takes longer; says what would do.
    """
    if not plan.wanted.streamed or plan.seconds <= limit:
        return
    share = SURE_SHARE * limit / plan.seconds
    queries = max(1, int((plan.size.queries if plan.wanted.view is None else plan.wanted.view.num_queries) * share))
    heads = len(plan.wanted.layers) * len(plan.wanted.heads)
    fewer = f", or fewer than {heads} heads" if heads > 1 else ""
    raise TooMuchWorkError(
        "sentence",
        f"To compute this would take about {plan.seconds:.0f} seconds, the limit is {limit:g} (REQUEST_TIMEOUT). Ask "
        f"for at most {queries:,} queries by query_window, or for a text of {sqrt(share):.0%} of its length{fewer}.",
        ["query_window"],
    )


def check_turn(seconds: float, ahead: float, left: float) -> None:
    """Let pass what needs so many `seconds`, and before it those `ahead` of it, and has so many `left`.

    Raises:
        ProblemError: it would end later; says so at once instead of then.
    """
    late = ahead + seconds - left
    if ahead and late > 0:
        raise ProblemError(
            "too-many-requests",
            f"Other long requests need about {ahead:.1f} seconds before this one has its turn, and this one needs "
            f"{seconds:.1f}, but only {left:.1f} are left of REQUEST_TIMEOUT. Try again later, or ask for less.",
            headers={"Retry-After": f"{ceil(late)}"},
        )


def _most_tokens(plan: Plan, form: str, decimals: int | None, limit: int) -> int:
    """How many tokens each text could have."""
    fitting, too_many = 0, max(plan.size.queries, plan.size.keys)
    while too_many - fitting > 1:
        n = (fitting + too_many) // 2
        queries, keys = min(n, plan.size.queries), min(n, plan.size.keys)
        size = plan.size._replace(queries=queries, keys=keys, rows=queries, columns=keys)
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
