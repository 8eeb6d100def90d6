"""The start-up probe refuses what would be silently wrong: lost masks, other numbers, layers that say nothing."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
import torch
from torch import Tensor
from transformers import AttentionMaskInterface, AutoModel
from transformers.masking_utils import eager_mask

from service.engine import capture, probe
from service.engine.capture import Layer
from service.engine.discovery import Onlooker
from service.engine.engine import Engine
from service.engine.errors import ModelLoadError
from service.engine.loading import DType
from service.engine.models import Batching
from service.engine.sources import Source


class Add(Protocol):
    """Loads and probes one of the small models."""

    def __call__(self, name: str, dtype: DType = "float32") -> None: ...


@pytest.fixture
def add(folders: dict[str, Path]) -> Iterator[Add]:
    engine = Engine("cpu")
    yield lambda name, dtype="float32": engine.add(Source(name, str(folders[name]), None), dtype, Batching())
    engine.close()


@pytest.fixture
def no_masks() -> Iterator[None]:
    """What happens where only an attention function is registered: the library makes no mask for it."""
    AttentionMaskInterface.register(capture.NAME, lambda *_, **__: None)
    yield
    AttentionMaskInterface.register(capture.NAME, eager_mask)


@pytest.mark.usefixtures("no_masks")
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("name", ["bert", "modernbert", "gpt2", "llama", "mistral", "gptoss", "t5", "bart"])
def test_a_lost_mask_is_refused(add: Add, name: str, dtype: DType) -> None:
    with pytest.raises(ModelLoadError, match="differ from the eager implementation's by"):
        add(name, dtype)


def change_scores(change: Callable[[Layer], Layer]) -> Callable[[Layer], Tensor]:
    scores = Layer.scores
    return lambda layer: scores(change(layer))


CHANGES: dict[str, tuple[str, Callable[[Layer], Layer]]] = {
    "another scale": ("bert", lambda layer: layer._replace(scaling=layer.scaling * 1.01)),
    "no soft cap": ("gemma2", lambda layer: layer._replace(softcap=None)),
    "no position bias": ("t5", lambda layer: layer._replace(bias=None)),
    "the padding seen": ("bert", lambda layer: layer._replace(mask=None)),
}


@pytest.mark.parametrize(
    ("change", "dtype"),
    [
        *((change, "float32") for change in CHANGES),
        *((change, "bfloat16") for change in CHANGES if "scale" not in change),
    ],
)
def test_other_scores_than_eagers_are_refused(
    add: Add, monkeypatch: pytest.MonkeyPatch, change: str, dtype: DType
) -> None:
    """One that is one per cent off drowns in the rounding of shorter types."""
    name, changed = CHANGES[change]
    monkeypatch.setattr(Layer, "scores", change_scores(changed))
    with pytest.raises(ModelLoadError, match="differ from the eager implementation's by"):
        add(name, dtype)


def seen_from_the_start(layer: Layer) -> Layer:
    """The first text's queries see all keys before them, whatever the window."""
    if layer.mask is None:
        return layer
    mask = layer.mask.clone()
    mask[0] = mask[0].masked_fill(torch.ones_like(mask[0], dtype=torch.bool).tril(), 0)
    return layer._replace(mask=mask)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_a_lost_window_is_refused_however_long(
    folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: DType
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(folders["mistral"], folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"sliding_window": 250, "max_position_embeddings": 512}))
    attend = Onlooker.attend
    monkeypatch.setattr(Onlooker, "attend", lambda self, layer: attend(self, seen_from_the_start(layer)))
    engine = Engine("cpu")
    with pytest.raises(ModelLoadError, match="the captured attentions of decoder layer 0 differ"):
        engine.add(Source("m", str(folder), None), dtype, Batching())
    engine.close()


@pytest.mark.parametrize(
    "wrong", [torch.zeros_like, lambda scores: torch.full_like(scores, torch.nan)], ids=["0", "nan"]
)
def test_zeros_and_nan_are_refused(
    add: Add, monkeypatch: pytest.MonkeyPatch, wrong: Callable[[Tensor], Tensor]
) -> None:
    monkeypatch.setattr(Layer, "attentions", lambda _, scores, **__: (wrong(scores), None))
    with pytest.raises(ModelLoadError, match="differ from the eager implementation's by"):
        add("bert")


def test_a_sink_that_is_left_out_is_refused(add: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Layer, "attentions", lambda _, scores, **__: (torch.softmax(scores, -1), None))
    with pytest.raises(ModelLoadError, match="differ from the eager implementation's by"):
        add("gptoss")


def test_a_model_whose_eager_layers_tell_nothing_is_refused(add: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "eager_attentions", lambda *_: {})
    with pytest.raises(ModelLoadError, match="0 layers of its encoder tell their attentions"):
        add("bert")


N = probe.LENGTH


@pytest.mark.parametrize(
    ("attentions", "says"),
    [
        (None, "does not tell it"),
        ((None, None), "does not tell it"),
        ((torch.zeros(2, 4, N, N),), "do not sum to 1"),
        ((torch.full((2, 4, N, N), torch.nan),), "do not sum to 1"),
        ((torch.full((2, 4, N, N), 1 / N),), "reach the padding"),
        ((torch.full((2, N, 4, 7), 1 / 7),), "have the shape"),
    ],
    ids=["none", "nones", "zeros", "nan", "unmasked", "windows"],
)
def test_outside_the_interface_attentions_that_cannot_be_trusted_are_refused(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch, attentions: Any, says: str
) -> None:
    model = AutoModel.from_pretrained(folders["mpnet"])
    monkeypatch.setattr(model, "forward", lambda **_: {"attentions": attentions})
    with pytest.raises(ModelLoadError, match=says):
        probe.probe_eager("m", model, 512)
