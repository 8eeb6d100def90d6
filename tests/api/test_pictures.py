"""What tokens are called in pictures."""

import pytest

from service.api.pictures import labels_by_text, labels_of
from service.engine.tokenizer import Tokenizer, bert_base_uncased
from service.engine.tokens import Text
from tests.models import ARCHITECTURES


def texts(architecture: str, sentence: str) -> list[str]:
    """The labels of a tokenizer's tokens, the pale part in brackets."""
    _, _, make = ARCHITECTURES[architecture]
    tokens = Tokenizer(make().backend_tokenizer)(Text(sentence, add_special_tokens=True))
    return [f"({label.faint}){label.text}" if label.faint else label.text for label in labels_by_text(tokens)]


def test_wordpieces_keep_their_mark_and_special_tokens_are_pale() -> None:
    labels = labels_of(bert_base_uncased()(Text("unbelievably", add_special_tokens=True)))
    assert [(label.faint, label.text) for label in labels][:3] == [("[CLS]", ""), ("", "un"), ("##", "bel")]


@pytest.mark.parametrize("architecture", ["gpt2", "llama", "t5"])
def test_other_tokens_are_called_what_they_stand_for(architecture: str) -> None:
    labels = texts(architecture, "the quick brown fox")
    assert [label for label in labels if not label.startswith("(")][-3:] == ["quick", "brown", "fox"]


def test_bytes_of_one_letter_are_called_that_letter() -> None:
    assert set(texts("gpt2", "東")) == {"東", "(##)東"}


def test_a_space_alone_is_visible() -> None:
    assert "␣" in "".join(texts("t5", "q"))
