"""A container that needs more memory than it may have: killed by the kernel, started again by Docker."""

import httpx
import pytest

from tests.compose.conftest import COMMAND_SECONDS, SENTENCE, deployed, output_of, wait_until

pytestmark = pytest.mark.compose

TOO_MUCH = {
    "ATTENTION_MEMORY": "700m",
    "ATTENTION_MAX_RESPONSE_BYTES": str(4 * 1024**3),
    "ATTENTION_MAX_INFLIGHT_BYTES": str(4 * 1024**3),
}
"""Limits that its memory does not bear, and an operator should not set."""
HUGE = {"sentence": "a " * 2000, "num_heads": 64, "include": ["scores", "attentions"], "format": "safetensors"}
"""Asks for two gigabytes."""


def test_a_service_that_runs_out_of_memory_is_back_and_answers(image: str, compose: list[str]) -> None:  # noqa: ARG001  # it is built
    with deployed(compose, **TOO_MUCH) as project:
        with pytest.raises(httpx.TransportError):  # no answer is better than a wrong one
            httpx.post(f"{project.url}/attention", json=HUGE, timeout=COMMAND_SECONDS)
        wait_until(project.is_ready, "the service is ready again")
        assert output_of("inspect", "-f", "{{.RestartCount}}", project.container) == "1"
        assert httpx.post(f"{project.url}/tokenize", json={"sentence": SENTENCE}).is_success
