"""The tokens of the documents that were read last: who looks at a document part by part sends it whole for each."""

from sys import getsizeof

from service.engine.tokenizer import Tokenizer
from service.engine.tokens import Tokens

MOST_BYTES = 16 * 1024**2
"""Of all together: four books of 65,536 tokens."""
BYTES_PER_TOKEN = 46
"""Of a document's tokens; measured."""


class LastRead:
    """Documents by their text, and how it was tokenized; those that nobody asked for again go first."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        """Keep so many bytes."""
        self._most_bytes = most_bytes
        self._bytes = 0
        self._documents: dict[tuple[Tokenizer, str], Tokens] = {}
        """In the order in which they were last asked for."""

    def get(self, tokenizer: Tokenizer, sentence: str) -> Tokens | None:
        """What `tokenizer` has made of `sentence`, if that is known."""
        key = (tokenizer, sentence)
        tokens = self._documents.pop(key, None)
        if tokens is not None:
            self._documents[key] = tokens
        return tokens

    def keep(self, tokenizer: Tokenizer, tokens: Tokens) -> None:
        """Keep what was read just now, unless it alone is too much."""
        key = (tokenizer, tokens.sentences[0])
        if key in self._documents or _bytes_of(tokens) > self._most_bytes:
            return
        self._documents[key] = tokens
        self._bytes += _bytes_of(tokens)
        while self._bytes > self._most_bytes:
            self._bytes -= _bytes_of(self._documents.pop(next(iter(self._documents))))


def _bytes_of(tokens: Tokens) -> int:
    return getsizeof(tokens.sentences[0]) + len(tokens) * BYTES_PER_TOKEN
