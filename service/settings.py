"""The service's settings: environment variables ATTENTION_*, each with a flag of `attention-service serve`."""

import ipaddress
import os
import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

ENV_PREFIX = "ATTENTION_"
DEVICE = re.compile(r"auto|cpu|cuda(:[0-9]+)?|mps")
ORIGIN = re.compile(r"\*|[a-z][a-z0-9+.-]*://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]+)?")
HOST = re.compile(r"\[[0-9a-f:.]+\]|(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*")
ROOT_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+")
CLOSING = ("api_keys", "api_keys_file")
"""Settings that close the service: one that got lost on its way must not leave it open."""
OPEN = "whoever reaches %s may use this service: no API_KEYS or API_KEYS_FILE is set"
"""A warning, of a host."""


class Settings(BaseSettings):
    """What an operator decides. Frozen, and handed in: nothing else reads the environment."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, env_ignore_empty=True, extra="forbid", frozen=True)

    device: str = Field("auto", description="torch device: auto (the best there is), cpu, cuda, cuda:N or mps")
    num_threads: int | None = Field(
        None,
        ge=1,
        le=1024,
        description="threads that torch computes with in each process, on which last bits depend; empty = torch's own "
        "default, cut to the container's CPU quota, divided by WORKERS",
    )
    host: str = Field("127.0.0.1", description="address to listen on; 0.0.0.0 = every IPv4 address of the machine")
    port: int = Field(8000, ge=0, le=65535, description="TCP port to listen on; 0 = any free one, logged at start")
    workers: int = Field(
        1,
        ge=1,
        le=256,
        description="processes that serve; each loads every model and computes with its share of the cores",
    )
    max_tokens: int = Field(
        2048,
        ge=1,
        le=65536,
        description="most tokens of a text whose matrices are answered as a whole; a pretrained model may have fewer "
        "positions",
    )
    max_stream_tokens: int = Field(
        131_072,
        ge=1,
        le=1_048_576,
        description="most tokens of a longer text: of its matrices pictures, windows, bins and the strongest keys are "
        "answered; less than MAX_TOKENS counts as MAX_TOKENS",
    )
    models: str | None = Field(
        None,
        description="pretrained models to serve, comma-separated: folders, or repositories of the Hugging Face hub; "
        "id=source@revision names and pins one",
    )
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        "float32", description="precision of pretrained models; auto = that of their weights"
    )
    batching: Literal["throughput", "exact"] = Field(
        "throughput",
        description="throughput = waiting requests to a pretrained model share a run, attentions vary by 1e-6; "
        "exact = one text at a time, equal in every bit on the CPU",
    )
    max_batch_tokens: int = Field(
        8192, ge=1, description="most tokens, padding included, that share a run of a pretrained model"
    )
    max_body_bytes: int = Field(
        2 * 1024**2, ge=1024, description="largest request body, or line of a bulk request, in bytes"
    )
    max_response_bytes: int = Field(
        64 * 1024**2, ge=1024, description="largest JSON answer, in bytes, as estimated before work"
    )
    max_concurrent_requests: int = Field(
        16, ge=1, le=4096, description="most requests that are at work in a process at the same time"
    )
    max_queued_requests: int = Field(
        64, ge=0, le=65536, description="most requests that wait to be at work; more get 429"
    )
    max_inflight_bytes: int = Field(
        128 * 1024**2,
        ge=1024,
        description="most bytes of bodies and answers in a process's memory, as estimated; one request alone may have "
        "more",
    )
    max_connections: int = Field(
        4096, ge=1, le=65536, description="most connections to a process; beyond them only probes are answered"
    )
    max_header_bytes: int = Field(
        32 * 1024, ge=1024, le=1024**2, description="largest request line and headers together, in bytes"
    )
    header_timeout: int = Field(
        10, ge=1, le=3600, description="seconds that a request's headers may take, and a new connection to send some"
    )
    body_timeout: int = Field(30, ge=1, le=3600, description="seconds without progress of a request's body")
    write_timeout: int = Field(30, ge=1, le=3600, description="seconds in which a reader takes nothing of its answer")
    request_timeout: int = Field(
        60, ge=1, le=86400, description="seconds in which an answer, or that to a line of bulk, must begin"
    )
    fonts: str | None = Field(
        None,
        description="font files or folders, comma-separated, for what the bundled DejaVu Sans lacks in pictures; empty "
        "= the system's",
    )
    api_keys: SecretStr | None = Field(
        None,
        description="keys that open the service, comma-separated, each of at least 16 visible ASCII characters; empty "
        "is refused, unset = open to all. Prefer the variable or API_KEYS_FILE: other users see a process' flags",
    )
    api_keys_file: str | None = Field(
        None,
        description="file with one key a line, `#` starts a comment, instead of API_KEYS; read again within 5 s of a "
        "change and on SIGHUP",
    )
    cors_origins: str | None = Field(
        None,
        description="origins whose pages may read answers, comma-separated, such as https://example.org; * = all; "
        "empty = none",
    )
    frame_ancestors: str | None = Field(
        None,
        description="origins whose pages may show the explorer in a frame, comma-separated, such as "
        "https://example.org; * = all; empty = none",
    )
    allowed_hosts: str | None = Field(
        None,
        description="comma-separated hosts, without ports, that the service is served under; *.example.org = all "
        "below; empty = any; probes take any",
    )
    forwarded_allow_ips: str | None = Field(
        None,
        description="addresses or networks of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed, "
        "comma-separated; * = all; empty = none",
    )
    root_path: str | None = Field(
        None, description="path that a proxy serves this under and strips, such as /attention; empty = none"
    )
    shutdown_timeout: int = Field(
        25, ge=1, le=3600, description="seconds that requests in flight get to end after SIGTERM"
    )
    stall_timeout: int = Field(
        120,
        ge=1,
        le=86400,
        description="seconds after which a process ends itself, to be started again, when its event loop or its engine "
        "stands still; more than a layer of the largest model takes",
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(str.lower)] = Field(
        "info", description="least severity that is logged"
    )
    log_format: Literal["text", "json"] = Field("text", description="log lines as text or as JSON objects")
    log_sentences: bool = Field(
        False, description="log what is asked: the beginnings of query strings and bodies, and so the sentences"
    )

    @field_validator("device")
    @classmethod
    def _is_a_device(cls, device: str) -> str:
        if not DEVICE.fullmatch(device):
            raise PydanticCustomError("device", "should be auto, cpu, cuda, cuda:N or mps")
        return device

    @model_validator(mode="before")
    @classmethod
    def _empty_keys_count(cls, given: dict[str, object]) -> dict[str, object]:
        lost = {name: "" for name in CLOSING if os.environ.get(f"{ENV_PREFIX}{name.upper()}") == ""}
        return lost | given

    @field_validator("cors_origins", "frame_ancestors")
    @classmethod
    def _are_origins(cls, origins: str | None) -> str | None:
        if not all(ORIGIN.fullmatch(origin) for origin in listed(origins)):
            raise PydanticCustomError("origins", "should be origins such as https://example.org, lower-case, or *")
        return origins

    @field_validator("allowed_hosts")
    @classmethod
    def _are_hosts(cls, hosts: str | None) -> str | None:
        if not all(HOST.fullmatch(host.lower()) for host in listed(hosts)):
            raise PydanticCustomError("hosts", "should be host names without ports, or such as *.example.org")
        return hosts

    @field_validator("forwarded_allow_ips")
    @classmethod
    def _are_addresses(cls, addresses: str | None) -> str | None:
        try:
            for address in listed(addresses) if addresses != "*" else ():
                ipaddress.ip_network(address)
        except ValueError:
            message = "should be IP addresses, or networks such as 10.0.0.0/8, or *"
            raise PydanticCustomError("addresses", message) from None
        return addresses

    @field_validator("root_path")
    @classmethod
    def _is_a_path(cls, path: str | None) -> str | None:
        if path is not None and not ROOT_PATH.fullmatch(path):
            raise PydanticCustomError("root_path", "should begin with / and not end with it, such as /attention")
        return path

    @property
    def is_open(self) -> bool:
        """Whether requests need no key."""
        return self.api_keys is None and self.api_keys_file is None

    @property
    def font_places(self) -> list[str]:
        """The files and folders in `fonts`."""
        return listed(self.fonts)


def listed(text: str | None) -> list[str]:
    """What `text` lists between commas."""
    return [part.strip() for part in (text or "").split(",") if part.strip()]
