"""Loading a pretrained model: its tokenizer, its weights, and what is known of it."""

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from torch import nn
from transformers import (
    AutoConfig,
    AutoModel,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)
from transformers.utils.logging import disable_progress_bar, set_verbosity_error

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
set_verbosity_error()  # type: ignore[no-untyped-call]  # what it warns of is refused here in one line, or of no matter


class Loaded(NamedTuple):
    """A model in memory."""

    model: PreTrainedModel
    tokenizer: Tokenizer
    fast: PreTrainedTokenizerFast
    place: str
    """The repository, or the folder's name."""
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
        model, report = _load_weights(folder, config, dtype)
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
        model=model.to(device).eval(),
        tokenizer=Tokenizer(fast.backend_tokenizer),
        fast=fast,
        place=folder.resolve().name if source.is_folder else source.place,
        revision=revision,
        license=_license(folder),
    )


def _load_weights(folder: Path, config: PreTrainedConfig, dtype: DType) -> tuple[Any, dict[str, Any]]:
    """The model, under the registered name, or `eager` where it looks that up in a table of its own."""
    load: Callable[..., tuple[Any, dict[str, Any]]] = partial(
        AutoModel.from_pretrained,
        folder,
        config=config,
        dtype=dtype if dtype == "auto" else getattr(torch, dtype),
        use_safetensors=True,
        output_loading_info=True,
        **LOCAL,
    )
    try:
        return load(attn_implementation=NAME)
    except KeyError as error:
        if error.args != (NAME,):
            raise
        return load(attn_implementation="eager")


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
    reason = first_line(error).replace(str(folder), source.place)
    if "mismatched_sizes" in reason:
        return "its weights have other shapes than its config.json says"
    return f"{type(error).__name__} {reason}" if isinstance(error, LookupError) else reason


def _license(folder: Path) -> str | None:
    """The licence that the model card names, if there is one."""
    card = folder / "README.md"
    if not card.is_file():
        return None
    lines = card.read_text(errors="replace").splitlines()
    named = (line.partition(":")[2].strip() for line in lines[:60] if line.startswith("license:"))
    return next(named, None) or None
