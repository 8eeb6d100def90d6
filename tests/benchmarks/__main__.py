"""`python -m tests.benchmarks`: print tables, write benchmarks.json."""

import argparse
import json
import platform
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import torch

from tests.benchmarks import bulk, forms, heatmap, pretrained, startup, throughput

Rows = list[dict[str, object]]


def main() -> None:
    """Run the suites that the command line names."""
    parser = argparse.ArgumentParser("python -m tests.benchmarks", description="Ratios to peers, each in one run.")
    parser.add_argument(
        "suites",
        nargs="*",
        metavar="SUITE",
        help="throughput, bulk, startup, forms, heatmap, pretrained (default: all)",
    )
    parser.add_argument("--rounds", type=int, default=7, help="interleaved rounds (default: 7)")
    parser.add_argument("--seconds", type=int, default=3, help="seconds of load on each target (default: 3)")
    parser.add_argument("-o", "--output", type=Path, default=Path("benchmarks.json"), help="JSON file to write")
    options = parser.parse_args()
    suites: dict[str, Callable[[], Rows]] = {
        "throughput": lambda: throughput.measure(options.rounds, options.seconds),
        "bulk": lambda: bulk.measure(options.rounds, options.seconds),
        "startup": lambda: startup.measure(options.rounds),
        "forms": lambda: forms.measure(options.rounds),
        "heatmap": lambda: heatmap.measure(options.rounds),
        "pretrained": lambda: pretrained.measure(options.rounds),
    }
    unknown = set(options.suites) - set(suites)
    if unknown:
        parser.error(f"no suite {', '.join(sorted(unknown))}: choose from {', '.join(suites)}")
    machine = describe_machine()
    print(", ".join(f"{name} {value}" for name, value in machine.items()))
    results = {name: suites[name]() for name in options.suites or suites}
    for name, rows in results.items():
        print(f"\n{name}: medians of {options.rounds} interleaved rounds")
        print(table(rows))
    options.output.write_text(json.dumps({"machine": machine, "results": results}, indent=2) + "\n")


def describe_machine() -> dict[str, object]:
    """What the figures were measured on."""
    libraries = (
        "torch",
        "transformers",
        "fastapi",
        "starlette",
        "uvicorn",
        "pydantic",
        "orjson",
        "pillow",
        "matplotlib",
    )
    return {
        "python": platform.python_version(),
        **{name: version(name) for name in libraries},
        "cpu": torch.backends.cpu.get_cpu_capability(),
        "cores": torch.get_num_threads(),
    }


def table(rows: Rows) -> str:
    """Rows as aligned text."""
    cells = [list(rows[0]), *(["" if value is None else str(value) for value in row.values()] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in cells)


if __name__ == "__main__":
    main()
