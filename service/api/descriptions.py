"""What clients are told of the service itself: its models, versions and limits."""

import platform
from collections.abc import Mapping

import numpy as np
import PIL
import tokenizers
import torch
import transformers

from service import __version__
from service.api import pictures
from service.api.answers import Info, ModelDescription
from service.api.heatmap_request import HeatmapRequest
from service.api.requests import AttentionRequest, SentenceRequest, TokenizeRequest
from service.engine.engine import SYNTHETIC, Engine
from service.engine.synthetic import HEAD_TENSORS, SHARED_TENSORS

DEFAULT_INCLUDE = ["attentions", "output"]
DEFAULTS = {
    "add_special_tokens": False,
    "include": DEFAULT_INCLUDE,
    "layer": 0,
    "head": 0,
    "head_reduction": "none",
    "title": pictures.TITLES["attentions"],
}
"""What null means for `synthetic`."""
ENDPOINTS: dict[str, type[SentenceRequest]] = {
    "tokenize": TokenizeRequest,
    "attention": AttentionRequest,
    "heatmap": HeatmapRequest,
}


def describe_synthetic(engine: Engine) -> ModelDescription:
    """The exercise notebook's model."""
    declared = {
        name: field.default
        for request in ENDPOINTS.values()
        for name, field in request.model_fields.items()
        if not field.is_required()
    }
    return ModelDescription(
        id=SYNTHETIC,
        kind="synthetic",
        layers=1,
        heads=None,
        num_key_value_heads=None,
        widths=None,
        max_tokens=engine.max_tokens,
        tensors=[*SHARED_TENSORS, *HEAD_TENSORS],
        fields={name: list(request.model_fields) for name, request in ENDPOINTS.items()},
        defaults=declared | DEFAULTS,
        revision=None,
        dtype="float32",
        device=str(engine.device),
        tolerance=0.0,
        tokenizer="bert-base-uncased",
        license="Apache-2.0",
    )


def describe_service(engine: Engine, limits: Mapping[str, int]) -> Info:
    """What runs here."""
    return Info(
        name="attention-service",
        version=__version__,
        versions={
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "tokenizers": tokenizers.__version__,
            "numpy": np.__version__,
            "pillow": PIL.__version__,
        },
        device=str(engine.device),
        cpu_capability=torch.backends.cpu.get_cpu_capability(),
        num_threads=engine.worker.num_threads,
        limits=dict(limits),
    )
