"""What /metrics tells: every request once, under labels that no client can multiply."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse

from service import __version__
from service.api.explorer import FOLDER
from service.app import create_app
from service.settings import Settings
from tests.conftest import running
from tests.models import save

KEY = "a-key-of-many-characters"


@pytest.fixture
async def own() -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service of its own, which has counted nothing but probes."""
    app = create_app(Settings(device="cpu", root_path="/under"))
    transport = httpx.ASGITransport(app, root_path="/under")
    async with running(app), httpx.AsyncClient(transport=transport, base_url="http://test/under") as client:
        yield client


async def scrape(client: httpx.AsyncClient) -> dict[tuple[str, ...], float]:
    """Every sample: its name and its labels' values, in the order of the labels' names."""
    text = (await client.get("/metrics")).text
    return {
        (sample.name, *(sample.labels[label] for label in sorted(sample.labels))): sample.value
        for family in parse(text)
        for sample in family.samples
    }


@pytest.mark.parametrize(
    ("method", "path", "endpoint", "counted", "status"),
    [
        ("GET", "/tokenize?sentence=hi", "/tokenize", "GET", 200),
        ("HEAD", "/models/synthetic", "/models/{model_id}", "HEAD", 200),
        ("GET", "/models/none", "/models/{model_id}", "GET", 404),
        ("GET", "/models/a/b", "other", "GET", 404),
        ("GET", f"{FOLDER}/app.js", "/web/{revision}/{name}", "GET", 200),
        ("GET", "/web/a/b/c", "other", "GET", 404),
        ("GET", "/nowhere", "other", "GET", 404),
        ("BREW", "/tokenize", "/tokenize", "other", 405),
    ],
)
async def test_a_request_is_counted_by_template_method_and_status(
    own: httpx.AsyncClient, method: str, path: str, endpoint: str, counted: str, status: int
) -> None:
    assert (await own.request(method, path)).status_code == status
    assert (await scrape(own))["attention_requests_total", endpoint, counted, str(status)] == 1


async def test_stages_durations_and_bytes_are_observed_by_endpoint(own: httpx.AsyncClient) -> None:
    answer = await own.get("/attention?sentence=hi", headers={"accept-encoding": "identity"})
    samples = await scrape(own)
    for name in ("request_duration_seconds", "tokenize_seconds", "compute_seconds", "encode_seconds"):
        assert samples[f"attention_{name}_count", "/attention"] == 1
        assert 0 < samples[f"attention_{name}_sum", "/attention"] < 60
    assert samples["attention_response_bytes_sum", "/attention"] == len(answer.content)
    assert samples["attention_response_bytes_bucket", "/attention", "256.0"] == (len(answer.content) <= 256)
    assert samples["attention_response_bytes_bucket", "/attention", "+Inf"] == 1


async def test_a_client_that_goes_before_its_answer_is_499(own: httpx.AsyncClient) -> None:
    transport = own._transport
    assert isinstance(transport, httpx.ASGITransport)

    async def receive() -> dict[str, str]:
        return {"type": "http.disconnect"}

    async def send(_message: object) -> None: ...

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/under/tokenize",
        "root_path": "/under",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json"), (b"content-length", b"20")],
    }
    await transport.app(scope, receive, send)
    assert (await scrape(own))["attention_requests_total", "/tokenize", "POST", "499"] == 1


async def test_refusals_are_counted_by_reason_and_failed_keys_by_theirs() -> None:
    async with running(create_app(Settings(device="cpu", api_keys=KEY))) as client:
        await client.get("/info")
        await client.get("/info", headers={"x-api-key": "no"})
        assert (await client.get("/metrics")).status_code == 401
        client.headers["authorization"] = f"Bearer {KEY}"
        samples = await scrape(client)
    assert samples["attention_rejections_total", "unauthorized"] == 3
    assert samples["attention_rejections_total", "too-many-requests"] == 0
    assert samples["attention_failed_keys_total", "missing"] == 2
    assert samples["attention_failed_keys_total", "wrong"] == 1


async def test_it_is_answered_while_the_models_are_loaded() -> None:
    app = create_app(Settings(device="cpu"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        samples = await scrape(client)
    assert samples["attention_requests_in_flight",] == 0


async def test_openmetrics_is_told_to_who_asks_for_it(client: httpx.AsyncClient) -> None:
    answer = await client.get("/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert "attention_requests" in {family.name for family in parse_openmetrics(answer.text)}  # type: ignore[no-untyped-call]  # its own


async def test_the_answer_is_plain_text_that_nobody_keeps(client: httpx.AsyncClient) -> None:
    headers = (await client.get("/metrics")).headers
    assert headers["content-type"].startswith("text/plain; version=")
    assert headers["cache-control"] == "no-store"


async def test_the_build_and_the_process_are_told(client: httpx.AsyncClient) -> None:
    import torch  # noqa: PLC0415  # what the service computes with

    samples = await scrape(client)
    assert samples["attention_build_info", torch.__version__, __version__] == 1
    names = ("resident_bytes", "cpu_seconds_total", "open_fds", "threads")
    assert all(sum(value for key, value in samples.items() if key[0] == f"attention_worker_{n}") > 0 for n in names)


async def test_the_readme_lists_every_metric_and_no_other(client: httpx.AsyncClient) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    table = readme.partition("| metric |")[2].partition("\n\n")[0]
    listed = re.findall(r"`(\w+)`", "".join(line.split("|")[1] for line in table.splitlines()[2:]))
    exposed = re.findall(r"^# TYPE (\S+)", (await client.get("/metrics")).text, re.MULTILINE)
    assert sorted(listed) == sorted(exposed)


async def test_a_run_of_a_model_is_observed_with_its_texts_and_tokens(tmp_path: Path) -> None:
    settings = Settings(device="cpu", models=f"mine={save('bert', tmp_path)}")
    async with running(create_app(settings)) as client:
        before = await scrape(client)
        tokens = (await client.get("/tokenize?sentence=hi+there&model=mine")).json()["tokens"]
        (await client.get("/attention?sentence=hi+there&model=mine")).raise_for_status()
        after = await scrape(client)
    assert after["attention_batch_texts_sum",] - before["attention_batch_texts_sum",] == 1
    assert after["attention_batch_tokens_sum",] - before["attention_batch_tokens_sum",] == len(tokens)
