"""What a problem document must be."""

from typing import Any

import httpx

from service.api.problems import Problem


def expect(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem document of `response`, which must be whole and have this status and code."""
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    problem: dict[str, Any] = response.json()
    Problem.model_validate(problem)
    assert (response.status_code, problem["status"], problem["type"]) == (status, status, f"/problems/{code}")
    assert problem["request_id"] == response.headers["x-request-id"]
    assert problem["instance"] == response.request.url.raw_path.decode().partition("?")[0]
    assert ("errors" in problem) == (status == 422)
    return problem
