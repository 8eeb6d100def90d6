"""Long texts of pretrained models, streamed, against the same models' whole matrices."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from service.engine.collecting import Collector
from service.engine.engine import Engine
from service.engine.errors import NotOfferedError, TooMuchWorkError
from service.engine.models import Batching
from service.engine.plan import Attention, Question
from service.engine.running import Captured, Job
from service.engine.sources import Source
from service.engine.tokens import Text
from service.engine.view import Sight
from tests.engine.test_pretrained import CAPTURED
from tests.models import EAGER

WITH_BIAS = {"t5"}
"""Their own code makes a bias of all queries and keys."""
STREAMED = [name for name in CAPTURED if name not in WITH_BIAS]
SENTENCE = "Transformers are powerful models, and attention is all they need. " * 2
TARGET = "the lazy dog, the quick brown fox and all of them"
ABSOLUTE = 2e-6


@pytest.fixture(scope="module")
def long(folders: dict[str, Path]) -> Iterator[Engine]:
    """An engine to which all but a word is long."""
    engine = Engine("cpu", max_tokens=4)
    for name, folder in folders.items():
        engine.add(Source(name, str(folder), None), "float32", Batching())
    yield engine
    engine.close()


async def attend(engine: Engine, name: str, question: Question, target: str | None = None) -> Attention:
    model = engine.model(name)
    limit = model.facts.max_stream_tokens
    source = await engine.tokenize(model, Text(SENTENCE, add_special_tokens=True, limit=limit), {})
    read = None if target is None else await engine.tokenize_target(model, Text(target, limit=limit), {})
    return await engine.attend(model, model.plan(source, read, question), {})


async def same(zoo: Engine, long: Engine, name: str, target: str | None = None, **question: Any) -> Attention:
    """What both engines answer, which must be the same."""
    asked = Question(**question)
    whole, parts = await attend(zoo, name, asked, target), await attend(long, name, asked, target)
    assert whole.tensors.keys() == parts.tensors.keys()
    for tensor, expected in whole.tensors.items():
        if tensor != "indices":
            np.testing.assert_allclose(parts.tensors[tensor], expected, rtol=1e-4, atol=ABSOLUTE, err_msg=tensor)
    return parts


@pytest.mark.parametrize("name", STREAMED)
async def test_windows_are_those_of_the_whole(zoo: Engine, long: Engine, name: str) -> None:
    include = ("embedding", "query", "key", "value", "scores", "attentions", "output")
    await same(zoo, long, name, include=include, layers=(0, -1), heads=(2, 0), sight=Sight((3, 9), (1, 12)))


@pytest.mark.parametrize("name", STREAMED)
async def test_the_strongest_keys_and_statistics_are_those_of_the_whole(zoo: Engine, long: Engine, name: str) -> None:
    await same(zoo, long, name, include=("attentions",), sight=Sight(top_k=5))
    await same(zoo, long, name, include=("statistics", "row_entropy", "mass_by_distance"), sight=Sight((2, 11)))


@pytest.mark.parametrize("name", STREAMED)
@pytest.mark.parametrize("include", [("query", "value"), ("embedding",), ()])
async def test_what_is_no_matrix_makes_none_either(
    zoo: Engine, long: Engine, name: str, include: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = await attend(zoo, name, Question(include=include))
    monkeypatch.setattr("service.engine.capture.eager_mask", None)  # which makes masks of n × n
    found = await attend(long, name, Question(include=include))
    assert found.tensors.keys() == expected.tensors.keys()
    for tensor, numbers in expected.tensors.items():
        np.testing.assert_allclose(found.tensors[tensor], numbers, rtol=1e-4, atol=ABSOLUTE)


async def test_a_run_ends_at_the_next_layer_when_nobody_waits_for_it(long: Engine) -> None:
    model = long.model("gpt2")
    source = await long.tokenize(model, Text(SENTENCE, limit=model.facts.max_stream_tokens), {})
    plan = model.plan(source, None, Question(include=("attentions",), sight=Sight(top_k=1)))
    runner = model._batcher._runner  # type: ignore[attr-defined]  # the batcher's own would be gone by then
    job = Job(plan, Collector(plan.wanted), Captured(is_unwanted=lambda: True))
    runner.run([job])
    assert not job.captured.heads


async def test_who_comes_after_a_run_of_a_long_text_knows_of_it(long: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    model = long.model("gpt2")
    source = await long.tokenize(model, Text(SENTENCE, limit=model.facts.max_stream_tokens), {})
    plan = model.plan(source, None, Question(include=("attentions",), sight=Sight(top_k=1)))
    ahead = list[float]()
    batcher = model._batcher  # type: ignore[attr-defined]  # nobody else sees when a run is under way
    compute = batcher.compute

    async def noted(*args: Any) -> Any:
        ahead.append(long.worker.seconds_ahead(plan.seconds))
        return await compute(*args)

    monkeypatch.setattr(batcher, "compute", noted)
    await long.attend(model, plan, {})
    assert ahead == [plan.seconds]
    assert long.worker.seconds_ahead(plan.seconds) == 0


@pytest.mark.parametrize("stack", ["encoder", "decoder", "cross"])
async def test_all_stacks_of_an_encoder_decoder_are_streamed(zoo: Engine, long: Engine, stack: Any) -> None:
    target = None if stack == "encoder" else TARGET
    sight = Sight((1, 5), (0, 4))
    await same(zoo, long, "bart", target, include=("scores", "attentions", "output"), stack=stack, sight=sight)


@pytest.mark.parametrize("name", STREAMED)
async def test_models_that_are_streamed_take_longer_texts(long: Engine, name: str) -> None:
    facts = long.model(name).facts
    assert facts.max_tokens == 4
    assert facts.max_stream_tokens > 100


@pytest.mark.parametrize("name", [*WITH_BIAS, *EAGER])
async def test_models_that_make_whole_matrices_anyway_take_no_longer_texts(
    zoo: Engine, long: Engine, name: str
) -> None:
    assert long.model(name).facts.max_stream_tokens == 4
    with pytest.raises(NotOfferedError, match="Leave bins out"):
        await attend(zoo, name, Question(include=("attentions",), sight=Sight(most_bins=(2, 2))))


async def test_heads_reduced_to_one_are_pooled_like_the_whole(zoo: Engine, long: Engine) -> None:
    for reduction in ("mean", "max"):
        question = Question(include=("attentions",), picture=True, reduction=reduction)
        [whole] = await pictures(zoo, question)
        [pooled] = await pictures(long, question._replace(sight=Sight(most_bins=(6, 5))))
        rows, columns = (-(-length // most) for length, most in zip(whole.shape, (6, 5), strict=True))
        for (row, column), found in np.ndenumerate(pooled):
            cells = whole[row * rows : (row + 1) * rows, column * columns : (column + 1) * columns]
            np.testing.assert_allclose(found, np.nanmax(cells) if (~np.isnan(cells)).any() else np.nan, rtol=1e-4)


async def pictures(engine: Engine, question: Question) -> list[np.ndarray]:
    model = engine.model("llama")
    text = Text(SENTENCE, add_special_tokens=True, limit=model.facts.max_stream_tokens)
    source = await engine.tokenize(model, text, {})
    return [*(await engine.matrices(model, model.plan(source, None, question), {}))]


async def test_heads_that_take_too_much_memory_are_refused(long: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.engine.streaming_heads.MOST_BYTES", 1000)
    with pytest.raises(TooMuchWorkError, match="the limit is 1,000"):
        await attend(long, "bert", Question(include=("attentions",), sight=Sight(top_k=1)))


async def test_models_of_less_precision_are_streamed_as_precisely_as_they_compute(folders: dict[str, Path]) -> None:
    whole, long = Engine("cpu"), Engine("cpu", max_tokens=4)
    for engine in (whole, long):
        engine.add(Source("llama", str(folders["llama"]), None), "bfloat16", Batching())
    question = Question(include=("attentions", "scores"), sight=Sight((3, 9), (1, 12)))
    expected, found = await attend(whole, "llama", question), await attend(long, "llama", question)
    for engine in (whole, long):
        engine.close()
    np.testing.assert_allclose(found.tensors["attentions"], expected.tensors["attentions"], rtol=0.03, atol=1e-3)
    assert np.array_equal(np.isneginf(found.tensors["scores"]), np.isneginf(expected.tensors["scores"]))
