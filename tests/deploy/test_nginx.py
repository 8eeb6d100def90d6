"""Debian's nginx with the example's very file, TLS and sub-path, before a real service."""

import json
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from service.settings import Settings
from tests.conftest import START_SECONDS, poll, serving
from tests.sockets import free_ports

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("nginx") is None, reason="no nginx on this machine"),
]

EXAMPLE = (Path(__file__).parents[2] / "service/deploy/nginx.conf").read_text()
PREFIX = "/attention-service"
BEHIND_PROXY = {"ATTENTION_ROOT_PATH": PREFIX, "ATTENTION_FORWARDED_ALLOW_IPS": "127.0.0.1"}
AROUND = """
daemon off;
pid {folder}/pid;
error_log stderr warn;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/attention-service.conf;
}}
"""
"""What Debian's /etc/nginx/nginx.conf is to the example."""
LINE = json.dumps({"sentence": "a word and a word and a word"}).encode() + b"\n"


def make_certificate(folder: Path) -> None:
    """A self-signed one for localhost."""
    name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", f"{folder}/key", "-out", f"{folder}/crt"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *name, *files]
    subprocess.run(command, check=True, capture_output=True)


def answers(client: httpx.Client, path: str = "/livez") -> bool:
    try:
        return client.get(path).is_success
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What nginx has: its configuration, key and certificate."""
    return tmp_path_factory.mktemp("nginx")


@pytest.fixture(scope="module")
def proxied(folder: Path) -> Iterator[httpx.Client]:
    """A client of the service behind nginx, which trusts nothing but the certificate made for it."""
    make_certificate(folder)
    with serving(environment=BEHIND_PROXY) as server:
        plain, tls = free_ports(2)
        text = EXAMPLE
        for old, new in {
            "127.0.0.1:8000": urlsplit(server.url).netloc,
            "listen 80;": f"listen 127.0.0.1:{plain};",
            "listen 443 ssl;": f"listen 127.0.0.1:{tls} ssl;",
            "/etc/nginx/attention-service.crt": f"{folder}/crt",
            "/etc/nginx/attention-service.key": f"{folder}/key",
        }.items():
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        (folder / "attention-service.conf").write_text(text)
        (folder / "plain").write_text(str(plain))
        (folder / "nginx.conf").write_text(AROUND.format(folder=folder))
        trust = ssl.create_default_context(cafile=str(folder / "crt"))
        with (
            subprocess.Popen(["nginx", "-c", folder / "nginx.conf"]) as nginx,
            httpx.Client(verify=trust, base_url=f"https://localhost:{tls}{PREFIX}", timeout=START_SECONDS) as client,
        ):
            try:
                poll(lambda: answers(client), nginx)
                yield client
            finally:
                nginx.terminate()


def test_tokenize_answers(proxied: httpx.Client) -> None:
    assert proxied.post("/tokenize", json={"sentence": "hi there"}).json()["tokens"] == ["hi", "there"]


def test_heatmap_answers_a_picture(proxied: httpx.Client) -> None:
    assert proxied.get("/heatmap?sentence=hi+there").content.startswith(b"\x89PNG")


def test_an_answer_larger_than_nginx_buffers_is_whole(proxied: httpx.Client) -> None:
    fields = {"sentence": "a " * 1000, "include": ["scores"]}
    assert len(proxied.post("/attention", json=fields).json()["scores"][0][0]) == 1000


def test_the_documentation_and_every_file_that_it_names_load(proxied: httpx.Client) -> None:
    page = proxied.get("/docs").text
    addresses = [part.split('"')[0] for mark in ('src="', 'href="') for part in page.split(mark)[1:]]
    assert any(address.endswith("start.js") for address in addresses), page
    addresses.append("openapi.json")  # which that one fetches
    assert {each: proxied.get(proxied.base_url.join(each)).status_code for each in addresses} == dict.fromkeys(
        addresses, 200
    )


def test_a_problem_names_the_address_that_the_client_asked(proxied: httpx.Client) -> None:
    assert proxied.get("/tokenize").json()["instance"] == f"{PREFIX}/tokenize"


def test_a_long_query_is_refused_by_the_service_itself(proxied: httpx.Client) -> None:
    assert proxied.get(f"/tokenize?sentence={'a' * 17 * 1024}").json()["type"] == "/problems/query-too-long"


def test_bulk_is_answered_while_it_is_sent(proxied: httpx.Client, folder: Path) -> None:
    lines = Settings.model_fields["max_body_bytes"].default // len(LINE) + 100
    options = ["--silent", "--no-buffer", "--cacert", str(folder / "crt"), "--request", "POST", "--upload-file", "."]
    command = ["curl", *options, "-H", "Content-Type: application/x-ndjson", str(proxied.base_url.join("tokenize"))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as curl:
        assert curl.stdin
        assert curl.stdout
        curl.stdin.write(LINE * lines)
        first = curl.stdout.readline()
        rest, _ = curl.communicate(LINE, timeout=START_SECONDS)
    assert [json.loads(first)["tokens"][:2], rest.count(b"\n")] == [["a", "word"], lines]


def test_another_body_larger_than_2_mib_is_refused_by_a_problem(proxied: httpx.Client) -> None:
    refused = proxied.post("/tokenize", content=b" " * (Settings.model_fields["max_body_bytes"].default + 1))
    assert (refused.status_code, refused.headers["content-type"]) == (413, "application/problem+json")
    assert refused.json()["status"] == 413


@pytest.mark.parametrize("path", ["/", "/tokenize", "/attention-servicex/livez", f"{PREFIX}/metrics"])
def test_nothing_else_is_there(proxied: httpx.Client, path: str) -> None:
    missing = proxied.get(proxied.base_url.join(path))
    assert (missing.status_code, missing.json()["status"]) == (404, 404)


def test_the_way_inside_is_closed_to_clients(proxied: httpx.Client) -> None:
    assert proxied.get(proxied.base_url.join("/attention-bulk/livez")).status_code == 404


@pytest.mark.usefixtures("proxied")
def test_plain_http_leads_to_tls(folder: Path) -> None:
    port = (folder / "plain").read_text()
    moved = httpx.get(f"http://127.0.0.1:{port}{PREFIX}/livez", headers={"host": "example.org"})
    assert (moved.status_code, moved.headers["location"]) == (308, f"https://example.org{PREFIX}/livez")
