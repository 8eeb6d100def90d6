"""What of a question's choices a model has: tensors, layers, heads, words, and the part that is seen of matrices."""

from collections.abc import Collection, Sequence

from service.engine.collecting import HEAD_TENSORS, Words
from service.engine.cutting import OVER_KEYS
from service.engine.errors import IndexOutOfRangeError, NotOfferedError
from service.engine.plan import Question
from service.engine.shapes import ROW_STATISTICS
from service.engine.tokens import Tokens
from service.engine.view import Sight, View, resolve
from service.engine.words import words_of

POOLED = frozenset({"attentions", "rollout", "value_weighted", *ROW_STATISTICS})
"""What can be of words."""
DRAWN = frozenset({"embedding", *HEAD_TENSORS})
"""What can be drawn."""


def choose_include(question: Question, default: Sequence[str], offered: Collection[str]) -> Sequence[str]:
    """The names of the tensors to answer.

    Raises:
        NotOfferedError: the model does not offer one, or it cannot be of words.
    """
    is_of_words = question.level == "word"
    if question.include is None:
        return [name for name in default if name in POOLED] if is_of_words else default
    possible = frozenset(offered)
    if question.picture:
        possible &= DRAWN
    if is_of_words:
        possible &= POOLED
    for name in question.include:
        if name not in possible:
            field = "tensor" if question.picture else "include"
            choices = ", ".join(choice for choice in offered if choice in possible)
            if name in offered:
                raise NotOfferedError(field, f"{name} is of tokens: use level token, or choose from: {choices}.")
            why = _why_not_offered(name, offered)
            raise NotOfferedError(field, f"This model does not offer {name}: {why}. Choose from: {choices}.")
    return question.include


def _why_not_offered(name: str, offered: Collection[str]) -> str:
    if "scores" not in offered:
        return "it is outside transformers' attention interface, and tells its attentions alone"
    if name == "value_weighted":
        return "that needs an output projection, and none is known of this model"
    return "only synthetic models draw weights"


def choose_indices(field: str, chosen: Sequence[int] | None, count: int, default: Sequence[int]) -> Sequence[int]:
    """`chosen` counted from 0, where negatives count from the end; `default` where nothing is chosen.

    Raises:
        IndexOutOfRangeError: there are only `count`.
        NotOfferedError: one is chosen twice.
    """
    if chosen is None:
        return default
    for number in chosen:
        if not -count <= number < count:
            raise IndexOutOfRangeError(field, number, count)
    indices = [number % count for number in chosen]
    if len(set(indices)) < len(indices):
        raise NotOfferedError(field, f"{field} names one twice: -1 is {count - 1}, too. Name each once.")
    return indices


def choose_words(question: Question, queries: Tokens, keys: Tokens) -> Words | None:
    """The words that matrices are pooled to, if they are."""
    if question.level == "token":
        return None
    of_queries = words_of(queries)
    return Words(of_queries, of_queries if keys is queries else words_of(keys))


def choose_view(question: Question, include: Sequence[str], n: int, m: int) -> View | None:
    """What of the matrices of n queries and m keys is answered; None = all.

    Raises:
        NotOfferedError: there is no such window, or `include` has what cannot be seen so.
    """
    sight = question.sight
    if sight.is_whole and (not question.picture or question.level == "word"):
        return None
    if question.level == "word":
        _refuse(sight, "cannot be had of words: use level token")
    if sight.top_k is not None:
        if sight.most_bins is not None:
            raise NotOfferedError("top_k", "top_k tells single keys, and bins have many: send only one of both.")
        others = [name for name in include if name in OVER_KEYS - {"attentions"}]
        if "attentions" not in include or others:
            what = f"leave {', '.join(others)} out" if others else "name attentions"
            raise NotOfferedError(
                "top_k", f"top_k tells the strongest attentions, and no whole rows: {what} in include."
            )
    if sight.most_bins is not None and not UNPOOLED.isdisjoint(include):
        names = ", ".join(name for name in include if name in UNPOOLED)
        raise NotOfferedError("bins", f"bins are of scores and attentions: leave {names} out of include.")
    return resolve(sight, n, m)._replace(marks_masked=question.picture)


UNPOOLED = OVER_KEYS - {"scores", "attentions"}
"""Matrices over keys that are not pooled to bins."""


def _refuse(sight: Sight, why: str) -> None:
    named = [name for name, value in sight.fields.items() if value is not None]
    raise NotOfferedError(named[0], f"{' and '.join(named)} {why}.", named[1:])


def is_streamed(include: Sequence[str], view: View | None, longest: int, most_tokens: int) -> bool:
    """Whether rows are computed some at a time: where bins are wanted, or no matrix of so many tokens may be whole.

    It depends on the request and the settings alone.
    """
    over_rows = {"scores", "attentions", "output", *ROW_STATISTICS}.intersection(include)
    is_pooled = view is not None and view.is_pooled and not {"scores", "attentions"}.isdisjoint(include)
    return bool(over_rows) and (is_pooled or longest > most_tokens)
