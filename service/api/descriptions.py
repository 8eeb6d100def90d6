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
from service.api.attention_request import AttentionRequest
from service.api.heatmap_request import HeatmapRequest
from service.api.questions import NOT_TAKEN
from service.api.requests import SentenceRequest, TokenizeRequest
from service.api.service_answers import Info, ModelDescription
from service.engine.engine import Engine
from service.engine.models import Model

ENDPOINTS: dict[str, type[SentenceRequest]] = {
    "tokenize": TokenizeRequest,
    "attention": AttentionRequest,
    "heatmap": HeatmapRequest,
}


def describe_model(name: str, model: Model, engine: Engine) -> ModelDescription:
    """What a model is, takes and offers."""
    facts = model.facts
    refused = NOT_TAKEN[facts.kind] if "cross" in facts.stacks else NOT_TAKEN[facts.kind] | {"target"}
    taken = {
        endpoint: [field for field in request.model_fields if field not in refused]
        for endpoint, request in ENDPOINTS.items()
    }
    declared = {
        field: ENDPOINTS[endpoint].model_fields[field].default
        for endpoint, names in taken.items()
        for field in names
        if not ENDPOINTS[endpoint].model_fields[field].is_required()
    }
    return ModelDescription(
        id=name,
        kind=facts.kind,
        architecture=facts.architecture,
        stacks=dict(facts.stacks),
        layers=facts.stacks[facts.default_stack],
        heads=facts.heads,
        num_key_value_heads=facts.num_key_value_heads,
        widths=None if facts.widths is None else dict(facts.widths),
        max_tokens=facts.max_tokens,
        max_stream_tokens=facts.max_stream_tokens,
        tensors=list(facts.tensors),
        fields=taken,
        defaults=declared | _defaults(model),
        revision=facts.revision,
        dtype=facts.dtype,
        device=str(engine.device),
        tolerance=facts.tolerance,
        tokenizer=facts.tokenizer,
        license=facts.license,
    )


def _defaults(model: Model) -> dict[str, object]:
    """What null means for this model."""
    facts = model.facts
    shared = {
        "add_special_tokens": facts.adds_special_tokens,
        "include": list(facts.default_include),
        "title": pictures.TITLES["attentions"],
    }
    if facts.kind == "synthetic":
        return shared | {"layer": 0, "head": 0, "head_reduction": "none"}
    return shared | {"layers": [-1], "layer": -1, "head_reduction": "mean", "stack": facts.default_stack}


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
