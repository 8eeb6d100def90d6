"""openapi.json is current, valid and true: every example request in it is sent, every example answer is got."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from service import cli
from service.api.problems import KINDS

DOCUMENT_FILE = Path(__file__).parents[1] / "openapi" / "openapi.json"
DOCUMENT: dict[str, Any] = json.loads(DOCUMENT_FILE.read_bytes())

TOLERANCE = 1e-4
"""Of an example's floats: last bits, and so the fourth decimal, differ between CPUs."""

OF_THE_MACHINE = ("versions", "device", "cpu_capability", "num_threads")
"""Members of /info that depend on where the tests run."""


@dataclass(frozen=True)
class Operation:
    """One method of one path, as the document declares it."""

    path: str
    method: str
    declared: dict[str, Any]

    @property
    def parameters(self) -> list[dict[str, Any]]:
        return list(self.declared.get("parameters", []))

    @property
    def body(self) -> dict[str, Any] | None:
        return self.declared["requestBody"]["content"]["application/json"] if "requestBody" in self.declared else None

    @property
    def answer(self) -> tuple[str, dict[str, Any]]:
        """The media type of the answer, by default, and what is declared for it."""
        media_type, content = next(iter(self.declared["responses"]["200"]["content"].items()))
        return media_type, content

    async def send_example(self, client: httpx.AsyncClient) -> httpx.Response:
        given: dict[str, dict[str, Any]] = {"query": {}, "path": {}}
        for parameter in self.parameters:
            if "example" in parameter:
                given[parameter["in"]][parameter["name"]] = parameter["example"]
        path = self.path.format(**given["path"])
        body = self.body["example"] if self.body else None
        response = await client.request(self.method, path, params=given["query"], json=body)
        assert response.status_code == 200, response.text
        return response


OPERATIONS = [
    Operation(path, method, declared)
    for path, methods in DOCUMENT["paths"].items()
    for method, declared in methods.items()
]
JSON_OPERATIONS = [operation for operation in OPERATIONS if operation.answer[0] == "application/json"]
PICTURE_OPERATIONS = [operation for operation in OPERATIONS if operation.answer[0].startswith("image/")]


