"""The exercise notebook's own calls, its two exercises solved: what the service must reproduce to the last bit."""

import math
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from transformers import BertTokenizer

from service.engine.tokenizer import VOCABULARY

SENTENCE = "Transformers are powerful models for natural language processing."
TOKENS = ["transformers", "are", "powerful", "models", "for", "natural", "language", "processing", "."]


@cache
def tokenizer() -> BertTokenizer:
    return BertTokenizer(vocab=str(VOCABULARY))


def run(sentence: str, seed: int = 0, embedding_dim: int = 8, dk: int = 4, dv: int = 4) -> dict[str, np.ndarray]:
    """The notebook's matrices under the service's names."""
    tokens = tokenizer().tokenize(sentence)
    input_ids = tokenizer().convert_tokens_to_ids(tokens)
    assert isinstance(input_ids, list)

    torch.manual_seed(seed)
    data = torch.rand((len(input_ids), embedding_dim))
    query_weights = torch.rand((embedding_dim, dk))
    key_weights = torch.rand((embedding_dim, dk))
    value_weights = torch.rand((embedding_dim, dv))

    query = torch.matmul(data, query_weights)
    key = torch.matmul(data, key_weights)
    value = torch.matmul(data, value_weights)

    scores = torch.matmul(query, key.T) / math.sqrt(dk)
    attention_scores = F.softmax(scores, dim=-1)
    weighted_values = torch.matmul(attention_scores, value)
    tensors = {
        "embedding": data,
        "query_weights": query_weights,
        "key_weights": key_weights,
        "value_weights": value_weights,
        "query": query,
        "key": key,
        "value": value,
        "scores": scores,
        "attentions": attention_scores,
        "output": weighted_values,
    }
    return {name: tensor.numpy() for name, tensor in tensors.items()}
