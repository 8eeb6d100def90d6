"""Whether an answer would be too large, decided before any work."""

from collections.abc import Collection

from service.api.encoding import count_numbers, estimate_json_bytes
from service.engine.errors import ResponseTooLargeError
from service.engine.synthetic import SyntheticParameters

FLOAT32_BYTES = 4


def check_response_size(
    n: int, parameters: SyntheticParameters, include: Collection[str], decimals: int | None, limit: int
) -> None:
    """Let pass what makes an answer of at most `limit` bytes for n tokens.

    Raises:
        ResponseTooLargeError: it may be larger; says what would do.
    """
    size = estimate_json_bytes(n, parameters, include, decimals)
    if size <= limit:
        return
    fitting = _most_tokens(n, parameters, include, decimals, limit)
    advice = f"The same with at most {fitting:,} tokens would do, and so would" if fitting else "Ask for"
    raise ResponseTooLargeError(
        "include",
        f"The answer could have {size:,} bytes, the limit is {limit:,} (MAX_RESPONSE_BYTES). {advice} fewer tensors in "
        "include, fewer heads or fewer decimals.",
    )


def check_grid_size(n: int, parameters: SyntheticParameters, tensor: str, limit: int) -> None:
    """Let pass a picture of all heads whose float32 matrices take at most `limit` bytes together.

    Raises:
        ResponseTooLargeError: they take more.
    """
    size = count_numbers(n, parameters)[tensor] * FLOAT32_BYTES
    if size > limit:
        raise ResponseTooLargeError(
            "view",
            f"The matrices of all heads have {size:,} bytes, the limit is {limit:,} (MAX_RESPONSE_BYTES). Use view "
            "single, fewer heads or a shorter text.",
        )


def _most_tokens(
    n: int, parameters: SyntheticParameters, include: Collection[str], decimals: int | None, limit: int
) -> int:
    fitting, too_many = 0, n
    while too_many - fitting > 1:
        middle = (fitting + too_many) // 2
        if estimate_json_bytes(middle, parameters, include, decimals) <= limit:
            fitting = middle
        else:
            too_many = middle
    return fitting
