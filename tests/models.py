"""Small pretrained models of every architecture, randomly initialised and saved as a hub would have them."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoModel, BertTokenizer, PreTrainedConfig, PreTrainedTokenizerFast

from service.engine.tokenizer import VOCABULARY

CORPUS = [
    "Transformers are powerful models for natural language processing.",
    "the quick brown fox jumps over the lazy dog, and attention is all you need",
    "naïve café, привет мир, 東京 and 🙂 are words, too; numbers 0123456789",
]
SPECIAL = ["<pad>", "<s>", "</s>", "<unk>"]
VOCABULARY_SIZE = 400
SIZES = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 64}
GROUPED = SIZES | {"num_key_value_heads": 2, "head_dim": 8}
POSITIONS = 128


def _bert_tokenizer() -> PreTrainedTokenizerFast:
    return BertTokenizer(vocab=str(VOCABULARY))


def _byte_level() -> Tokenizer:
    """As GPT-2 has it: bytes as letters, a space as part of the word behind it."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        CORPUS, trainers.BpeTrainer(vocab_size=VOCABULARY_SIZE, special_tokens=SPECIAL, initial_alphabet=alphabet)
    )
    return tokenizer


def _metaspace() -> Tokenizer:
    """As Llama and T5 have it: ▁ before words."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=False))
    tokenizer.normalizer = normalizers.Replace(Regex(" {2,}"), " ")
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=VOCABULARY_SIZE, special_tokens=SPECIAL))
    return tokenizer


def _wrapped(make: Callable[[], Tokenizer], template: str | None) -> PreTrainedTokenizerFast:
    backend = make()
    if template is not None:
        backend.post_processor = processors.TemplateProcessing(
            single=template, pair=f"{template} $B:1 </s>:1", special_tokens=[("<s>", 1), ("</s>", 2)]
        )
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]  # transformers types it not
        tokenizer_object=backend, pad_token="<pad>", bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )


BYTES = partial(_wrapped, _byte_level, None)
MARKED_BYTES = partial(_wrapped, _byte_level, "<s> $A </s>")
PIECES = partial(_wrapped, _metaspace, "<s> $A")
ENDED_PIECES = partial(_wrapped, _metaspace, "$A </s>")

IDS = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
BERT_IDS = {"vocab_size": 30522, "max_position_embeddings": POSITIONS, "pad_token_id": 0}
OTHER_IDS = IDS | {"vocab_size": VOCABULARY_SIZE, "max_position_embeddings": POSITIONS}

ARCHITECTURES: Mapping[str, tuple[str, dict[str, Any], Callable[[], PreTrainedTokenizerFast]]] = {
    "bert": ("BertConfig", SIZES | BERT_IDS, _bert_tokenizer),
    "roberta": (
        "RobertaConfig",
        SIZES | OTHER_IDS | {"pad_token_id": 1, "bos_token_id": 0, "type_vocab_size": 1},
        MARKED_BYTES,
    ),
    "distilbert": (
        "DistilBertConfig",
        {"dim": 32, "n_layers": 3, "n_heads": 4, "hidden_dim": 64} | BERT_IDS,
        _bert_tokenizer,
    ),
    "electra": ("ElectraConfig", SIZES | BERT_IDS | {"embedding_size": 16}, _bert_tokenizer),
    "modernbert": (
        "ModernBertConfig",
        SIZES
        | OTHER_IDS
        | {"local_attention": 8, "global_attn_every_n_layers": 2, "cls_token_id": 1, "sep_token_id": 2},
        MARKED_BYTES,
    ),
    "gpt2": (
        "GPT2Config",
        {"n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": POSITIONS, "vocab_size": VOCABULARY_SIZE} | IDS,
        BYTES,
    ),
    "gptneox": ("GPTNeoXConfig", SIZES | OTHER_IDS, BYTES),
    "llama": ("LlamaConfig", GROUPED | OTHER_IDS, PIECES),
    "qwen3": ("Qwen3Config", GROUPED | OTHER_IDS | {"head_dim": 16}, BYTES),
    "mistral": ("MistralConfig", GROUPED | OTHER_IDS | {"sliding_window": 6}, PIECES),
    "gemma2": (
        "Gemma2Config",
        GROUPED | OTHER_IDS | {"sliding_window": 6, "attn_logit_softcapping": 2.0, "query_pre_attn_scalar": 8},
        PIECES,
    ),
    "gptoss": (
        "GptOssConfig",
        GROUPED | OTHER_IDS | {"sliding_window": 6, "num_local_experts": 2, "num_experts_per_tok": 1},
        BYTES,
    ),
    "t5": (
        "T5Config",
        {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 3, "num_decoder_layers": 2, "num_heads": 4}
        | {"vocab_size": VOCABULARY_SIZE, "decoder_start_token_id": 0, "pad_token_id": 0, "eos_token_id": 2},
        ENDED_PIECES,
    ),
    "bart": (
        "BartConfig",
        {"d_model": 32, "encoder_layers": 3, "decoder_layers": 2, "encoder_attention_heads": 4}
        | {"decoder_attention_heads": 4, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64, "decoder_start_token_id": 2}
        | OTHER_IDS,
        MARKED_BYTES,
    ),
    "mpnet": ("MPNetConfig", SIZES | BERT_IDS | {"pad_token_id": 1}, _bert_tokenizer),
    "debertav2": (
        "DebertaV2Config",
        SIZES | BERT_IDS | {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_buckets": 16},
        _bert_tokenizer,
    ),
    "bloom": (
        "BloomConfig",
        {"hidden_size": 32, "n_layer": 3, "n_head": 4, "vocab_size": VOCABULARY_SIZE} | IDS,
        BYTES,
    ),
    "falcon": (
        "FalconConfig",
        {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4} | OTHER_IDS,
        BYTES,
    ),
}
"""By name: the class of the configuration, its values, and a tokenizer of the kind that such models have."""
EAGER = ("mpnet", "debertav2", "bloom", "falcon")
"""Those outside transformers' attention interface."""
WITH_DECODER = ("t5", "bart")


def save(architecture: str, folder: Path, seed: int = 0, **changes: Any) -> Path:
    """A model in `folder`, with `changes` of its configuration; its weights are large enough that heads differ."""
    class_name, values, make_tokenizer = ARCHITECTURES[architecture]
    config: PreTrainedConfig = getattr(transformers, class_name)(**values | changes)
    torch.manual_seed(seed)
    model = AutoModel.from_config(config)  # type: ignore[no-untyped-call]  # transformers types it not
    with torch.no_grad():
        for parameter in _matrices(model):
            parameter.mul_(8)
    model.save_pretrained(folder)
    make_tokenizer().save_pretrained(folder)
    return folder


def _matrices(model: torch.nn.Module) -> Iterator[torch.Tensor]:
    """The weights of queries and keys: those that make attentions sharp."""
    for name, parameter in model.named_parameters():
        if any(part in name for part in ("query", "key", "q_proj", "k_proj", "q_lin", "k_lin", "c_attn", "Wqkv")):
            yield parameter
