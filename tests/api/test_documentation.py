"""/docs: no inline script, nothing from elsewhere, and it works under any path of a proxy."""

import re
from urllib.parse import urljoin

import httpx
import pytest
from fastapi import FastAPI

ROUTES = ("/docs", "/openapi.json", "/docs/static/start.js", "/docs/static/swagger-ui-bundle.js")


async def test_the_page_has_no_inline_script_or_handler(client: httpx.AsyncClient) -> None:
    page = (await client.get("/docs")).text
    assert all(content == "" for content in re.findall(r"<script[^>]*>(.*?)</script>", page, re.DOTALL))
    assert not re.search(r"\son\w+=|javascript:", page)


async def test_the_pages_policy_allows_neither_inline_scripts_nor_others_nor_frames(client: httpx.AsyncClient) -> None:
    headers = (await client.get("/docs")).headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == "'self'"
    assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("path", ROUTES)
async def test_browsers_do_not_guess_the_type_of_these_files(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("root_path", ["", "/under/a/proxy"])
@pytest.mark.usefixtures("client")  # which enters the app's lifespan
async def test_the_page_needs_nothing_from_elsewhere(app: FastAPI, root_path: str) -> None:
    transport = httpx.ASGITransport(app, root_path=root_path)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as proxied:
        address = f"{root_path}/docs"
        page = (await proxied.get(address)).text
        start = (await proxied.get(f"{root_path}/docs/static/start.js")).text
        named = [*re.findall(r'(?:href|src)="([^"]+)"', page), *re.findall(r'url: "([^"]+)"', start)]
        statuses = {name: (await proxied.get(urljoin(address, name))).status_code for name in named}
    assert len(statuses) == 5
    assert not any(":" in name for name in statuses)
    assert set(statuses.values()) == {200}


async def test_under_a_path_of_a_proxy_the_document_names_it(app: FastAPI, client: httpx.AsyncClient) -> None:
    transport = httpx.ASGITransport(app, root_path="/under")
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as proxied:
        assert (await proxied.get("/under/openapi.json")).json()["servers"] == [{"url": "/under"}]
        assert (await proxied.get("/under/tokenize?sentence=hi")).status_code == 200
    assert "servers" not in (await client.get("/openapi.json")).json()


async def test_a_picture_that_is_opened_runs_and_fetches_nothing(client: httpx.AsyncClient) -> None:
    policy = (await client.get("/heatmap?sentence=hi&format=svg")).headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert policy.endswith("; sandbox")
