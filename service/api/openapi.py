"""openapi.json: the three endpoints from the models of requests and answers, the rest by FastAPI from its routes."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from service.api.endpoints import SENTENCE_ENDPOINTS, SentenceEndpoint
from service.api.estimates import MEDIA_TYPE as ESTIMATE
from service.api.estimates import Estimate
from service.api.openapi_parts import (
    HEADERS,
    REFERENCE,
    SECURITY,
    SECURITY_SCHEMES,
    UNCHANGED,
    Json,
    bulk_answer,
    bulk_body,
    headers,
    problem_responses,
    reference,
    text_body,
)
from service.api.problems import Problem
from service.api.reading import JSON, LINES, TEXT

EXAMPLES: Json = json.loads((Path(__file__).parent / "examples.json").read_text())
"""An example request and its answer for every operation, by operationId; the tests send and get them."""

DESCRIPTION = """
Shows which token attends to which, and how exactly that is computed: tokens, embedding, queries, keys, values,
scores, softmax and weighted values of scaled dot-product attention (Vaswani et al. 2017).

The three endpoints take their fields as the JSON body of a `POST` or as the query of a `GET` (lists comma-separated or
repeated, booleans `true` or `false`, an empty value is null). Many requests in one `POST` of `application/x-ndjson` to
`/tokenize` or `/attention`, one a line, are answered line by line. The default model, `synthetic`, draws seeded random
embeddings and weights, so that the same request gives the same numbers to the last bit. Beside it there may be
pretrained models of Hugging Face transformers, which whoever runs the service configures: `GET /models` lists them, and
the fields and tensors of each. Unknown fields are refused, and every error is a problem document (RFC 9457).
"""

EVERYWHERE = (
    "malformed-request",
    "request-timeout",
    "query-too-long",
    "headers-too-large",
    "internal-error",
    "shutting-down",
    "too-many-connections",
)
GUARDED = ("host-not-allowed", "unauthorized")
"""Where a setting closes the service; the probes stay open."""
ADMITTED = ("too-many-requests", "too-many-bytes", "deadline-exceeded")
LOADED = ("not-ready", *ADMITTED)
SENTENCE = ("not-acceptable", "invalid-fields", "no-tokens", "too-many-tokens")
POSTED = ("malformed-json", "malformed-text", "malformed-query", "body-too-large", "unsupported-media-type")
COMPUTED = ("response-too-large", "too-much-work")
FIELD_HEADERS = {"filename": "Content-Disposition", "quantize": "X-Quantization"}
"""Headers of answers to requests with a field."""
PLAIN_ROUTES = {
    "list_models": LOADED,
    "get_model": ("not-found", *LOADED),
    "get_info": LOADED,
    "livez": (),
    "metrics": (),
    "readyz": ("not-ready",),
    "health": ("not-ready",),
}
"""The problems of FastAPI's own routes, by operationId."""
CACHING = {
    "service": ("ETag", "Cache-Control", "Vary", "Content-Encoding"),
    "probes": ("Cache-Control",),
    "metrics": ("Cache-Control", "Vary", "Content-Encoding"),
}
"""The headers of their answers that tell who may keep them, and in which coding, by tag."""


def build_openapi(app: FastAPI) -> Json:
    """The OpenAPI 3.1 document of `app`."""
    if app.openapi_schema is None:
        app.openapi_schema = _build(app)
    return app.openapi_schema


def _build(app: FastAPI) -> Json:
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        license_info=app.license_info,
        routes=app.routes,
        tags=[
            {"name": "attention", "description": "Tokens, matrices and pictures of a sentence."},
            {"name": "service", "description": "What this service offers and runs on."},
            {"name": "probes", "description": "Whether it is alive and ready."},
            {"name": "metrics", "description": "What it has counted, for Prometheus."},
        ],
    )
    schemas = document["components"]["schemas"]
    for generated in ("HTTPValidationError", "ValidationError"):  # FastAPI's; this service answers Problem
        schemas.pop(generated, None)
    schemas.update(_schemas())
    document["components"]["headers"] = {
        name: {"description": description, "schema": {"type": "string"}} for name, description in HEADERS.items()
    }
    document["components"]["securitySchemes"] = SECURITY_SCHEMES
    document["security"] = SECURITY
    for methods in document["paths"].values():
        for operation in methods.values():
            _complete_plain(operation)
    sentence_paths = {endpoint.path: _sentence_path(endpoint, schemas) for endpoint in SENTENCE_ENDPOINTS}
    document["paths"] = sentence_paths | document["paths"]
    return document


def _schemas() -> Json:
    requests = [(endpoint.fields, "validation") for endpoint in SENTENCE_ENDPOINTS]
    answers = [(endpoint.answer, "serialization") for endpoint in SENTENCE_ENDPOINTS if endpoint.answer]
    models: Any = [*requests, *answers, (Estimate, "serialization"), (Problem, "serialization")]
    _, schema = models_json_schema(models, ref_template=REFERENCE)
    definitions: Json = schema["$defs"]
    return definitions


