"""The afternoon's computation served by LitServe (`python -m pip install litserve`), by one worker.

Served by `python -m tests.benchmarks.litserve_peer PORT`, at /predict.
"""

import sys

import litserve
import torch

from tests.benchmarks.peers import Request, compute


class Attention(litserve.LitAPI):  # type: ignore[misc]  # litserve need not be installed: Any to mypy
    def setup(self, device: str) -> None:  # noqa: ARG002  # LitServe's signature
        torch.set_num_threads(1)

    def decode_request(self, request: dict[str, object]) -> Request:
        return Request.model_validate(request)

    def predict(self, request: Request) -> dict[str, object]:
        return compute(request)

    def encode_response(self, output: dict[str, object]) -> dict[str, object]:
        return output


if __name__ == "__main__":
    server = litserve.LitServer(Attention(), accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False, log_level="warning")
