"""Long work says that it goes on, so that nobody takes it for stuck."""

import pytest

from service.engine.engine import SYNTHETIC, Engine
from service.engine.plan import Question
from service.engine.synthetic import SyntheticParameters
from tests.engine.test_pretrained import SENTENCES, plan_for

LAYERS = {"bert": 3, "gpt2": 3, "t5": 3, "bloom": 3}
"""Models of several kinds, and how many layers of each run for the last of its first stack."""


@pytest.fixture
def beats(zoo: Engine, monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """One for each beat."""
    counted: list[None] = []
    monkeypatch.setattr(zoo.worker, "beat", lambda: counted.append(None))
    return counted


@pytest.mark.parametrize("name", LAYERS)
async def test_a_pretrained_model_beats_at_each_layer(zoo: Engine, beats: list[None], name: str) -> None:
    plan = await plan_for(zoo, name, SENTENCES[0], Question())
    beats.clear()
    await zoo.attend(zoo.model(name), plan, {})
    assert len(beats) >= LAYERS[name]


async def test_the_synthetic_model_beats_at_each_head(zoo: Engine, beats: list[None]) -> None:
    plan = await plan_for(zoo, SYNTHETIC, SENTENCES[0], Question(SyntheticParameters(num_heads=5)))
    beats.clear()
    await zoo.attend(zoo.model(SYNTHETIC), plan, {})
    assert len(beats) >= 5