def _complete_plain(operation: Json) -> None:
    """Add to an operation that FastAPI documented its problems, headers and example."""
    name = operation["operationId"]
    operation["responses"].pop("422", None)  # FastAPI's guess; these routes have nothing to validate
    success = operation["responses"]["200"]
    caching = CACHING[operation["tags"][0]]
    success["headers"] = headers("X-Request-Id", *caching)
    if "ETag" in caching:
        operation["responses"]["304"] = UNCHANGED
    if name in EXAMPLES:
        success["content"][JSON]["example"] = EXAMPLES[name]["answer"]
    for parameter in operation.get("parameters", []):
        parameter["example"] = EXAMPLES[name]["request"][parameter["name"]]
    is_probe = operation["tags"] == ["probes"]
    if is_probe:
        operation["security"] = []
    operation["responses"] |= problem_responses((*EVERYWHERE, *(() if is_probe else GUARDED), *PLAIN_ROUTES[name]))


def _sentence_path(endpoint: SentenceEndpoint, schemas: Json) -> Json:
    name = endpoint.path.removeprefix("/")
    codes = (*EVERYWHERE, *GUARDED, *LOADED, *SENTENCE, *(() if name == "tokenize" else COMPUTED))
    shared: Json = {
        "tags": ["attention"],
        "summary": endpoint.summary,
        "description": endpoint.description,
    }
    schema = schemas[endpoint.fields.__name__]
    named = [header for field, header in FIELD_HEADERS.items() if field in endpoint.fields.model_fields]
    named += ["Content-Security-Policy"] if "svg" in endpoint.forms else []
    post_headers = ("X-Request-Id", "Server-Timing", "Vary", "Content-Encoding", *named)
    get_headers = ("ETag", "Cache-Control")
    return {
        "post": {
            **shared,
            "operationId": name,
            "requestBody": {
                "required": True,
                "content": {
                    JSON: {"schema": reference(endpoint.fields), "example": EXAMPLES[name]["request"]},
                    **({LINES: bulk_body(EXAMPLES[name]["request"])} if LINES in endpoint.takes else {}),
                    TEXT: text_body(EXAMPLES[name]["request"]),
                },
            },
            "responses": {"200": _posted_answer(endpoint, post_headers), **problem_responses((*codes, *POSTED))},
        },
        "get": {
            **shared,
            "operationId": f"{name}_by_get",
            "parameters": _parameters(schema, EXAMPLES[name]["request"]),
            "responses": {
                "200": _answer(endpoint, (*post_headers, *get_headers)),
                "304": UNCHANGED,
                **problem_responses((*codes, "malformed-query")),
            },
        },
    }


def _posted_answer(endpoint: SentenceEndpoint, names: Iterable[str]) -> Json:
    answer = _answer(endpoint, names)
    if LINES in endpoint.takes:
        answer["content"][LINES] = bulk_answer(EXAMPLES[endpoint.path.removeprefix("/")]["answer"])
    return answer


def _answer(endpoint: SentenceEndpoint, names: Iterable[str]) -> Json:
    examples = EXAMPLES[endpoint.path.removeprefix("/")]
    if endpoint.answer is None:
        picture = {"summary": "Nine tokens", "description": f"What `GET {examples['answer']}` answers."}
        content: Json = {
            "image/png": {"schema": {"type": "string", "format": "binary"}, "examples": {"picture": picture}},
            "image/svg+xml": {"schema": {"type": "string"}},
        }
    else:
        binary = {"schema": {"type": "string", "format": "binary"}}
        content = dict.fromkeys(endpoint.forms.values(), binary)
        content[JSON] = {"schema": reference(endpoint.answer), "example": examples["answer"]}
    if "dry_run" in endpoint.fields.model_fields:
        content[ESTIMATE] = {"schema": reference(Estimate)}
    description = (endpoint.answer.__doc__ or "").strip() if endpoint.answer else "The picture."
    return {"description": description, "headers": headers(*names), "content": content}


def _parameters(schema: Json, example: Json) -> list[Json]:
    """The fields of a request model as query parameters."""
    parameters = []
    for name, described in schema["properties"].items():
        field = _without_null(described)
        description = field.pop("description")
        parameter: Json = {
            "name": name,
            "in": "query",
            "required": name in schema["required"],
            "description": description,
            "schema": field,
        }
        if {"type": "null"} in described.get("anyOf", []):
            parameter["allowEmptyValue"] = True  # an empty value is null
        if name in example:
            parameter["example"] = example[name]
        parameters.append(parameter)
    return parameters


def _without_null(field: Json) -> Json:
    """A field as the query has it: a value that is left out stands for null."""
    options = [option for option in field.get("anyOf", []) if option != {"type": "null"}]
    kept = {key: value for key, value in field.items() if key not in {"anyOf", "examples", "title"}}
    if options:
        kept = {**options[0], **kept}
        if kept.get("default", ...) is None:
            del kept["default"]
    return kept
