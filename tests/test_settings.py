"""Settings: environment variables, beaten by flags; validated, frozen, described."""

import json
import logging
import os
import socket
from typing import Any, Literal, get_args, get_origin

import pytest
import uvicorn
from fastapi import FastAPI
from pydantic import SecretStr, ValidationError

from service import cli, logs, server, serving
from service.api.keys import KeysError
from service.loader import check_before_serving
from service.settings import CLOSING, ENV_PREFIX, Settings
from tests.defaults import DEFAULTS

VALUES: dict[str, tuple[str, object]] = {
    "device": ("cuda:1", "cuda:1"),
    "num_threads": ("3", 3),
    "workers": ("2", 2),
    "host": ("0.0.0.0", "0.0.0.0"),  # noqa: S104  # nothing listens on it
    "port": ("0", 0),
    "models": ("a=./b,c=d/e@f", "a=./b,c=d/e@f"),
    "dtype": ("bfloat16", "bfloat16"),
    "batching": ("exact", "exact"),
    "max_batch_tokens": ("64", 64),
    "max_tokens": ("7", 7),
    "max_stream_tokens": ("9", 9),
    "max_body_bytes": ("1024", 1024),
    "max_response_bytes": ("4096", 4096),
    "max_concurrent_requests": ("3", 3),
    "max_queued_requests": ("0", 0),
    "max_inflight_bytes": ("8192", 8192),
    "max_connections": ("50", 50),
    "max_header_bytes": ("2048", 2048),
    "header_timeout": ("2", 2),
    "body_timeout": ("3", 3),
    "write_timeout": ("4", 4),
    "request_timeout": ("5", 5),
    "fonts": ("/a.ttf,/b", "/a.ttf,/b"),
    "api_keys": ("a key of many letters", SecretStr("a key of many letters")),
    "api_keys_file": ("/run/keys", "/run/keys"),
    "cors_origins": ("https://a.test,http://b.test:81", "https://a.test,http://b.test:81"),
    "frame_ancestors": ("https://a.test,https://b.test", "https://a.test,https://b.test"),
    "allowed_hosts": ("a.test,*.B.test", "a.test,*.B.test"),
    "forwarded_allow_ips": ("10.0.0.0/8,::1", "10.0.0.0/8,::1"),
    "root_path": ("/a/b", "/a/b"),
    "shutdown_timeout": ("9", 9),
    "stall_timeout": ("60", 60),
    "log_level": ("debug", "debug"),
    "log_format": ("json", "json"),
    "log_sentences": ("true", True),
}
"""For every setting a text and the value that it stands for, none of them the default."""


@pytest.fixture(autouse=True)
def no_settings_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(ENV_PREFIX):
            monkeypatch.delenv(name)


def settings_of_serve(monkeypatch: pytest.MonkeyPatch, *flags: str) -> Settings:
    """What `attention-service serve` would serve with."""
    given: list[Settings] = []
    monkeypatch.setattr(cli, "serve", given.append)
    cli.main(["serve", *flags])
    return given[0]


def variable(name: str) -> str:
    return f"{ENV_PREFIX}{name.upper()}"


def flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def test_the_values_tried_here_are_those_of_all_settings() -> None:
    assert set(VALUES) == set(Settings.model_fields)


