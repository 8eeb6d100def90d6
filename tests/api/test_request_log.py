"""One log line a request: what it tells, what it never tells, and what becomes of it where it cannot be written."""

import asyncio
import errno
import json
import logging
import os
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryFile
from time import perf_counter

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from service.api.admission_middleware import UNBOUNDED
from service.api.exchange import Exchange
from service.api.request_log import MAX_ASKED_BYTES, MAX_UNWRITTEN, RequestLog
from service.app import create_app
from service.logs import Form, TextFormatter
from service.settings import Settings
from tests.api.test_trace_context import PARENT_ID, TRACE_ID
from tests.conftest import running

ANYTHING = st.text(st.characters(exclude_categories=()))
CLIENT = ("192.0.2.7", 4711)


@pytest.fixture(autouse=True)
def everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "service.requests")


def exchange(method: str = "GET", path: str = "/tokenize", client: tuple[str, int] | None = CLIENT) -> Exchange:
    async def come() -> Exchange:
        return Exchange("an-id", method, path, client)

    return asyncio.run(come())


def written(form: Form, *exchanges: Exchange, root_path: str | None = None) -> list[str]:
    """The lines of `exchanges`, read from a file."""
    with TemporaryFile() as file:
        log = RequestLog(form, root_path, file.fileno())
        for each in exchanges:
            log.ended(each)
        log.flush()
        file.seek(0)
        return file.read().decode().split("\n")[:-1]


def entries(text: str) -> list[dict[str, object]]:
    """The lines of requests in a log in JSON."""
    return [entry for entry in map(json.loads, text.splitlines()) if entry["logger"] == "service.requests"]


async def test_a_request_is_one_line_and_a_probe_none(capfd: pytest.CaptureFixture[str]) -> None:
    traceparent = f"00-{TRACE_ID}-{PARENT_ID}-01"
    async with running(create_app(Settings(device="cpu", log_format="json"))) as client:
        capfd.readouterr()
        headers = {"x-request-id": "mine", "traceparent": traceparent}
        answer = await client.get("/tokenize?sentence=se%0Acret", headers=headers)
        await client.post("/tokenize", json={"sentence": "secret", "secret": "secret"})
    text = capfd.readouterr().err
    first, second = entries(text)
    assert (first["message"], first["method"], first["path"]) == ("GET /tokenize 200", "GET", "/tokenize")
    assert (first["status"], first["bytes"], first["client"]) == (200, len(answer.content), "127.0.0.1")
    assert (first["request_id"], first["trace_id"], first["level"]) == ("mine", TRACE_ID, "info")
    assert {"ms", "tokenize_ms", "encode_ms"} < first.keys()
    assert (second["status"], second["problem"]) == (422, "invalid-fields")
    assert "cret" not in text


async def test_sentences_are_logged_where_the_setting_says_so(capfd: pytest.CaptureFixture[str]) -> None:
    async with running(create_app(Settings(device="cpu", log_format="json", log_sentences=True))) as client:
        capfd.readouterr()
        await client.get("/tokenize?sentence=a%0Asecret")
        await client.post("/tokenize", json={"sentence": "hid\u2028den"})
        await client.post("/tokenize", content=b"\xff" + b"x" * 5000)
    first, second, third = entries(capfd.readouterr().err)
    assert first["query"] == "sentence=a%0Asecret"
    assert second["body"] == '{"sentence":"hid\u2028den"}'
    assert third["body"] == "\\xff" + "x" * (MAX_ASKED_BYTES - 1)


async def test_a_failure_has_its_traceback_on_one_line_with_the_ids(
    app: FastAPI, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    headers = {"x-request-id": "failing", "traceparent": f"00-{TRACE_ID}-{PARENT_ID}-01"}
    with monkeypatch.context() as patch:
        patch.setattr(app.state.operations().engine, "tokenize", None)  # calling it raises a TypeError
        await client.get("/tokenize?sentence=hi", headers=headers)
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    line = TextFormatter().format(record)
    assert f"request failed: request_id=failing trace_id={TRACE_ID} path=/tokenize" in line
    assert "TypeError" in line
    assert line.isprintable()


def test_text_has_the_same_in_words() -> None:
    ended = exchange("POST", "/a b\n")
    ended.status, ended.sent_bytes, ended.problem = 404, 12, "not-found"
    ended.ended = ended.began + 0.0015
    ended.timings["queue"] = 0.001
    (line,) = written("text", ended)
    assert line.endswith(
        " INFO service.requests: POST /a%20b%0A 404 bytes=12 ms=1.500 queue_ms=1.000 client=192.0.2.7 request_id=an-id "
        "problem=not-found"
    )


def test_the_time_is_that_of_the_end_and_not_of_the_writing() -> None:
    ended = exchange()
    ended.ended = perf_counter() - 3600
    (line,) = written("text", ended)
    shown = datetime.strptime(line[:23], "%Y-%m-%d %H:%M:%S,%f")  # logging writes local time
    assert abs(datetime.now() - shown - timedelta(hours=1)) < timedelta(minutes=1)


def test_what_was_never_answered_is_a_499() -> None:
    assert [json.loads(line)["status"] for line in written("json", exchange())] == [499]


def test_probes_are_for_debug_also_below_a_proxys_prefix(caplog: pytest.LogCaptureFixture) -> None:
    probes = [exchange(path=path) for path in ("/livez", "/metrics", "/below/readyz")]
    assert written("text", *probes, root_path="/below") == []
    caplog.set_level(logging.DEBUG, "service.requests")
    assert all(" DEBUG " in line for line in written("text", *probes, root_path="/below"))


def test_requests_are_not_logged_above_info(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "service.requests")
    assert written("text", exchange()) == []


@pytest.mark.parametrize("form", ["text", "json"])
@given(method=ANYTHING, path=ANYTHING, host=ANYTHING, asked=st.binary())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # the level of the log, which no example changes
def test_no_request_forges_a_line(form: Form, method: str, path: str, host: str, asked: bytes) -> None:
    assume(path not in UNBOUNDED)  # probes are not logged
    hostile = exchange(method, path, (host, 1))
    hostile.query = hostile.body = asked
    (line,) = written(form, hostile)
    assert line.isprintable()
    if form == "text":
        assert line.count(" request_id=an-id") == 1 + (asked.count(b" request_id=an-id") * 2)


def test_what_cannot_be_written_is_counted_and_told_once_it_can(caplog: pytest.LogCaptureFixture) -> None:
    log = RequestLog("text", descriptor=os.open("/dev/full", os.O_WRONLY))
    for _ in range(3):
        log.ended(exchange())
    log.flush()
    assert caplog.text == ""
    with Path("/dev/null").open("wb") as works:
        os.dup2(works.fileno(), log.descriptor)
    log.ended(exchange())
    log.flush()
    os.close(log.descriptor)
    assert f"3 lines of requests could not be written: {os.strerror(errno.ENOSPC)}" in caplog.text


def test_only_so_many_lines_wait(caplog: pytest.LogCaptureFixture) -> None:
    same = exchange()
    assert len(written("text", *[same] * (MAX_UNWRITTEN + 2))) == MAX_UNWRITTEN
    assert "2 lines of requests could not be written: too many at once" in caplog.text
