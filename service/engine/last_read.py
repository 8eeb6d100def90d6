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
        self._documents: dict[tuple[Tokenizer, str], tuple[Tokens, int]] = {}
        """With the bytes that each has; in the order in which they were last asked for."""

    def get(self, tokenizer: Tokenizer, sentence: str) -> Tokens | None:
        """What `tokenizer` has made of `sentence`, if that is known."""
        kept = self._documents.pop((tokenizer, sentence), None)
        if kept is None:
            return None
        tokens, _ = kept
        self._documents[tokenizer, tokens.sentences[0]] = kept  # the text that was counted, not that which came now
        return tokens

    def keep(self, tokenizer: Tokenizer, tokens: Tokens) -> None:
        """Keep what was read just now, unless it alone is too much."""
        sentence = tokens.sentences[0]
        size = getsizeof(sentence) + len(tokens) * BYTES_PER_TOKEN
        if (tokenizer, sentence) in self._documents or size > self._most_bytes:
            return
        self._documents[tokenizer, sentence] = tokens, size
        self._bytes += size
        while self._bytes > self._most_bytes:
            _, size = self._documents.pop(next(iter(self._documents)))
            self._bytes -= size
