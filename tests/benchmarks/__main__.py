"""`python -m tests.benchmarks`: print tables, write benchmarks.json."""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import torch

from service.engine.device import default_num_threads, resolve_device
from service.settings import ENV_PREFIX
from tests.benchmarks import (
    bulk,
    cluster,
    curves,
    explorer,
    forms,
    heatmap,
    latency,
    long,
    memory,
    overload,
    pretrained,
    sizing,
    stalls,
    startup,
    throughput,
    workers,
)
from tests.benchmarks.tables import Rows, markdown, plain

LIBRARIES = ("torch", "transformers", "fastapi", "starlette", "uvicorn", "pydantic", "orjson", "pillow", "matplotlib")


def main() -> None:
    """Run the suites that the command line names."""
    parser = argparse.ArgumentParser("python -m tests.benchmarks", description="Ratios to peers, each in one run.")
    parser.add_argument("suites", nargs="*", metavar="SUITE", help="suites to run (default: those that README shows)")
    parser.add_argument("--rounds", type=int, help="interleaved rounds (default: each suite's own)")
    parser.add_argument("--seconds", type=int, help="seconds of load on each target (default: each suite's own)")
    parser.add_argument("--requests", type=int, default=200_000, help="of memory, where it is named (default: 200000)")
    parser.add_argument("--device", default="cpu", help="torch device of the service: cpu, cuda, ... (default: cpu)")
    parser.add_argument("-o", "--output", type=Path, default=Path("benchmarks.json"), help="JSON file to write")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables as Markdown, too")
    options = parser.parse_args()
    os.environ[f"{ENV_PREFIX}DEVICE"] = options.device  # of every process of the service that is started
    rounds, seconds, device = options.rounds, options.seconds, options.device
    requests = options.requests if "memory" in options.suites else 0
    suites: dict[str, Callable[[], Rows]] = {
        "throughput": lambda: throughput.measure(rounds or 5, seconds or 1),
        "latency": lambda: latency.measure(rounds or 3, seconds or 1),
        "bulk": lambda: bulk.measure(rounds or 3, seconds or 1),
        "workers": lambda: workers.measure(rounds or 3, seconds or 1),
        "memory": lambda: memory.measure(rounds or 2, requests),
        "startup": lambda: startup.measure(rounds or 3),
        "curves": lambda: curves.measure(rounds or 3),
        "forms": lambda: forms.measure(rounds or 7, device),
        "heatmap": lambda: heatmap.measure(rounds or 3),
        "pretrained": lambda: pretrained.measure(rounds or 3, device),
    }
    alone: dict[str, Callable[[], Rows]] = {
        "sizing": lambda: sizing.measure(rounds or 3, seconds or 2),
        "stalls": lambda: stalls.measure(rounds or 3),
        "overload": lambda: overload.measure(seconds or 60),
        "cluster": lambda: cluster.measure(rounds or 5, seconds or 3),
        "explorer": lambda: explorer.measure(rounds or 3),
        "long": lambda: long.measure(rounds or 3),
    }
    unknown = set(options.suites) - {*suites, *alone}
    if unknown:
        parser.error(f"no suite {', '.join(sorted(unknown))}: choose from {', '.join([*suites, *alone])}")
    machine = describe_machine(device)
    print(", ".join(f"{name} {value}" for name, value in machine.items()))
    results: dict[str, Rows] = {}
    for name in options.suites or suites:
        started = time.monotonic()
        results[name] = (suites | alone)[name]()
        print(f"\n{name} ({time.monotonic() - started:.0f} s): {caption(name)}\n{plain(results[name])}", flush=True)
    options.output.write_text(json.dumps({"machine": machine, "results": results}, indent=2) + "\n")
    if options.markdown:
        tables = [f"**{name}.** {caption(name)}\n\n{markdown(rows)}\n" for name, rows in results.items()]
        options.markdown.write_text("\n".join(tables))


def caption(suite: str) -> str:
    """What its module says about it."""
    return (sys.modules[f"tests.benchmarks.{suite}"].__doc__ or "").splitlines()[0]


def describe_machine(device: str) -> dict[str, object]:
    """What the figures were measured on."""
    resolved = resolve_device(device)
    return {
        "device": torch.cuda.get_device_name(resolved) if resolved.type == "cuda" else device,
        "cpu": processor(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "cores": len(os.sched_getaffinity(0)),
        "threads": default_num_threads(),
        "python": platform.python_version(),
        **{name: version(name) for name in LIBRARIES},
    }


def processor() -> str:
    """The processor's name, where Linux tells it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


if __name__ == "__main__":
    main()
