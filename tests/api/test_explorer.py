"""`/` and the files that it loads: nothing inline, nothing from elsewhere, never of two revisions."""

import re
from importlib.resources import files
from urllib.parse import urljoin

import httpx
import pytest
from fastapi import FastAPI

from service.api.explorer import FOLDER
from service.app import create_app
from service.settings import Settings
from tests.api.problems import expect
from tests.conftest import running
from tests.web import colormaps

NAMES = sorted(
    file.name for file in (files("service") / "web").iterdir() if file.is_file() and file.name != "types.d.ts"
)


def test_the_page_is_made_of_the_files_in_the_package() -> None:
    assert {"app.js", "index.html", "strings.js", "style.css"} <= set(NAMES)


async def test_the_page_has_no_inline_script_style_or_handler(client: httpx.AsyncClient) -> None:
    page = (await client.get("/")).text
    assert all(content == "" for content in re.findall(r"<script[^>]*>(.*?)</script>", page, re.DOTALL))
    assert not re.search(r"\son\w+=|javascript:|<style|\sstyle=", page)


async def test_its_policy_allows_its_own_files_alone_and_no_frame(client: httpx.AsyncClient) -> None:
    headers = (await client.get("/")).headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "no-referrer")


async def test_a_setting_lets_pages_of_other_origins_frame_it() -> None:
    async with running(create_app(Settings(frame_ancestors="https://a.test, https://b.test"))) as framed:
        policy = (await framed.get("/")).headers["content-security-policy"]
    assert policy.endswith("frame-ancestors https://a.test https://b.test")


@pytest.mark.parametrize("root_path", ["", "/under/a/proxy"])
@pytest.mark.usefixtures("client")  # which enters the app's lifespan
async def test_every_file_that_the_page_names_is_there_under_any_path_of_a_proxy(app: FastAPI, root_path: str) -> None:
    transport = httpx.ASGITransport(app, root_path=root_path)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as proxied:
        address = f"{root_path}/"
        page = (await proxied.get(address)).text
        named = re.findall(r'(?:href|src)="(\./[^"]+)"', page)
        statuses = {name: (await proxied.get(urljoin(address, name))).status_code for name in named}
    assert set(statuses.values()) == {200}


async def test_the_page_preloads_the_modules_that_its_first_picture_waits_for(client: httpx.AsyncClient) -> None:
    page = (await client.get("/")).text
    preloaded = re.findall(r'modulepreload" href="\./web/\w+/([^"]+)"', page)
    needed, new = set[str](), {"app.js", "walk.js"}  # the walk is loaded by the views, once it is looked at
    while new:
        needed |= new
        new = {name for module in new for name in imports((await client.get(f"{FOLDER}/{module}")).text)} - needed
    assert sorted(preloaded) == sorted(needed)


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith(".js")])
async def test_a_module_imports_files_beside_it_alone(client: httpx.AsyncClient, name: str) -> None:
    text = (await client.get(f"{FOLDER}/{name}")).text
    assert set(imports(text)) | set(re.findall(r'await import\("\./([^"]+)"\)', text)) <= set(NAMES)


def imports(module: str) -> list[str]:
    """What a module imports at its start; anything but a file beside it is found with its dots and slashes."""
    return [
        name.removeprefix("./") for name in re.findall(r'^(?:import|export|}).* from "([^"]+)";$', module, re.MULTILINE)
    ]


async def test_the_page_is_asked_for_anew_and_its_files_are_kept_for_good(client: httpx.AsyncClient) -> None:
    page, file = await client.get("/"), await client.get(f"{FOLDER}/app.js")
    assert page.headers["cache-control"] == "no-cache"
    assert (await client.get("/", headers={"if-none-match": page.headers["etag"]})).status_code == 304
    assert file.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert file.headers["content-type"] == "text/javascript; charset=utf-8"


@pytest.mark.parametrize("path", [f"{FOLDER}/nothing.js", f"{FOLDER}/index.html", "/web/older/app.js", f"{FOLDER}/"])
async def test_what_is_no_file_of_this_revision_is_a_404(client: httpx.AsyncClient, path: str) -> None:
    expect(await client.get(path), 404, "not-found")


def test_its_colours_are_those_of_the_services_pictures() -> None:
    assert colormaps.FILE.read_text() == colormaps.module()
