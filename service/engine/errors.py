"""What can go wrong in the engine, without HTTP.

EngineError
├── RequestError                 a request asks for what cannot be done; `fields` names the culprits
│   ├── NoTokensError
│   ├── TooManyTokensError
│   ├── UnknownModelError
│   ├── IndexOutOfRangeError     a layer or head that the model does not have
│   ├── NotOfferedError          a field or tensor that the model does not have
│   ├── ResponseTooLargeError
│   └── TooMuchWorkError          it would take too long, or too much memory
├── DeviceUnavailableError       at start-up
└── ModelLoadError               at start-up
"""

from collections.abc import Sequence


class EngineError(Exception):
    """Base of all the engine's errors; its text is fit for users."""


class RequestError(EngineError):
    """A request asks for what cannot be done."""

    code = "invalid"

    def __init__(self, field: str, detail: str, others: Sequence[str] = ()) -> None:
        """Blame `field` of the request, and `others`; `detail` says what was wrong, the limit and what to do."""
        super().__init__(detail)
        self.fields = (field, *others)


class NoTokensError(RequestError):
    """Nothing is left of a sentence after tokenization."""

    code = "no_tokens"

    def __init__(self, field: str) -> None:
        """Blame `field`, `sentence` or `sentence_pair`."""
        super().__init__(
            field, f"{field} has no tokens: it is empty, blank or made of control characters. Send some text."
        )


class TooManyTokensError(RequestError):
    """A text is longer than the model takes."""

    code = "too_many_tokens"

    def __init__(  # each is told
        self,
        field: str,
        count: int,
        limit: int,
        *,
        is_pair: bool,
        can_truncate: bool,
        would_do_in_part: bool = False,
    ) -> None:
        """State both numbers, in tokens; `field` is `sentence`, `target`, or of a pair the longer sentence."""
        has, together = ("sentence and sentence_pair have", " together") if is_pair else (f"{field} has", "")
        advice = ", send it in parts, or send truncate: true" if can_truncate else " or send it in parts"
        if would_do_in_part:
            advice += ", or ask for less than whole matrices: query_window and key_window, bins, or top_k"
        super().__init__(field, f"{has} {count:,} tokens{together}, the limit is {limit:,}. Shorten {field}{advice}.")


class UnknownModelError(RequestError):
    """No such model is configured."""

    code = "unknown_model"

    def __init__(self, model: str, known: list[str]) -> None:
        """Name the models there are."""
        super().__init__("model", f"There is no model {model[:64]!r} here. Choose one of: {', '.join(known)}.")


class IndexOutOfRangeError(RequestError):
    """A layer or head that the model does not have."""

    code = "out_of_range"

    def __init__(self, field: str, index: int, count: int) -> None:
        """`field` (layer, layers, head or heads) asks for `index` where there are `count` of them."""
        kind = field.removesuffix("s")
        super().__init__(
            field,
            f"{kind} is {index}, but the number of {kind}s is {count}: choose {-count} to {count - 1}, "
            "where negatives count from the end.",
        )


class NotOfferedError(RequestError):
    """A field or a tensor that the chosen model does not have."""

    code = "not_offered"


class ResponseTooLargeError(RequestError):
    """The answer would be larger than the service sends."""

    code = "response_too_large"


class TooMuchWorkError(RequestError):
    """To compute it would take longer than an answer may, or more memory."""

    code = "too_much_work"


class DeviceUnavailableError(EngineError):
    """The configured torch device is not on this machine."""


class ModelLoadError(EngineError):
    """A configured model cannot be loaded, or its attention cannot be trusted."""

    def __init__(self, model: str, reason: str) -> None:
        """Name the model and say why, in one line."""
        super().__init__(f"model {model}: {reason}")