@pytest.mark.parametrize("name", VALUES)
def test_a_setting_is_taken_from_its_environment_variable(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    text, value = VALUES[name]
    monkeypatch.setenv(variable(name), text)
    assert getattr(settings_of_serve(monkeypatch), name) == value


@pytest.mark.parametrize("name", VALUES)
def test_a_setting_is_taken_from_its_flag(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    text, value = VALUES[name]
    assert getattr(settings_of_serve(monkeypatch, flag(name), text), name) == value


@pytest.mark.parametrize("name", VALUES)
def test_a_flag_beats_the_environment(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    text, value = VALUES[name]
    monkeypatch.setenv(variable(name), str(Settings.model_fields[name].default or 1))
    assert getattr(settings_of_serve(monkeypatch, flag(name), text), name) == value


@pytest.mark.parametrize("name", [name for name in VALUES if name not in CLOSING])
def test_an_empty_environment_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(variable(name), "")
    assert getattr(settings_of_serve(monkeypatch), name) == Settings.model_fields[name].default


@pytest.mark.parametrize("name", CLOSING)
def test_an_empty_environment_variable_does_not_open_the_service(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(variable(name), "")
    with pytest.raises(KeysError):
        check_before_serving(Settings())


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("device", "gpu"),
        ("device", "cuda:x"),
        ("num_threads", "0"),
        ("port", "65536"),
        ("port", "-1"),
        ("port", "80.5"),
        ("max_tokens", "0"),
        ("max_body_bytes", "1023"),
        ("max_response_bytes", "1GB"),
        ("cors_origins", "example.org"),
        ("cors_origins", "https://example.org/"),
        ("cors_origins", "null"),
        ("frame_ancestors", "example.org"),
        ("frame_ancestors", "https://example.org; script-src *"),
        ("allowed_hosts", "example.org:80"),
        ("allowed_hosts", "*"),
        ("allowed_hosts", "a.*.org"),
        ("forwarded_allow_ips", "proxy"),
        ("forwarded_allow_ips", "10.0.0.1/8"),
        ("root_path", "/"),
        ("root_path", "/a/"),
        ("root_path", "a"),
        ("shutdown_timeout", "0"),
        ("stall_timeout", "0"),
        ("log_level", "loud"),
        ("log_format", "xml"),
    ],
)
def test_an_invalid_value_is_refused_naming_the_setting(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    monkeypatch.setenv(variable(name), text)
    with pytest.raises(ValidationError, match=name):
        Settings()


def test_the_log_level_may_be_written_in_capitals(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings_of_serve(monkeypatch, "--log-level", "WARNING").log_level == "warning"


def test_a_setting_that_does_not_exist_is_refused() -> None:
    fields: dict[str, Any] = {"prot": 80}
    with pytest.raises(ValidationError, match="prot"):
        Settings(**fields)


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().port = 1  # type: ignore[misc]  # what is tested


@pytest.mark.parametrize("name", Settings.model_fields)
def test_serves_help_has_a_setting_with_flag_variable_description_and_default(
    capsys: pytest.CaptureFixture[str], name: str
) -> None:
    with pytest.raises(SystemExit):
        cli.main(["serve", "--help"])
    field = Settings.model_fields[name]
    default = f"; default: {DEFAULTS[name]}" if DEFAULTS[name] is not None else ""
    choices = f"one of: {', '.join(get_args(field.annotation))}; " if get_origin(field.annotation) is Literal else ""
    entry = f"{flag(name)} VALUE {field.description} ({choices}environment: {variable(name)}{default})"
    assert entry in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_described(name: str) -> None:
    assert Settings.model_fields[name].description


class ServerThatServesNothing:
    force_exit = False

    def __init__(self, config: uvicorn.Config, app: FastAPI, settings: Settings) -> None:
        pass

    def run(self, sockets: list[socket.socket]) -> None:
        for listener in sockets:
            listener.close()


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """What `serve` logs before it serves."""
    monkeypatch.setattr(server, "Server", ServerThatServesNothing)
    monkeypatch.setattr(logs, "configure_logging", lambda _level, _form: caplog.set_level(logging.INFO))
    return caplog


def test_settings_are_logged_at_start_with_secrets_redacted(log: pytest.LogCaptureFixture) -> None:
    serving.serve(Settings(port=0, max_tokens=77, api_keys=SecretStr("a-key-of-many-letters")))
    logged = json.loads(log.messages[0].removeprefix("settings: "))
    assert (logged["max_tokens"], logged["api_keys"]) == (77, "**********")


@pytest.mark.parametrize(
    ("host", "keys", "is_warned"),
    [("127.0.0.1", None, False), ("0.0.0.0", None, True), ("0.0.0.0", "a-key-of-many-letters", False)],  # noqa: S104
)
def test_a_public_address_without_keys_is_warned_of(
    log: pytest.LogCaptureFixture, host: str, keys: str | None, is_warned: bool
) -> None:
    serving.serve(Settings(host=host, port=0, api_keys=keys and SecretStr(keys)))
    assert any("no API_KEYS" in message for message in log.messages) == is_warned


@pytest.mark.parametrize(
    ("name", "hint"), [("ATTENTION_PROT", "; did you mean ATTENTION_PORT?"), ("ATTENTION_" + "Q" * 40, "")]
)
def test_a_variable_that_is_no_setting_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, log: pytest.LogCaptureFixture, name: str, hint: str
) -> None:
    monkeypatch.setenv(name, "80")
    serving.serve(Settings(port=0))
    assert log.messages[-1] == f"{name} is no setting{hint}"
