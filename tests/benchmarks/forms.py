"""What it takes to write an answer of 512 tokens in each form; bars are the most time, and the most bytes.

JSON is compared with orjson on the bare array, binary forms with our JSON. All write the same array, on one thread,
one after the other in an order that turns with each repetition, so that each finds the caches as the others leave them.
"""

import asyncio
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import orjson

from service.api import questions
from service.api.attention_request import AttentionForm, AttentionRequest
from service.api.operations import Operations
from service.loader import load_operations
from service.settings import Settings
from tests.benchmarks.tables import spread

SENTENCE = "cat " * 512
REPEATS = 20


class Bars(NamedTuple):
    """The most time and bytes, as shares of the peer's time and of JSON's bytes."""

    peer: str
    time: float
    size: float | None


FORMS: dict[AttentionForm, Bars] = {
    "json": Bars("orjson", 1.2, None),
    "safetensors": Bars("json", 1 / 20, 1 / 3),
    "npy": Bars("json", 1 / 20, 1 / 3),
}


Write = Callable[[], object]


def measure(rounds: int, device: str) -> list[dict[str, object]]:
    """Write all forms in turn, of another array in each of `rounds`; a row a form."""
    operations = load_operations(Settings(device=device))
    seconds: dict[str, list[float]] = {name: [] for name in ("orjson", *FORMS)}
    sizes: dict[AttentionForm, int] = {}
    for seed in range(rounds):
        writers, sizes = asyncio.run(_prepare(operations, seed))
        for name, taken in _take_turns(writers).items():
            seconds[name].append(taken)
    operations.engine.close()
    return [_row(form, seconds, sizes) for form in FORMS]


async def _prepare(operations: Operations, seed: int) -> tuple[dict[str, Write], dict[AttentionForm, int]]:
    """What writes the attentions of one seed in each form, and how many bytes each is."""
    request = AttentionRequest(sentence=SENTENCE, include=["attentions"], seed=seed)
    model = operations.model_of(request)
    source = await operations.engine.tokenize(model, questions.text_of(request, model), {})
    tasks = {form: await operations.prepare(request, form, model, source, {}) for form in FORMS}
    attention = await operations.engine.attend(model, tasks["json"].plan, {})
    array = attention.tensors["attentions"]
    writers: dict[str, Write] = {"orjson": partial(orjson.dumps, array, option=orjson.OPT_SERIALIZE_NUMPY)}
    writers |= {form: partial(task.encode, attention) for form, task in tasks.items()}
    return writers, {form: sum(map(len, task.encode(attention).buffers)) for form, task in tasks.items()}


def _take_turns(writers: dict[str, Write]) -> dict[str, float]:
    """The median of the seconds that each needs."""
    seconds: dict[str, list[float]] = {name: [] for name in writers}
    order = list(writers)
    for _ in range(REPEATS):
        for name in order:
            started = time.perf_counter()
            written = writers[name]()
            seconds[name].append(time.perf_counter() - started)
            del written  # before the next one writes: both take memory that was just given back
        order.append(order.pop(0))
    return {name: statistics.median(taken) for name, taken in seconds.items()}


def _row(form: AttentionForm, seconds: dict[str, list[float]], sizes: dict[AttentionForm, int]) -> dict[str, object]:
    bars = FORMS[form]
    ratios = [ours / theirs for ours, theirs in zip(seconds[form], seconds[bars.peer], strict=True)]
    return {
        "form": f"{form}, n=512",
        "peer": bars.peer,
        "milliseconds": round(statistics.median(seconds[form]) * 1e3, 3),
        "kilobytes": round(sizes[form] / 1e3),
        **spread(ratios, 4),
        "bar": round(bars.time, 4),
        "size_ratio": round(sizes[form] / sizes["json"], 3),
        "size_bar": bars.size and round(bars.size, 3),
    }
