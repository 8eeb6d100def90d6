"""Loading a pretrained model: its tokenizer, its weights, and what is known of it."""

import logging
from pathlib import Path
from typing import Literal, NamedTuple

import torch
from torch import nn
from transformers import AutoConfig, AutoModel, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerFast
from transformers.utils.logging import disable_progress_bar

from service.engine.capture import NAME
from service.engine.errors import ModelLoadError
from service.engine.sources import Source, fetch, first_line
from service.engine.tokenizer import Tokenizer

DType = Literal["auto", "float32", "bfloat16", "float16"]
LOCAL = {"local_files_only": True, "trust_remote_code": False}
UNUSED = ("pooler.",)
"""Weights that no attention depends on."""

logger = logging.getLogger(__name__)
disable_progress_bar()  # type: ignore[no-untyped-call]  # the log is no terminal; transformers types it not


class Loaded(NamedTuple):
    """A model in memory."""

    model: PreTrainedModel
    tokenizer: Tokenizer
    fast: PreTrainedTokenizerFast
    place: str
    revision: str
    license: str | None


def load(source: Source, device: torch.device, dtype: DType) -> Loaded:
    """Load what `source` names onto `device`.

    Raises:
        ModelLoadError: it cannot be had, is damaged, or is no text model with a tokenizer.
    """
    folder, revision = fetch(source)
    logger.info("model %s: loading %s, revision %s", source.id, source.place, revision)
    try:
        config = AutoConfig.from_pretrained(folder, **LOCAL)
        fast = AutoTokenizer.from_pretrained(folder, **LOCAL)
        model, report = AutoModel.from_pretrained(
            folder,
            config=config,
            dtype=dtype if dtype == "auto" else getattr(torch, dtype),
            attn_implementation=NAME,
            use_safetensors=True,
            output_loading_info=True,
            **LOCAL,
        )
    except Exception as error:  # transformers raises many kinds; an operator needs one line
        raise ModelLoadError(source.id, f"cannot be loaded: {_reason(error, folder, source)}") from error
    missing = sorted(name for name in report["missing_keys"] if not name.startswith(UNUSED))
    if missing:
        raise ModelLoadError(source.id, f"{len(missing)} weights are missing, as {missing[0]}: they would be random")
    if not isinstance(fast, PreTrainedTokenizerFast):
        raise ModelLoadError(source.id, "its tokenizer has no fast form (tokenizer.json), so it tells no offsets")
    known, embedded = len(fast), model.config.vocab_size
    if not embedded / 2 <= known <= embedded:
        raise ModelLoadError(
            source.id, f"its tokenizer knows {known:,} tokens, its weights {embedded:,}: they do not belong together"
        )
    return Loaded(
        model.to(device).eval(), Tokenizer(fast.backend_tokenizer), fast, source.place, revision, _license(folder)
    )


def most_tokens(model: PreTrainedModel, limit: int) -> int:
    """How many tokens `model` has positions for, at most `limit`.

    RoBERTa's family counts positions from behind its padding token's, so that some of its table cannot be used.
    """
    positions = getattr(model.config, "max_position_embeddings", None)
    if not isinstance(positions, int) or positions < 1:
        return limit
    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, nn.Embedding) and module.padding_idx is not None:
            positions = module.num_embeddings - module.padding_idx - 1
    return min(positions, limit)


def _reason(error: Exception, folder: Path, source: Source) -> str:
    """One line that names no folder of this machine but the configured one."""
    return first_line(error).replace(str(folder), source.place)


def _license(folder: Path) -> str | None:
    """The licence that the model card names, if there is one."""
    card = folder / "README.md"
    if not card.is_file():
        return None
    lines = card.read_text(errors="replace").splitlines()
    named = (line.partition(":")[2].strip() for line in lines[:60] if line.startswith("license:"))
    return next(named, None) or None
