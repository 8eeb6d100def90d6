"""What it takes to write an answer in each form, as ratios to orjson on the bare array, at 512 tokens."""

import asyncio
import statistics
import time

import numpy as np
import orjson

from service.api.attention_request import AttentionForm, AttentionRequest
from service.app import load_operations
from service.settings import Settings

SENTENCE = "cat " * 512
FORMS: dict[AttentionForm, tuple[float, float | None]] = {
    "json": (1.2, None),
    "safetensors": (1 / 20, 1 / 3),
    "npy": (1 / 20, 1 / 3),
}
"""By form: the most time, as a share of orjson's or, for binary forms, of our own JSON's; and the most bytes."""


def measure(rounds: int, device: str) -> list[dict[str, object]]:
    """Write all forms in turn, `rounds` times; a row a form."""
    operations = load_operations(Settings(device=device))
    seconds: dict[str, list[float]] = {name: [] for name in ("orjson", *FORMS)}
    sizes: dict[str, int] = {}
    for number in range(rounds + 1):
        for form in FORMS:
            timings: dict[str, float] = {}
            request = AttentionRequest(sentence=SENTENCE, include=["attentions"], seed=number)
            encoded = asyncio.run(operations.attention(request, form, timings))
            sizes[form] = sum(map(len, encoded.buffers))
            seconds[form].append(timings["encode"])
            if form == "npy":
                seconds["orjson"].append(_orjson(encoded.buffers[1]))
    operations.engine.close()
    return [_row(form, seconds, sizes) for form in FORMS]


def _orjson(numbers: bytes | memoryview) -> float:
    array = np.frombuffer(numbers, np.float32).reshape(512, 512)
    started = time.perf_counter()
    orjson.dumps(array, option=orjson.OPT_SERIALIZE_NUMPY)
    return time.perf_counter() - started


def _row(form: AttentionForm, seconds: dict[str, list[float]], sizes: dict[str, int]) -> dict[str, object]:
    peer = "orjson" if form == "json" else "json"
    ratios = [ours / theirs for ours, theirs in zip(seconds[form][1:], seconds[peer][1:], strict=True)]
    most_time, most_bytes = FORMS[form]
    return {
        "form": f"{form}, n=512",
        "peer": peer,
        "milliseconds": round(statistics.median(seconds[form][1:]) * 1e3, 3),
        "kilobytes": round(sizes[form] / 1e3),
        "time_ratio": round(statistics.median(ratios), 4),
        "lowest": round(min(ratios), 4),
        "highest": round(max(ratios), 4),
        "bar": round(most_time, 4),
        "size_ratio": round(sizes[form] / sizes["json"], 3),
        "size_bar": most_bytes and round(most_bytes, 3),
    }