def each(operations: list[Operation]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("operation", operations, ids=lambda operation: operation.declared["operationId"])


def validate(value: object, schema: dict[str, Any]) -> None:
    """Hold `value` against a schema whose references point into the document."""
    Draft202012Validator({**schema, "components": DOCUMENT["components"]}).validate(value)


def nodes(node: object) -> Iterator[dict[str, Any]]:
    """Every object in the document."""
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from nodes(child)


def test_the_committed_document_is_what_the_service_makes() -> None:
    is_current = DOCUMENT_FILE.read_bytes() == cli.openapi() + b"\n"
    assert is_current, "renew it: python -m service openapi -o openapi/openapi.json"


def test_the_document_is_valid_openapi_3_1() -> None:
    OpenAPIV31SpecValidator(DOCUMENT).validate()


@each(OPERATIONS)
def test_every_operation_with_inputs_has_an_example_request_that_its_schemas_allow(operation: Operation) -> None:
    if operation.body:
        validate(operation.body["example"], operation.body["schema"])
    for parameter in operation.parameters:
        assert "example" in parameter or not parameter["required"]
        if "example" in parameter:
            validate(parameter["example"], parameter["schema"])


@each(JSON_OPERATIONS)
def test_every_example_answer_is_one_that_its_schema_allows(operation: Operation) -> None:
    _, content = operation.answer
    validate(content["example"], content["schema"])


@each(JSON_OPERATIONS)
async def test_the_real_answer_is_one_that_its_schema_allows(client: httpx.AsyncClient, operation: Operation) -> None:
    _, content = operation.answer
    validate((await operation.send_example(client)).json(), content["schema"])


@each(JSON_OPERATIONS)
async def test_the_example_request_gets_the_example_answer(client: httpx.AsyncClient, operation: Operation) -> None:
    media_type, content = operation.answer
    response = await operation.send_example(client)
    assert response.headers["content-type"] == media_type
    real, example = response.json(), content["example"]
    if operation.path == "/info":
        real |= {name: example[name] for name in OF_THE_MACHINE if shape(real[name]) == shape(example[name])}
    assert settled(real, example) == example


def settled(real: object, example: object) -> object:
    """`real`, with the example's floats where its own are that close."""
    match real, example:
        case dict(), dict():
            return {name: settled(value, example.get(name)) for name, value in real.items()}
        case list(), list() if len(real) == len(example):
            return [settled(*pair) for pair in zip(real, example, strict=True)]
        case float(), float() if abs(real - example) <= TOLERANCE:
            return example
    return real


def shape(value: object) -> object:
    return {name: type(item) for name, item in value.items()} if isinstance(value, dict) else type(value)


@each(OPERATIONS)
async def test_every_header_of_a_real_answer_is_declared(client: httpx.AsyncClient, operation: Operation) -> None:
    response = await operation.send_example(client)
    declared = {name.lower() for name in operation.declared["responses"]["200"]["headers"]}
    assert set(response.headers) - declared <= {"content-type", "content-length"}


@each(PICTURE_OPERATIONS)
async def test_the_example_picture_is_at_the_address_that_the_document_names(
    client: httpx.AsyncClient, operation: Operation
) -> None:
    media_type, content = operation.answer
    [address] = re.findall(r"`GET (\S+)`", content["examples"]["picture"]["description"])
    named, real = await client.get(address), await operation.send_example(client)
    assert real.headers["content-type"] == named.headers["content-type"] == media_type
    assert real.content == named.content


def test_there_are_no_prefix_items_which_generators_do_not_know() -> None:
    assert not [node for node in nodes(DOCUMENT) if "prefixItems" in node]


def test_no_field_is_a_number_or_a_word() -> None:
    for node in nodes([DOCUMENT["components"]["schemas"], DOCUMENT["paths"]]):
        options = [*node.get("anyOf", []), *node.get("oneOf", [])]
        types = {option.get("type") for option in options} | set(
            node["type"] if isinstance(node.get("type"), list) else []
        )
        assert not ("string" in types and types & {"integer", "number"}), node


def test_every_member_is_described() -> None:
    schemas = DOCUMENT["components"]["schemas"].items()
    members = [(name, member, node) for name, schema in schemas for member, node in schema["properties"].items()]
    assert [(name, member) for name, member, node in members if not node.get("description")] == []


@each(OPERATIONS)
def test_a_success_is_described_in_the_operations_own_words(operation: Operation) -> None:
    assert operation.declared["responses"]["200"]["description"] not in {"", "Successful Response"}


@each(OPERATIONS)
def test_every_failure_is_declared_as_a_problem_document(operation: Operation) -> None:
    failures = {status: response for status, response in operation.declared["responses"].items() if status >= "400"}
    assert failures
    for response in failures.values():
        (content,) = response["content"].items()
        assert content[0] == "application/problem+json"
        assert content[1]["schema"] == {"$ref": "#/components/schemas/Problem"}
        for example in content[1]["examples"].values():
            validate(example["value"], DOCUMENT["components"]["schemas"]["Problem"])


def test_the_kinds_of_problems_are_a_closed_list() -> None:
    kinds = DOCUMENT["components"]["schemas"]["Problem"]["properties"]["type"]["enum"]
    assert kinds == [f"/problems/{code}" for code in KINDS]


@pytest.mark.parametrize("path", ["/tokenize", "/attention?sentence=a&d_k=0&d_v=x", "/models/none", "/nowhere"])
async def test_a_real_failure_is_a_problem_that_the_schema_allows(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path)
    assert response.headers["content-type"] == "application/problem+json"
    validate(response.json(), DOCUMENT["components"]["schemas"]["Problem"])
